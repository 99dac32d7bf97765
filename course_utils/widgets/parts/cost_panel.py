"""The part of the freeze explorer that shows what training costs on this machine."""

import json
import subprocess
import sys
import tempfile
import time

import ipywidgets

from course_utils.editions import BACKBONES
from course_utils.widgets.parts.background_task import BackgroundTask
from course_utils.widgets.parts.panel import WRAP, paragraph, text
from course_utils.widgets.parts.training_cost import TrainingCost, measured_costs

NOT_MEASURED = (
    "Seconds and memory of training: not measured on this machine yet. Measuring takes one to "
    "three minutes, in a process of its own; the result is stored."
)


class CostPanel(ipywidgets.VBox):
    """Time and memory of an epoch on this machine, measured once.

    Parameters
    ----------
    name : str
        Of the backbone.
    images : int
        Initial number of images in an epoch.

    Attributes
    ----------
    images : ipywidgets.BoundedIntText
    button : ipywidgets.Button
        Starts measuring.
    words : str
        The text that is shown.
    """

    def __init__(self, name: str, images: int = 1000):
        self._name, self._frozen = name, "none"
        self._costs = measured_costs(name)
        self.images = ipywidgets.BoundedIntText(
            images,
            min=1,
            max=10_000_000,
            description="pictures per epoch",
            style={"description_width": "initial"},
            layout={"width": "240px"},
        )
        self.button = ipywidgets.Button(
            description="Measure on this machine", layout={"width": "max-content"}
        )
        self._task, self._said = BackgroundTask("measuring"), text()
        super().__init__(
            [ipywidgets.HBox([self.images, self.button], layout=WRAP), self._task, self._said]
        )
        if name not in BACKBONES:
            self.button.layout.display = "none"
        self.images.observe(lambda change: self.show(self._frozen), "value")
        self.button.on_click(lambda button: self._task.start(self._measure()))
        self.show("none")

    def show(self, frozen: str) -> None:
        """Show the cost with all blocks up to `frozen` frozen (``"none"``: no block)."""
        self._frozen = frozen
        self._said.value = paragraph(self.words)
        again = "again " if self._costs else ""
        self.button.description = f"Measure {again}on this machine"

    @property
    def words(self) -> str:
        """What training costs, as a sentence."""
        if self._name not in BACKBONES:
            return "Seconds and memory of training: measured for whole backbones only."
        if not self._costs:
            return NOT_MEASURED
        if self._frozen not in self._costs:
            return f"Seconds and memory of training: not measured for {self._frozen}."
        return _sentence(self._costs[self._frozen], self.images.value)

    def _measure(self):
        with tempfile.TemporaryFile("w+") as output:
            command = [sys.executable, "-m", "course_utils.widgets.parts.training_cost", self._name]
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
            try:
                while process.poll() is None:
                    rows = _rows(output)
                    yield len(rows) / 6, f"{len(rows)} of 6 levels of freezing are measured."
                    time.sleep(0.02)
                rows = _rows(output)
            finally:
                process.kill()
                process.wait()
        if process.returncode != 0:
            command = f"python -m course_utils.widgets.parts.training_cost {self._name}"
            raise RuntimeError(f"measurement failed; to see why, run in a terminal: {command}")
        self._costs = {row.frozen: row for row in rows}
        self.show(self._frozen)
        yield 1, "Measured, and stored for the next time."


def _rows(output) -> list[TrainingCost]:
    """Parse the complete lines."""
    output.seek(0)
    return [TrainingCost(**json.loads(line)) for line in output if line.endswith("\n")]


def _sentence(cost: TrainingCost, images: int) -> str:
    whole = f"An epoch of {images:,} pictures takes about {_seconds(cost.seconds * images)}"
    if cost.seconds_once:
        whole += (
            " through the whole network. Computing the frozen part once takes about "
            f"{_seconds(cost.seconds_once * images)}, and then an epoch of the rest "
            f"{_seconds(cost.seconds_stored * images)}"
        )
    return (
        f"{whole}. The process holds up to {cost.memory / 1e9:.1f} GB of memory. Measured on this "
        f"machine in steps of {cost.batch} pictures, with average pooling and one softmax layer."
    )


def _seconds(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.2g} s"
