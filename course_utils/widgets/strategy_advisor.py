"""The panel that recommends how much of a network to freeze, with the evidence."""

import html

import ipywidgets
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from course_utils.editions import current_edition
from course_utils.measured.advice import Advice, advise
from course_utils.measured.runs import FREEZE_LEVELS, Measured, Run
from course_utils.plots import COLOURS
from course_utils.widgets.parts.panel import LINE, TEXT, Panel, code_block, paragraph, status, text

SIMILARITIES = {
    "near": "Near: whole things as in the photographs of the pretraining, such as animals, "
    "vehicles or furniture, even of other kinds. Measured with cats and dogs.",
    "far": "Far: other things, or seen in another way, such as X-rays, drawings, microscope "
    "pictures or small differences of shape. Measured with hands that show a digit.",
}
_IMAGES = {"pocket": "drawn pictures", "photo": "photographs"}


class StrategyAdvisor(Panel):
    """A panel that recommends how much of a pretrained network to freeze.

    The recommendation rests on a stored grid of measurements, see
    `course_utils.measured.advice.advise`; the textbooks' rule of thumb is shown next to it.

    Parameters
    ----------
    per_class : int
        Initial number of training images of each class.
    similarity : {"near", "far"}
        Initial similarity to the images of the pretraining.
    runs : list of Run, optional
        By default the course's own measurements.
    edition : {"pocket", "photo"}, optional
        By default the current one.

    Attributes
    ----------
    size : ipywidgets.BoundedIntText
        Images per class.
    similarity : ipywidgets.Dropdown
        ``"near"`` or ``"far"``.
    advice : Advice
        The advice that is shown.
    """

    def __init__(
        self,
        per_class: int = 30,
        similarity: str = "near",
        runs: list[Run] | None = None,
        edition: str | None = None,
    ):
        self._runs, self._edition = runs, edition or current_edition().name
        wide = {"description_width": "initial"}
        self.size = ipywidgets.BoundedIntText(
            per_class,
            min=1,
            max=1_000_000,
            description="pictures per class",
            style=wide,
            layout={"width": "240px"},
        )
        self.similarity = ipywidgets.Dropdown(
            options=list(SIMILARITIES),
            value=similarity,
            style=wide,
            layout={"width": "320px"},
            description="similar to the pretraining",
        )
        self._meaning, self._status, self._rule = text(), status(), text()
        self._table, self._code = text(), text()
        outcome = [self._status, self._rule, self._table, self._code]
        super().__init__([self.size, self.similarity, self._meaning, *outcome])
        self.refresh()
        for control in (self.size, self.similarity):
            control.observe(lambda change: self.refresh(), "value")

    def refresh(self) -> None:
        """Show the advice for the current settings."""
        near = self.similarity.value == "near"
        self.advice = advise(self.size.value, near, self._runs, self._edition)
        self._meaning.value = paragraph(SIMILARITIES[self.similarity.value])
        self._status.value = paragraph(self._recommendation())
        self._rule.value = paragraph(f"{self._grounds()} {self._comparison()}")
        self._table.value = _html_table(self.advice)
        self._code.value = code_block(self.code, "The code for that, with your training pictures:")

    @property
    def code(self) -> str:
        """Python code that builds and compiles the recommended network."""
        advice, level = self.advice, self.advice.level
        weights = "" if level.pretrained else ", weights=False"
        lines = ["import keras", "from course_utils import add_classifier, load_backbone"]
        if advice.old_rate is not None:
            lines = [lines[1], "from course_utils.optimizers import RatePerLayer"]
        lines += ["", f'backbone = load_backbone("minivgg"{weights})']
        if level.name == "all":
            lines += ["for layer in backbone.model.layers:", "    layer.trainable = False"]
        elif level.frozen:
            lines += [
                "names = [layer.name for layer in backbone.model.layers]",
                f'for layer in backbone.model.layers[: names.index("{level.cut}") + 1]:',
                "    layer.trainable = False",
            ]
        lines.append("model = add_classifier(backbone, len(train.class_names))")
        if advice.old_rate is None:
            lines.append(f"optimizer = keras.optimizers.Adam({advice.new_rate:g})")
        else:
            factor = f"{advice.old_rate / advice.new_rate:.3g}"
            lines += [
                f"slower = {{layer.name: {factor} for layer in backbone.model.layers}}",
                f"optimizer = RatePerLayer({advice.new_rate:g}, slower)",
            ]
        loss = '"sparse_categorical_crossentropy"'
        return "\n".join([*lines, f'model.compile(optimizer, {loss}, metrics=["accuracy"])'])

    def __str__(self) -> str:
        title = (
            f"StrategyAdvisor: {self.size.value} pictures per class, {self.similarity.value} "
            "to those of the pretraining"
        )
        return "\n".join(
            [
                title,
                self._recommendation(),
                self._grounds(),
                self._comparison(),
                *_text_table(self.advice),
                self.code,
            ]
        )

    def draw(self) -> Figure:
        """Draw the measured accuracies behind the advice, with their intervals."""
        figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
        names = [level.name for level in FREEZE_LEVELS]
        for i, size in enumerate(self.advice.sizes):
            found = [(j, self.advice.cells[size, name]) for j, name in enumerate(names)]
            found = [(j, cell) for j, cell in found if cell]
            means = [cell.mean for _, cell in found]
            reach = [[c.mean - c.low for _, c in found], [c.high - c.mean for _, c in found]]
            places = [j + 0.15 * i for j, _ in found]
            ax.errorbar(
                places,
                means,
                reach,
                fmt="os"[i],
                capsize=4,
                color=COLOURS[i],
                label=f"{size} per class",
            )
        if self.advice.sizes:
            ax.legend()
        else:
            ax.text(2.5, 0.5, "not measured", ha="center")
        ax.set(xticks=range(len(names)), xticklabels=names, ylim=(0, 1.02))
        ax.set(xlabel="frozen", ylabel="test accuracy")
        return figure

    def _recommendation(self) -> str:
        advice, level = self.advice, self.advice.level
        what = {
            "all": "Freeze the whole backbone and train a new classifier",
            "0 %": "Freeze nothing and train all from the pretrained weights",
            "from scratch": "Start from random weights: pretraining did not help",
        }.get(level.name, f"Freeze {level.name} of the convolutions, up to {level.cut}")
        rates = f"new layers {advice.new_rate:g}"
        if advice.old_rate is not None:
            rates = f"old layers {advice.old_rate:g}, {rates}"
        return f"{what}. Learning rates with Adam: {rates}."

    def _grounds(self) -> str:
        advice = self.advice
        if advice.decisive is None:
            return (
                f"Not measured for {_IMAGES[self._edition]} of this kind, so this is the rule of "
                "thumb with the learning rates of lesson 5."
            )
        cell = advice.cells[advice.decisive, advice.level.name]
        words = (
            f"Measured with {advice.decisive} {_IMAGES[self._edition]} per class: {cell}. It is "
            "the most frozen of the levels within one standard error of the best."
        )
        if self.size.value != advice.decisive:
            words = (
                f"{self.size.value} per class was not measured; {advice.decisive} is the nearest "
                f"number that was. {words}"
            )
        return words

    def _comparison(self) -> str:
        rule = self.advice.rule
        kind = f"{'large' if rule.large else 'small'} and {self.similarity.value}"
        verdict = {
            True: "The measurements agree: no other level is clearly better.",
            False: "The measurements disagree: other levels are clearly better.",
            None: "It was not measured here.",
        }[self.advice.agrees]
        return f"The rule of thumb for {kind} data: {rule.words}. {verdict}"


def _cell_words(cell: Measured | None) -> str:
    if cell is None:
        return "not measured"
    count = len(cell.accuracies)
    return f"{cell.mean:.3f} ({cell.low:.3f} to {cell.high:.3f}), {count} seed{'s' * (count > 1)}"


def _caption(advice: Advice) -> str:
    words = "Test accuracy: mean over the seeds, 95 % interval"
    shown = [cell for (size, _), cell in advice.cells.items() if size in advice.sizes and cell]
    if any(len(cell.accuracies) == 1 for cell in shown):
        words += " (too narrow with 1 seed: it ignores the difference between seeds)"
    return words


def _text_table(advice: Advice) -> list[str]:
    if not advice.sizes:
        return []
    rows = [["frozen", *(f"{size} per class" for size in advice.sizes)]]
    for level in FREEZE_LEVELS:
        cells = (advice.cells[size, level.name] for size in advice.sizes)
        rows.append([level.name, *map(_cell_words, cells)])
    lines = [
        f"{name:14}" + "".join(f"{cell:36}" for cell in cells).rstrip() for name, *cells in rows
    ]
    return [_caption(advice), *lines]


def _html_table(advice: Advice) -> str:
    if not advice.sizes:
        return ""
    style = f'style="border:{LINE};padding:2px 8px;text-align:left"'
    sizes = "".join(f'<th scope="col" {style}>{size} per class</th>' for size in advice.sizes)
    rows = ""
    for level in FREEZE_LEVELS:
        mark = " (recommended)" if level == advice.level else ""
        cells = "".join(
            f"<td {style}>{html.escape(_cell_words(advice.cells[size, level.name]))}</td>"
            for size in advice.sizes
        )
        rows += f'<tr><th scope="row" {style}>{level.name}{mark}</th>{cells}</tr>'
    return (
        f'<table style="{TEXT}border-collapse:collapse">'
        f"<caption>{_caption(advice)}</caption>"
        f'<tr><th scope="col" {style}>frozen</th>{sizes}</tr>{rows}</table>'
    )
