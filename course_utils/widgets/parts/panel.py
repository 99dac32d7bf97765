"""The building blocks of all panels: a column of widgets, text, bars and code."""

import html
from collections.abc import Callable
from pathlib import Path

import anywidget
import ipywidgets
from matplotlib.figure import Figure

from course_utils.plots import figure_as_html

# JupyterLab's colours, so that the panels are readable in the light and the dark theme.
TEXT = "color:var(--jp-ui-font-color1, inherit);line-height:1.4;"
SMALL = "color:var(--jp-ui-font-color2, inherit);font-size:90%;overflow-wrap:anywhere;"
LINE = "1px solid var(--jp-ui-font-color2, #616161)"
SOLID = "background:#2b7bba;"
HATCHED = (
    "background:repeating-linear-gradient(135deg, #8a8a8a 0 2px, transparent 2px 6px);"
    "box-shadow:inset 0 0 0 1px #8a8a8a;"
)
WRAP = {"flex_flow": "row wrap", "align_items": "center"}
"""Layout of a row whose widgets wrap if the page is narrow."""


class Panel(ipywidgets.VBox):
    """An accessible column of widgets that is also readable without a kernel.

    A subclass describes its content as plain text in ``__str__``, and as a figure in `draw`.

    Parameters
    ----------
    rows : list of ipywidgets.Widget
    """

    _busy = False

    def __init__(self, rows: list[ipywidgets.Widget]):
        super().__init__([*rows, _AccessibleNames()], layout={"max_width": "900px"})
        self.add_class("course-panel")

    def _if_idle(self, react: Callable[[], None]) -> Callable:
        """Return a handler that reacts to changes by the learner, not by the panel itself."""

        def on_change(change) -> None:
            if not self._busy:
                self._busy = True
                try:
                    react()
                finally:
                    self._busy = False

        return on_change

    def draw(self) -> Figure:
        """Draw what the panel shows, for readers without a kernel."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs):
        # ipywidgets would cut the text after 110 characters.
        image = figure_as_html(self.draw(), f"{type(self).__name__}, as the text below says")
        text = str(self)
        page = f'{image}<pre style="white-space:pre-wrap">{html.escape(text)}</pre>'
        return {**super()._repr_mimebundle_(**kwargs), "text/html": page, "text/plain": text}


class _AccessibleNames(anywidget.AnyWidget):
    """Gives the controls of the surrounding panel the names that screen readers need."""

    _esm = Path(__file__).with_name("accessible.js")


def text(value: str = "", **layout) -> ipywidgets.HTML:
    """Return a widget for text and small drawings."""
    return ipywidgets.HTML(value, layout=layout)


def status() -> ipywidgets.HTML:
    """Return a widget whose text a screen reader reads out when it changes."""
    line = text()
    line.add_class("course-status")  # accessible.js gives it its role
    return line


def checkbox(description: str = "", **options) -> ipywidgets.Checkbox:
    """Return a checkbox whose description is not cut off."""
    return ipywidgets.Checkbox(
        description=description, indent=False, style={"description_width": "initial"}, **options
    )


def paragraph(words: str) -> str:
    """Return text as HTML, in JupyterLab's colours."""
    return f'<div style="{TEXT}">{html.escape(words)}</div>'


def with_reminder(words: str, reminder: str = "") -> str:
    """Return text as HTML, followed by a reminder in a marked box."""
    box = (
        f'<div style="border-left:4px solid #d55e00;padding-left:8px">{html.escape(reminder)}</div>'
    )
    return f'<div style="{TEXT}">{html.escape(words)}{box if reminder else ""}</div>'


def code_block(code: str, title: str = "The code that does the same:") -> str:
    """Return Python code as HTML."""
    return (
        f'<div style="{TEXT}">{html.escape(title)}</div><pre style="{TEXT}'
        "background:var(--jp-layout-color2, #eeeeee);padding:8px;white-space:pre-wrap;"
        f'margin:0">{html.escape(code)}</pre>'
    )


def bar(label: str, hatched: float, solid: float) -> str:
    """Return fractions as a stacked bar in HTML, with a text alternative."""
    pieces = "".join(
        f'<div style="width:{100 * share:.2f}%;{style}"></div>'
        for share, style in ((hatched, HATCHED), (solid, SOLID))
    )
    return (
        f'<div role="img" aria-label="{html.escape(label)}" style="display:flex;height:14px;'
        f'flex:0 1 220px;min-width:120px;border:{LINE}">{pieces}</div>'
    )


def beside(drawing: str, words: str) -> str:
    """Return a small drawing with text to its right."""
    return (
        f'<div style="{TEXT}display:flex;flex-wrap:wrap;align-items:center;gap:0 12px">{drawing}'
        f"<div>{html.escape(words)}</div></div>"
    )
