"""The part of the freeze explorer that tells seconds and memory of training, as measured here."""

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
    "three minutes, in a process beside the notebook; the result is kept."
)


class CostPanel(ipywidgets.VBox):
    """Says what an epoch costs on this machine, and measures it once where that is not known.

    Parameters
    ----------
    name : str
        The backbone's.
    pictures : int
        How many pictures an epoch has, at the beginning.

    Attributes
    ----------
    pictures : ipywidgets.BoundedIntText
    button : ipywidgets.Button
        Starts measuring.
    words : str
        What it says.
    """

    def __init__(self, name: str, pictures: int = 1000):
        self._name, self._frozen = name, "none"
        self._costs = measured_costs(name)
        self.pictures = ipywidgets.BoundedIntText(
            pictures,
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
            [ipywidgets.HBox([self.pictures, self.button], layout=WRAP), self._task, self._said]
        )
        if name not in BACKBONES:
            self.button.layout.display = "none"
        self.pictures.observe(lambda change: self.show(self._frozen), "value")
        self.button.on_click(lambda button: self._task.start(self._measure()))
        self.show("none")

    def show(self, frozen: str) -> None:
        """Tell the cost with all blocks up to one frozen (``"none"``: no block)."""
        self._frozen = frozen
        self._said.value = paragraph(self.words)
        again = "again " if self._costs else ""
        self.button.description = f"Measure {again}on this machine"

    @property
    def words(self) -> str:
        """What training costs, in words."""
        if self._name not in BACKBONES:
            return "Seconds and memory of training: measured for whole backbones only."
        if not self._costs:
            return NOT_MEASURED
        if self._frozen not in self._costs:
            return f"Seconds and memory of training: not measured for {self._frozen}."
        return _sentence(self._costs[self._frozen], self.pictures.value)

    def _measure(self):
        with tempfile.TemporaryFile("w+") as output:
            command = [sys.executable, "-m", "course_utils.widgets.parts.training_cost", self._name]
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL)
            try:
                while process.poll() is None:
                    rows = _rows(output)
                    yield len(rows) / 6, f"{len(rows)} of 6 ways to freeze are measured."
                    time.sleep(0.02)
                rows = _rows(output)
            finally:
                process.kill()
                process.wait()
        if process.returncode != 0:
            command = f"python -m course_utils.widgets.parts.training_cost {self._name}"
            raise RuntimeError(f"the measuring failed; to see why, run in a terminal: {command}")
        self._costs = {row.frozen: row for row in rows}
        self.show(self._frozen)
        yield 1, "Measured, and kept for the next time."


def _rows(output) -> list[TrainingCost]:
    """Read the lines that are complete."""
    output.seek(0)
    return [TrainingCost(**json.loads(line)) for line in output if line.endswith("\n")]


def _sentence(cost: TrainingCost, pictures: int) -> str:
    whole = f"An epoch of {pictures:,} pictures takes about {_seconds(cost.seconds * pictures)}"
    if cost.seconds_once:
        whole += (
            " through the whole network. Computing the frozen part once takes about "
            f"{_seconds(cost.seconds_once * pictures)}, and then an epoch of the rest "
            f"{_seconds(cost.seconds_stored * pictures)}"
        )
    return (
        f"{whole}. The process holds up to {cost.memory / 1e9:.1f} GB of memory. Measured on this "
        f"machine in steps of {cost.batch} pictures, with average pooling and one softmax layer."
    )


def _seconds(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.2g} s"
