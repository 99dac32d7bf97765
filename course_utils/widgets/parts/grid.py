"""A grid of cells to choose one from, with the mouse or the keyboard."""

from pathlib import Path

import anywidget
import traitlets


class Grid(anywidget.AnyWidget):
    """A grid whose cells can be chosen with the mouse, or with Tab and the arrow keys.

    Attributes
    ----------
    name : str
        What the grid is, for screen readers.
    cells : list of list of dict
        Rows of cells: ``"words"`` stand in the cell, ``"label"`` is read out instead where
        it is given, ``"style"`` is CSS.
    row_names, column_names : list of str
        Headings; may be empty.
    corner : str
        What stands above the row names.
    picture : str
        Address (``data:image/...``) of a picture that lies below the whole grid, or ``""``.
    cell_size : tuple of int
        Width and height of a cell in pixels.
    row, column : int
        The chosen cell, -1 where none is.
    """

    _esm = Path(__file__).with_name("grid.js")
    name = traitlets.Unicode("grid").tag(sync=True)
    cells = traitlets.List().tag(sync=True)
    row_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    column_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    corner = traitlets.Unicode("").tag(sync=True)
    picture = traitlets.Unicode("").tag(sync=True)
    cell_size = traitlets.Tuple((44, 34)).tag(sync=True)
    row = traitlets.Int(-1).tag(sync=True)
    column = traitlets.Int(-1).tag(sync=True)

    def choose(self, row: int, column: int) -> None:
        """Choose a cell; who observes ``row`` and ``column`` hears of both at once."""
        with self.hold_trait_notifications():
            self.row, self.column = row, column
