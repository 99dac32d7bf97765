"""A grid of cells, chosen with the mouse or the keyboard."""

from pathlib import Path

import anywidget
import traitlets


class Grid(anywidget.AnyWidget):
    """A grid whose cells can be chosen with the mouse, or with Tab and the arrow keys.

    Attributes
    ----------
    name : str
        What screen readers call the grid.
    cells : list of list of dict
        Rows of cells: ``"words"`` are shown in the cell, ``"label"`` (optional) is read out
        instead, ``"style"`` is CSS.
    row_names, column_names : list of str
        Headings; may be empty.
    corner : str
        Heading of the row names.
    background : str
        Data URL (``data:image/...``) of an image below the whole grid, or ``""``.
    cell_size : tuple of int
        Width and height of a cell in pixels.
    row, column : int
        The chosen cell, -1 if there is none.
    """

    _esm = Path(__file__).with_name("grid.js")
    name = traitlets.Unicode("grid").tag(sync=True)
    cells = traitlets.List().tag(sync=True)
    row_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    column_names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    corner = traitlets.Unicode("").tag(sync=True)
    background = traitlets.Unicode("").tag(sync=True)
    cell_size = traitlets.Tuple((44, 34)).tag(sync=True)
    row = traitlets.Int(-1).tag(sync=True)
    column = traitlets.Int(-1).tag(sync=True)

    def choose(self, row: int, column: int) -> None:
        """Choose a cell; observers of ``row`` and ``column`` see both change at once."""
        with self.hold_trait_notifications():
            self.row, self.column = row, column
