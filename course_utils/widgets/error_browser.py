"""The panel that shows the images behind each cell of a confusion matrix."""

import html
import math
from pathlib import Path

import ipywidgets
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from course_utils.metrics import as_class_indices, confusion_counts
from course_utils.plots import drawable, plot_confusion_matrix, show_images
from course_utils.tensors import BadImagesError
from course_utils.widgets.parts.grid import Grid
from course_utils.widgets.parts.panel import TEXT, WRAP, Panel, code_block, paragraph, status, text
from course_utils.widgets.parts.picture_chooser import data_url

MATRIX_CLASSES = 12
"""A matrix of more classes does not fit the page; the frequent errors are listed instead."""

PER_PAGE = 12
SIDE = 112
"""Maximum width and height of a shown image in pixels."""

DARKEST = (8, 48, 107)  # of matplotlib's "Blues"


class ErrorBrowser(Panel):
    """A confusion matrix; choosing a cell shows its images.

    Parameters
    ----------
    y_true : array-like of shape (n,) or (n, classes)
        Class indices, or one-hot targets.
    y_pred : array-like of shape (n,) or (n, classes)
        Probabilities, or class indices. With probabilities, the most confident predictions
        come first.
    images : Split, sequence of path, or array or sequence of arrays
        The images; arrays hold values from 0 to 255, ``(height, width, 3)``.
    class_names : sequence of str

    Attributes
    ----------
    counts : numpy.ndarray of int64, shape (classes, classes)
        The confusion matrix: row true class, column predicted class.
    grid : Grid or None
        The matrix on the page; None if there are too many classes for it.
    frequent : ipywidgets.Dropdown or None
        The most frequent errors, instead of the matrix.
    true, predicted : ipywidgets.Dropdown
        The chosen cell.
    previous, next : ipywidgets.Button
    rows : numpy.ndarray of int64
        Indices of all images in the chosen cell, in the order in which they are shown.
    shown : numpy.ndarray of int64
        Indices of the images on this page.

    Raises
    ------
    ValueError
        If these are not the classes of these images, or rows of `y_pred` not probabilities.
    """

    def __init__(self, y_true, y_pred, images, class_names):
        self.names = [str(name) for name in class_names]
        self.counts, self._shares = confusion_counts(y_true, y_pred, self.names)
        self._true, self._predicted = as_class_indices(y_true, y_pred, len(self.names))
        self._one_hot = np.ndim(y_true) == 2
        self._probabilities = _probabilities(y_pred)
        self._is_split = hasattr(images, "paths")
        self._images = images.paths if self._is_split else images
        if len(self._images) != len(self._true):
            raise ValueError(
                f"there are {len(self._images)} images and {len(self._true)} predictions: give "
                "the images that y_true and y_pred belong to, in the same order"
            )
        self._make_controls()
        super().__init__(self._layout())
        self.add_class("course-error-browser")
        self._choose(*self._first_cell())
        self._listen()

    @property
    def code(self) -> str:
        """Python code that shows the same images."""
        i, j = self.true.index, self.predicted.index
        true = "np.argmax(y_true, axis=1)" if self._one_hot else "np.asarray(y_true)"
        answers, order = "np.asarray(y_pred)", []
        if self._probabilities is not None:
            answers = "np.argmax(y_pred, axis=1)"
            order = [
                "confidence = np.max(y_pred, axis=1)[rows]",
                'rows = rows[np.argsort(-confidence, kind="stable")]',
            ]
        images = "images.paths" if self._is_split else "images"
        lines = [
            f"true, predicted = {true}, {answers}",
            f"rows = np.flatnonzero((true == {i}) & (predicted == {j}))  # {self._kind()}",
            *order,
        ]
        if len(self.shown):
            part = f"{self._start}:{self._start + len(self.shown)}"
            lines += [f"show_images([{images}[i] for i in rows[{part}]], columns=6)"]
        return "\n".join(lines)

    def __str__(self) -> str:
        parts = [
            f"ErrorBrowser: {len(self._true)} pictures",
            *map(self._row_in_words, range(len(self.names))),
            self._summary(),
            *map(self._caption, self.shown),
            self.code,
        ]
        return "\n".join(parts)

    def draw(self) -> Figure:
        """Draw the images of this page, or the confusion matrix if the cell is empty."""
        if not len(self.shown):
            return plot_confusion_matrix(self._true, self._predicted, self.names).figure
        captions = [self._caption(i) for i in self.shown]
        return show_images([self._images[i] for i in self.shown], captions, columns=6)

    def _make_controls(self) -> None:
        wide = {"style": {"description_width": "initial"}, "layout": {"width": "max-content"}}
        self.true, self.predicted = (
            ipywidgets.Dropdown(
                options=[(name, i) for i, name in enumerate(self.names)], description=words, **wide
            )
            for words in ("true class", "predicted class")
        )
        self.grid = self.frequent = None
        if len(self.names) <= MATRIX_CLASSES:
            self.grid = self._matrix()
        else:
            self.frequent = ipywidgets.Dropdown(
                options=[("choose one", None), *self._frequent_errors()],
                description="frequent errors",
                **wide,
            )
        self.previous, self.next = (
            ipywidgets.Button(description=f"{word} {PER_PAGE}", layout={"width": "max-content"})
            for word in ("Previous", "Next")
        )
        self._status, self._gallery, self._code = status(), text(), text()

    def _layout(self) -> list[ipywidgets.Widget]:
        hint = "Choose a cell to see its pictures: click on it, or use Tab and the arrow keys."
        if self.grid is None:
            hint = (
                f"A matrix of {len(self.names)} classes does not fit here. Choose one of the "
                "frequent errors, or a true and a predicted class."
            )
        chosen = ipywidgets.HBox([self.true, self.predicted], layout=WRAP)
        turning = ipywidgets.HBox([self.previous, self.next], layout=WRAP)
        return [
            text(paragraph(hint)),
            self.grid or self.frequent,
            chosen,
            self._status,
            self._gallery,
            turning,
            self._code,
        ]

    def _matrix(self) -> Grid:
        cells = [
            [
                {
                    "words": str(count),
                    "label": f"true {self.names[i]}, predicted {self.names[j]}: {count}",
                    "style": _shade(self._shares[i, j]),
                }
                for j, count in enumerate(row)
            ]
            for i, row in enumerate(self.counts)
        ]
        longest = max(len(name) for name in self.names)
        width = int(np.clip(8 * longest + 12, 44, max(44, 640 // len(self.names))))
        return Grid(
            name="confusion matrix, a row for each true class",
            cells=cells,
            row_names=self.names,
            column_names=self.names,
            corner="true \\ predicted",
            cell_size=(width, 34),
        )

    def _frequent_errors(self, most: int = 20) -> list[tuple[str, tuple[int, int]]]:
        errors = self.counts - np.diag(np.diag(self.counts))
        order = np.argsort(-errors, axis=None, kind="stable")[:most]
        cells = [tuple(map(int, np.unravel_index(k, errors.shape))) for k in order]
        return [
            (f"{self.names[i]} taken for {self.names[j]}: {errors[i, j]}", (i, j))
            for i, j in cells
            if errors[i, j]
        ]

    def _first_cell(self) -> tuple[int, int]:
        """Return the most frequent error, or the first class if there is none."""
        errors = self._frequent_errors(1)
        return errors[0][1] if errors else (0, 0)

    def _listen(self) -> None:
        for box in (self.true, self.predicted):
            box.observe(
                lambda change: self._on_choice(self.true.value, self.predicted.value), "value"
            )
        if self.grid is not None:
            self.grid.observe(
                lambda change: self._on_choice(self.grid.row, self.grid.column), ["row", "column"]
            )
        else:
            self.frequent.observe(lambda change: self._on_choice(*(change.new or ())), "value")
        self.previous.on_click(lambda button: self._turn(-PER_PAGE))
        self.next.on_click(lambda button: self._turn(PER_PAGE))

    def _on_choice(self, *cell: int) -> None:
        if not self._busy and cell and min(cell) >= 0:
            self._choose(*cell)

    def _choose(self, true: int, predicted: int) -> None:
        """Show the first page of a cell."""
        self._busy = True
        try:
            self.true.value, self.predicted.value = true, predicted
            if self.grid is not None:
                self.grid.choose(true, predicted)
            else:
                cells = [cell for _, cell in self.frequent.options]
                here = (true, predicted)
                self.frequent.value = here if here in cells else None
        finally:
            self._busy = False
        rows = np.flatnonzero((self._true == true) & (self._predicted == predicted))
        if self._probabilities is not None:
            rows = rows[np.argsort(-self._probabilities[rows], kind="stable")]
        self.rows, self._start = rows, 0
        self._show()

    def _turn(self, step: int) -> None:
        """Turn the page; after the last comes the first."""
        pages = max(1, math.ceil(len(self.rows) / PER_PAGE))
        self._start = (self._start + step) % (pages * PER_PAGE)
        self._show()

    def _show(self) -> None:
        self.shown = self.rows[self._start : self._start + PER_PAGE]
        self.previous.disabled = self.next.disabled = len(self.rows) <= PER_PAGE
        self._status.value = paragraph(self._summary())
        self._gallery.value = self._page()
        self._code.value = code_block(self.code, "The code that shows the same pictures:")

    def _kind(self) -> str:
        true, predicted = self.names[self.true.value], self.names[self.predicted.value]
        return (
            f"{true} correctly recognised" if true == predicted else f"{true} taken for {predicted}"
        )

    def _row_in_words(self, i: int) -> str:
        """Describe a row of the matrix: correct predictions, then errors by frequency."""
        total = self.counts[i].sum()
        errors = [
            f"{self.names[j]} {self.counts[i, j]}"
            for j in np.argsort(-self.counts[i], kind="stable")
            if j != i and self.counts[i, j]
        ]
        mistaken = f"; taken for {', '.join(errors)}" if errors else ""
        return f"{self.names[i]}: {self.counts[i, i]} of {total} correct{mistaken}"

    def _summary(self) -> str:
        i = self.true.value
        total, count = self.counts[i].sum(), len(self.rows)
        if not count:
            return f"{self._kind()}: no picture, of {total}."
        order = "the most confident first"
        if self._probabilities is None:
            order = "in the given order, because y_pred holds no probabilities"
        return (
            f"{self._kind()}: {count} of {total} ({count / total:.0%}). Here are "
            f"{self._start + 1} to {self._start + len(self.shown)}, {order}."
        )

    def _caption(self, i: int) -> str:
        true, predicted = self.names[self._true[i]], self.names[self._predicted[i]]
        sure = "" if self._probabilities is None else f" {self._probabilities[i]:.1%}"
        return f"true {true}, predicted {predicted}{sure}"

    def _page(self) -> str:
        """Return the images of this page as HTML."""
        if not len(self.shown):
            return ""
        try:
            images = drawable([self._images[i] for i in self.shown], SIDE)
        except BadImagesError as error:
            return paragraph(str(error))
        figures = "".join(
            _figure(image, self._name(i), self._caption(i))
            for i, image in zip(self.shown, images, strict=True)
        )
        return f'<div style="display:flex;flex-wrap:wrap;gap:8px">{figures}</div>'

    def _name(self, i: int) -> str:
        image = self._images[i]
        return f"picture {i}" if isinstance(image, np.ndarray) else Path(image).name


def _probabilities(y_pred) -> np.ndarray | None:
    """Return the confidence of each prediction, if it is known."""
    rows = np.asarray(y_pred)
    if rows.ndim == 1:
        return None
    if rows.min() < 0 or rows.max() > 1 + 1e-4:
        raise ValueError(
            "the rows of y_pred are not probabilities: if the network ends without a softmax, "
            "pass keras.ops.softmax(y_pred)"
        )
    return rows.max(axis=1)


def _shade(share: float) -> str:
    """Return the style of a cell: darker for a larger share, with readable letters."""
    red, green, blue = (round(255 + share * (dark - 255)) for dark in DARKEST)
    letters = "black" if share <= 0.65 else "white"
    return f"background:rgb({red},{green},{blue});color:{letters};border:1px solid #757575"


def _figure(image, name: str, caption: str) -> str:
    """Return an image with its caption as HTML."""
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    thumbnail = Image.fromarray(pixels)
    thumbnail.thumbnail((SIDE, SIDE))
    return (
        f'<figure style="margin:0;width:{SIDE + 20}px;{TEXT}font-size:90%"><img '
        f'alt="{html.escape(name)}" src="{data_url(np.asarray(thumbnail))}" style="height:{SIDE}px;'
        f'width:100%;object-fit:contain"><figcaption>{html.escape(caption)}</figcaption></figure>'
    )
