"""The part of the freeze explorer that trains for a few epochs and compares the curves."""

from collections.abc import Callable

import ipywidgets

from course_utils.backbones import Backbone
from course_utils.datasets import Split
from course_utils.plots import figure_as_html, plot_history
from course_utils.widgets.parts.background_task import BackgroundTask
from course_utils.widgets.parts.panel import WRAP, code_block, paragraph, text
from course_utils.widgets.parts.short_training import BATCH, ShortTraining, subsample

MAX_CURVES = 4


class TrialPanel(ipywidgets.VBox):
    """Trains a copy of a backbone as it is currently frozen, and draws all runs in one image.

    Parameters
    ----------
    backbone : Backbone
    train, valid : Split
        Large ones are subsampled.
    last_frozen : callable
        Returns the block up to which everything is frozen, ``"none"``, or a description of
        another choice.

    Attributes
    ----------
    epochs : ipywidgets.BoundedIntText
    button, forget : ipywidgets.Button
        Start training; remove all curves.
    task : BackgroundTask
    runs : dict of str to ShortTraining
        The finished trainings, by their names in the legend.
    """

    def __init__(
        self, backbone: Backbone, train: Split, valid: Split, last_frozen: Callable[[], str]
    ):
        self._backbone, self._last_frozen = backbone, last_frozen
        self._all = f"{len(train):,} and {len(valid):,}"
        self._train, self._valid = subsample(train), subsample(valid)
        self.runs: dict[str, ShortTraining] = {}
        self.epochs = ipywidgets.BoundedIntText(
            5,
            min=1,
            max=30,
            description="epochs",
            style={"description_width": "initial"},
            layout={"width": "130px"},
        )
        self.button = ipywidgets.Button(
            description="Add a classifier and train a copy", layout={"width": "max-content"}
        )
        self.forget = ipywidgets.Button(description="Forget the curves")
        self.task = BackgroundTask("training")
        self._curves, self._code = text(), text()
        row = ipywidgets.HBox([self.epochs, self.button, self.forget], layout=WRAP)
        super().__init__(
            [text(paragraph(self._intent())), row, self.task, self._curves, self._code]
        )
        self.button.on_click(lambda button: self._start())
        self.forget.on_click(lambda button: self._forget())
        self.epochs.observe(lambda change: self.show(), "value")

    def show(self) -> None:
        """Show the Keras code for the network as it is currently frozen."""
        self._code.value = code_block(
            self.code, "The code that trains the network itself like this:"
        )

    @property
    def code(self) -> str:
        """Python code that trains as the button does."""
        rate = self._trial().rate
        return (
            f"model = add_classifier(backbone, {len(self._train.class_names)})\n"
            f"model.compile(keras.optimizers.Adam({rate}),\n"
            '              loss="sparse_categorical_crossentropy", metrics=["accuracy"])\n'
            f"model.fit(x_train, y_train, epochs={self.epochs.value}, batch_size={BATCH},\n"
            "          validation_data=(x_valid, y_valid))"
        )

    def __str__(self) -> str:
        lines = [f"{name}: validation accuracy {run.report}" for name, run in self.runs.items()]
        return "\n".join(lines)

    def _intent(self) -> str:
        used = f"{len(self._train):,} and {len(self._valid):,}"
        of_all = "" if used == self._all else f" (of {self._all})"
        return (
            "Try it: a new classifier on a copy of this network, frozen as above, learns from "
            f"{used} training and validation pictures{of_all}. Your own network does not change."
        )

    def _trial(self) -> ShortTraining:
        last = self._last_frozen()
        stem = last if last in self._backbone.blocks else None
        return ShortTraining(self._backbone, stem, self._train, self._valid, self.epochs.value)

    def _start(self) -> None:
        trial, last = self._trial(), self._last_frozen()
        name = {"none": "no block frozen"}.get(last, f"frozen up to {last}")
        if last not in ("none", *self._backbone.blocks):
            name = last
        while name in self.runs:
            name += " again"
        while len(self.runs) >= MAX_CURVES:
            del self.runs[next(iter(self.runs))]
        self.task.start(self._train_and_draw(name, trial))

    def _train_and_draw(self, name: str, trial: ShortTraining):
        drawn = 0
        for share, words in trial.run():
            epochs = len(trial.history.get("loss", []))
            if epochs > drawn:
                self.runs[name], drawn = trial, epochs
                self._draw()
            yield share, f"{name}. {words}"

    def _draw(self) -> None:
        runs = {name: run.history for name, run in self.runs.items()}
        figure = plot_history(runs)[0].figure
        ends = "; ".join(f"{name}: {run.report}" for name, run in self.runs.items())
        alt = f"Curves of loss and accuracy. Validation accuracy at the end: {ends}"
        self._curves.value = figure_as_html(figure, alt)

    def _forget(self) -> None:
        self.task.stop()
        self.runs.clear()
        self._curves.value = ""
