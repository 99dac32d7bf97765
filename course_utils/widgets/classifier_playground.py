"""The panel that classifies an image, which can be covered and preprocessed wrongly."""

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from course_utils.backbones import Backbone, load_backbone
from course_utils.explain import GREY, occlude
from course_utils.plots import plot_top5
from course_utils.tensors import path_to_tensor
from course_utils.widgets.parts.background_task import BackgroundTask
from course_utils.widgets.parts.grid import Grid
from course_utils.widgets.parts.number_slider import NumberSlider
from course_utils.widgets.parts.occlusion import centres, occlusion_rows
from course_utils.widgets.parts.panel import (
    WRAP,
    Panel,
    bar,
    beside,
    checkbox,
    code_block,
    paragraph,
    status,
    text,
)
from course_utils.widgets.parts.picture_chooser import PictureChooser, data_url

SWAPPED, MEAN_LEFT, FORGOTTEN = "red and blue swapped", "mean not subtracted", "no preprocessing"
CELLS = 16
"""Positions of the patch in each direction: rows and columns of the occlusion map."""

WIDTHS = (3, 5, 7)
"""Available sides of the patch, in cells; odd, so that it covers whole cells."""

LONGER_SIDE = 352
"""Of the image on the page, in pixels."""


class ClassifierPlayground(Panel):
    """A panel that shows how a network classifies an image, and what that rests on.

    A part of the image can be covered, and its preprocessing done wrong on purpose. The
    network itself is not changed.

    Parameters
    ----------
    backbone : Backbone, optional
        One with its top; by default that of the current edition.
    examples : dict of str to (path, PIL.Image.Image or numpy.ndarray), optional
        Images to choose from, by name; by default photographs from scikit-image.

    Attributes
    ----------
    chooser : PictureChooser
    mistakes : dict of str to ipywidgets.Checkbox
        Mistakes in preprocessing.
    size : ipywidgets.Dropdown
        Side of the patch in pixels of the network's input, 0 if nothing is covered.
    row, column : NumberSlider
        The position of the patch, counted from 1 to `CELLS`.
    grid : Grid
        The image, on which the position is chosen with the mouse or the arrow keys.
    answers : list of (str, float)
        The five most probable classes, as shown.
    button : ipywidgets.Button
        Computes the occlusion map.
    task : BackgroundTask
        Computes it in the background.
    map : numpy.ndarray of shape (CELLS, CELLS) or None
        Probability of the first answer by the position of the patch, see `occlusion_map`.

    Raises
    ------
    ValueError
        If the backbone has no classifier.
    """

    def __init__(self, backbone: Backbone | None = None, examples: dict | None = None):
        self.backbone = load_backbone(include_top=True) if backbone is None else backbone
        if self.backbone.labels is None:
            raise ValueError(
                f"this {self.backbone.name} has no classifier: load it with "
                f"load_backbone({self.backbone.name!r}, include_top=True)"
            )
        self._given = backbone is not None
        self._step = self.backbone.input_size[0] // CELLS
        self.map = None
        self._make_controls(examples)
        super().__init__(self._rows())
        self.add_class("course-classifier-playground")
        self._on_image()
        self._listen()

    @property
    def code(self) -> str:
        """Python code that produces the same numbers."""
        return "\n".join(
            [
                *self._imports(),
                "",
                *self._tensor(),
                "",
                "",
                *self._predict_code(),
                "",
                "",
                *self._answers_code(),
                *self._map_code(),
            ]
        )

    def __str__(self) -> str:
        lines = [f"{share:7.1%}  {label}" for label, share in self.answers]
        notes = [self._summary(), *lines, self._map_words(), self.code]
        return "\n".join([f"ClassifierPlayground: {self.backbone.name}", *filter(None, notes)])

    def draw(self) -> Figure:
        """Draw the image as shown, and the five most probable classes as bars."""
        return plot_top5(self.answers, self._image())

    def _make_controls(self, examples: dict | None) -> None:
        self.chooser = PictureChooser(examples)
        self.mistakes = {
            name: checkbox(name, layout={"width": "max-content"})
            for name in (SWAPPED, MEAN_LEFT, FORGOTTEN)
        }
        sizes = [(f"{self._step * cells} pixels", self._step * cells) for cells in WIDTHS]
        self.size = ipywidgets.Dropdown(
            options=[("nothing", 0), *sizes],
            description="cover",
            style={"description_width": "initial"},
            layout={"width": "160px"},
        )
        self.row, self.column = (
            NumberSlider(name, CELLS // 2, 1, CELLS, 1) for name in ("row", "column")
        )
        self.grid = Grid(name="picture: choose the place of the grey patch")
        self.button = ipywidgets.Button(
            description="Cover every place in turn", layout={"width": "max-content"}
        )
        self.task = BackgroundTask("the occlusion map")
        self._status, self._bars, self._code = status(), text(), text()
        self._map_status = status()

    def _rows(self) -> list[ipywidgets.Widget]:
        side, preprocessing = self.backbone.input_size[0], "Preprocessing mistakes to try:"
        hint = (
            f"The network gets the picture squeezed to {side} times {side} pixels. Click on it, "
            "drag, or use the arrow keys or the numbers, to cover a part with a grey patch."
        )
        layout = {"flex": "1 1 300px", "margin": "0 0 0 8px"}
        answers = ipywidgets.VBox([self._status, self._bars], layout=layout)
        return [
            self.chooser,
            ipywidgets.HBox([text(paragraph(preprocessing)), *self.mistakes.values()], layout=WRAP),
            ipywidgets.HBox([self.grid, answers], layout={**WRAP, "align_items": "flex-start"}),
            text(paragraph(hint)),
            ipywidgets.HBox([self.size, self.row, self.column], layout=WRAP),
            self.button,
            self.task,
            self._map_status,
            self._code,
        ]

    def _listen(self) -> None:
        self.chooser.on_change(self._on_image)
        for box in (*self.mistakes.values(), self.size):
            box.observe(self._if_idle(self._on_setting), "value")
        for number in (self.row, self.column):
            number.observe(self._if_idle(self._on_number), "value")
        self.grid.observe(self._if_idle(self._on_grid), ["row", "column"])
        self.button.on_click(lambda button: self._start())

    def _on_image(self) -> None:
        self._pixels = path_to_tensor(self.chooser.source, size=self.backbone.input_size)
        self._forget_map()
        self._look()

    def _on_setting(self) -> None:
        self.mistakes[MEAN_LEFT].disabled = self.mistakes[FORGOTTEN].value  # which includes it
        self._forget_map()
        self._look()

    def _on_number(self) -> None:
        self._cover()
        self._look()

    def _on_grid(self) -> None:
        place = self.grid.row + 1, self.grid.column + 1
        if 0 in place or (self.size.value and place == self._place()):
            return  # the second of two notifications, about row and about column
        self.row.value, self.column.value = place
        self._cover()
        self._look()

    def _cover(self) -> None:
        """Choose a patch of medium size if there is none yet."""
        if not self.size.value:
            self.size.value = self._step * WIDTHS[1]

    def _place(self) -> tuple[int, int]:
        return int(self.row.value), int(self.column.value)

    def _middle(self) -> tuple[int, int]:
        """Return the pixel of the network's input at the centre of the patch."""
        places = centres(self.backbone.input_size[0], self._step)
        return tuple(places[number - 1] for number in self._place())

    def _look(self) -> None:
        """Classify the image and show the result."""
        self._whole = self.predict(self._pixels)[0]
        self._now = self._whole
        if self.size.value:
            covered = occlude(self._pixels, *self._middle(), self.size.value)
            self._now = self.predict(covered)[0]
        best = np.argsort(self._now)[::-1][:5]
        self.answers = [(self.backbone.labels[i], float(self._now[i])) for i in best]
        self._show()

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Return the probabilities of all classes, after the chosen preprocessing.

        Parameters
        ----------
        pixels : numpy.ndarray of shape (n, height, width, 3)
            RGB values from 0 to 255.

        Returns
        -------
        numpy.ndarray of float32, shape (n, classes)
        """
        if self.mistakes[SWAPPED].value:
            pixels = pixels[..., ::-1]
        ready = pixels if self.mistakes[FORGOTTEN].value else self.backbone.preprocess(pixels)
        if self._mean_left_in():
            ready = ready - self.backbone.preprocess(np.zeros_like(pixels))
        return self.backbone.model.predict_on_batch(ready)

    def _mean_left_in(self) -> bool:
        return self.mistakes[MEAN_LEFT].value and not self.mistakes[FORGOTTEN].value

    def _show(self) -> None:
        self._status.value = paragraph(self._summary())
        self._bars.value = "".join(
            beside(bar(f"{label}: {share:.1%}", 0, share), f"{share:.1%} {label}")
            for label, share in self.answers
        )
        self._map_status.value = paragraph(self._map_words()) if self._map_words() else ""
        self._code.value = code_block(self.code)
        self._show_grid()

    def _show_grid(self) -> None:
        row, column = self._place() if self.size.value else (0, 0)
        image = self._image()
        self.grid.cell_size = (image.shape[1] // CELLS, image.shape[0] // CELLS)
        self.grid.background = data_url(image)
        self.grid.choose(row - 1, column - 1)
        self.grid.cells = [
            [{"label": self._label(i, j)} for j in range(CELLS)] for i in range(CELLS)
        ]

    def _label(self, row: int, column: int) -> str:
        found = f": {self.map[row, column]:.1%} where it is covered" if self.map is not None else ""
        return f"row {row + 1}, column {column + 1}{found}"

    def _image(self) -> np.ndarray:
        """Return the image in its own proportions, with the patch or the map on it."""
        height, width = (
            max(6, round(LONGER_SIDE * side / max(self.chooser.pixels.shape) / CELLS))
            for side in self.chooser.pixels.shape[:2]
        )
        size = width * CELLS, height * CELLS
        image = np.array(Image.fromarray(self.chooser.pixels).resize(size))
        if self.map is not None:
            light = Image.fromarray(_light(self.map, self._first()[1])).resize(size)
            image = (image * np.asarray(light)[..., None]).astype(np.uint8)
        if self.size.value:
            row, column = self._place()
            reach = self.size.value // self._step // 2  # cells on each side of the central one
            top, left = max(0, row - 1 - reach) * height, max(0, column - 1 - reach) * width
            image[top : (row + reach) * height, left : (column + reach) * width] = GREY
        return image

    def _first(self) -> tuple[str, float]:
        """Return the first answer for the uncovered image, and its probability."""
        number = self._whole.argmax()
        return self.backbone.labels[number], float(self._whole[number])

    def _summary(self) -> str:
        """Describe the input and the prediction."""
        ticked = [name for name, box in self.mistakes.items() if box.value and not box.disabled]
        asked = f"{self.chooser.name}, {' and '.join(ticked) or 'correctly preprocessed'}"
        label, share = self._first()
        if not self.size.value:
            return f"{asked}, nothing covered. The first answer is {label} with {share:.1%}."
        row, column = self._place()
        left = float(self._now[self._whole.argmax()])
        verb = "falls" if left < share else "rises" if left > share else "stays"
        change = f"{label} {verb} from {share:.1%} to {left:.1%}"
        now, most = self.answers[0]
        other = "" if now == label else f" The first answer is now {now} with {most:.1%}."
        return f"{asked}, covered around row {row}, column {column}. {change}.{other}"

    def _start(self) -> None:
        self._if_idle(self._on_number)(None)  # the map needs a patch
        self.task.start(self._pieces())

    def _pieces(self):
        """Compute the occlusion map row by row."""
        rows, number = [], self._whole.argmax()
        found = occlusion_rows(self.predict, self._pixels, number, self.size.value, self._step)
        for row in found:
            rows.append(row)
            yield len(rows) / CELLS, f"{len(rows)} of {CELLS} rows done."
        self.map = np.stack(rows)
        self._show()

    def _forget_map(self) -> None:
        """Drop the map of another image, preprocessing or patch size."""
        if self.task.running:
            self.task.stop()
        else:
            self.task.clear()
        self.map = None

    def _map_words(self) -> str:
        if self.map is None:
            return ""
        label, share = self._first()
        row, column = np.unravel_index(self.map.argmin(), self.map.shape)
        others = (self.map < share / 2).mean()
        return (
            "The occlusion map lies on the picture: it is bright where covering costs most. "
            f"{label} falls most, from {share:.1%} to {self.map.min():.1%}, with the patch around "
            f"row {row + 1}, column {column + 1}. It loses over half of its probability at "
            f"{others:.0%} of the {self.map.size} places."
        )

    def _imports(self) -> list[str]:
        wanted = ["load_backbone"] * (not self._given) + ["path_to_tensor"]
        lines = ["import numpy as np"] * self._mean_left_in()
        lines += self.chooser.imports
        lines += [f"from course_utils import {', '.join(wanted)}"]
        if self.map is not None:
            lines += ["from course_utils.widgets.parts.occlusion import occlusion_map"]
        if not self._given:
            lines += ["", f'backbone = load_backbone("{self.backbone.name}", include_top=True)']
        return lines

    def _tensor(self) -> list[str]:
        size = self.backbone.input_size
        lines = [f"pixels = path_to_tensor({self.chooser.code}, size={size})"]
        if self.size.value:
            starts = [max(0, middle - self.size.value // 2) for middle in self._middle()]
            stops = [middle + self.size.value - self.size.value // 2 for middle in self._middle()]
            rows, columns = (f"{start}:{stop}" for start, stop in zip(starts, stops, strict=True))
            lines += ["covered = pixels.copy()", f"covered[:, {rows}, {columns}] = {GREY}"]
        return lines

    def _predict_code(self) -> list[str]:
        lines = ["def predict(pixels):"]
        if self.mistakes[SWAPPED].value:
            lines += [f"    pixels = pixels[..., ::-1]  # {SWAPPED}"]
        if self.mistakes[FORGOTTEN].value:
            lines += [f"    ready = pixels  # {FORGOTTEN}"]
        else:
            lines += ["    ready = backbone.preprocess(pixels)"]
        if self._mean_left_in():
            lines += [
                "    ready = ready - backbone.preprocess(np.zeros_like(pixels))  # the mean is back"
            ]
        return [*lines, "    return backbone.model.predict(ready, verbose=0)"]

    def _answers_code(self) -> list[str]:
        return [
            f"probabilities = predict({'covered' if self.size.value else 'pixels'})[0]",
            "for i in probabilities.argsort()[::-1][:5]:",
            '    print(f"{probabilities[i]:6.1%}  {backbone.labels[i]}")',
        ]

    def _map_code(self) -> list[str]:
        if self.map is None:
            return []
        return [
            "",
            "first = predict(pixels)[0].argmax()",
            f"found = occlusion_map(predict, pixels, first, size={self.size.value}, "
            f"step={self._step})",
        ]


def _light(found: np.ndarray, share: float) -> np.ndarray:
    """Turn an occlusion map into brightness: 1 where covering costs most, 0.25 where nothing."""
    loss = np.maximum(share - found, 0)
    return (0.25 + 0.75 * loss / max(loss.max(), 1e-9)).astype(np.float32)
