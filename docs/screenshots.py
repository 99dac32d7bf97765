"""Renew the README's pictures of the widgets: what ``make screenshots`` calls.

Each widget is run in a JupyterLab of its own, as the benchmarks do, and photographed.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.widgets import SCENES, Scene
from tools.jupyterlab import lab_and_browser, use_theme

DOCS = Path(__file__).parent
SIZE = {"width": 1280, "height": 1600}


def photograph(lab, browser, scene: Scene, theme: str, folder: Path) -> None:
    """Show a widget after a few presses of a key, and save a picture of it."""
    page = browser.new_page(viewport=SIZE, device_scale_factor=1)
    page.set_default_timeout(60_000)
    lab.show(page, scene.cell)
    use_theme(page, theme)
    panel = page.locator(".course-panel")
    panel.locator(scene.control).first.focus()
    for _ in range(4):
        page.keyboard.press(scene.keys[0])
        page.wait_for_timeout(700)
    file = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in scene.widget)
    panel.screenshot(path=folder / f"{file.strip('_')}.png")
    page.close()
    lab.end_kernels()


def main() -> None:
    """Photograph all widgets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--theme", default="JupyterLab Light")
    parser.add_argument("--into", type=Path, default=DOCS, help="folder of the pictures")
    parser.add_argument("--only", default="", help="name of one widget")
    arguments = parser.parse_args()
    arguments.into.mkdir(parents=True, exist_ok=True)
    with lab_and_browser() as (lab, browser):
        for scene in SCENES:
            if arguments.only in scene.widget:
                photograph(lab, browser, scene, arguments.theme, arguments.into)
                print(f"{scene.widget} is photographed.")


if __name__ == "__main__":
    main()
