"""From the press of a key to the changed text, for each widget, in JupyterLab in Chromium."""

import statistics
from dataclasses import dataclass

from benchmarks.measure import announce, table

PRESSES = 20
LIMIT = 100  # milliseconds

NETWORK = "backbone = load_backbone('minivgg', include_top=True)\n"
ANSWERS = (
    "import numpy as np\n"
    "signs = load_split('sign_language_digits', 'test')\n"
    "answers = np.random.default_rng(0).dirichlet(np.ones(10), len(signs))\n"
)


@dataclass(frozen=True)
class Scene:
    """A widget, the code that shows it, and the control in which keys are pressed in turn."""

    widget: str
    code: str
    control: str
    keys: tuple[str, str] = ("ArrowRight", "ArrowLeft")

    @property
    def cell(self) -> str:
        """All of the notebook's cell."""
        return f"from course_utils import *\n{self.code}"


SCENES = (
    Scene("FreezeExplorer", f"{NETWORK}FreezeExplorer(backbone)", "[role=slider]"),
    Scene("ClassifierPlayground", f"{NETWORK}ClassifierPlayground(backbone)", "[role=gridcell]"),
    Scene("FeatureExplorer", f"{NETWORK}FeatureExplorer(backbone)", "[role=slider]"),
    Scene(
        "ErrorBrowser",
        f"{ANSWERS}ErrorBrowser(signs.labels, answers, signs, signs.class_names)",
        "[role=gridcell]",
    ),
    Scene("StrategyAdvisor", "StrategyAdvisor()", "input[type=number]", ("ArrowUp", "ArrowDown")),
    Scene("AugmentationPreview", "AugmentationPreview()", "[role=slider]"),
)

# The page itself takes the times, so that the way to the test program does not count.
WATCH = """
control => {
  const panel = control.closest('.course-panel');
  // What the kernel says, not the number that a slider shows by itself
  const words = () => [...panel.querySelectorAll('.widget-html')].map(e => e.textContent).join();
  window.pressed = window.changed = null;
  const before = words();
  document.addEventListener('keydown', () => { window.pressed ??= performance.now(); },
    {capture: true, once: true});
  const observer = new MutationObserver(() => {
    if (words() === before) return;
    observer.disconnect();
    window.changed = performance.now();
  });
  observer.observe(panel, {subtree: true, childList: true, characterData: true});
}
"""


def report(quick: bool) -> str:
    """Return the table of all widgets: the median and the slowest of some presses of a key."""
    from tools.jupyterlab import lab_and_browser

    rows = []
    with lab_and_browser() as (lab, browser):
        for scene in SCENES:
            announce(f"{scene.widget}: {PRESSES} presses of a key")
            times = milliseconds(lab, browser.new_page(), scene, 3 if quick else PRESSES)
            median = statistics.median(times)
            verdict = "yes" if median <= LIMIT else "no"
            rows.append([scene.widget, f"{median:.0f} ms", f"{max(times):.0f} ms", verdict])
    return table(["from key to text", "median", "slowest", f"within {LIMIT} ms"], rows)


def milliseconds(lab, page, scene: Scene, presses: int) -> list[float]:
    """Press keys in a widget and return how long its text took to change, each time."""
    lab.show(page, scene.cell)
    control = page.locator(f".course-panel {scene.control}").first
    control.focus()
    times = []
    for i in range(presses + 1):
        page.wait_for_timeout(300)  # the answer to the key before is through
        page.locator(":focus").evaluate(WATCH)
        page.keyboard.press(scene.keys[i % 2])
        page.wait_for_function("window.changed", timeout=30_000)
        times.append(page.evaluate("window.changed - window.pressed"))
    page.close()
    lab.end_kernels()
    return times[1:]  # at the first press TensorFlow may still build its graph
