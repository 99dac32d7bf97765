"""Learners' outputs and markup, rebuilt from what is allowed and kept within size limits."""

import base64
import binascii
import json
import re

import nh3
from nbformat import NotebookNode, from_dict
from pygments.token import STANDARD_TYPES

LONGEST_TEXT = 20_000
LARGEST_IMAGE = 3_000_000
MOST_OUTPUTS = 50
"""Of one cell."""
ALL_OUTPUTS = 20_000_000
"""Characters of all outputs of a page."""
ALL_SOURCES = 200_000
"""Characters of all cells of a page."""
MOST_TAGS = 5_000
"""Of one output or all written text: nh3's time grows with the square of their nesting depth."""
ALL_MARKUP = 100_000
"""Characters in the outputs of a page that escaping makes several times longer."""

IMAGES = {"image/png", "image/jpeg", "image/svg+xml"}
TEXTS = {"text/plain", "text/latex"}
MARKUP = {"text/html", "text/markdown"}
TAGS = {
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "div", "hr", "br", "blockquote", "pre"),
    *("ul", "ol", "li", "dl", "dt", "dd", "details", "summary", "a", "img"),
    *("table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr", "th", "td"),
    *("span", "code", "em", "strong", "b", "i", "u", "s", "q", "sub", "sup", "small", "mark"),
    *("abbr", "del", "ins", "kbd", "samp", "var", "tt"),
}
ATTRIBUTES = {
    *("alt", "class", "lang", "open", "style", "title"),
    *("colspan", "rowspan", "scope", "width", "height"),
}
"""No ``id`` and ``name``: with the ones of the formgrader, a learner's text could take the place
of the boxes for points and comments."""
CLASSES = {"highlight", "dataframe", *STANDARD_TYPES.values()}
"""And ``ansi-...``; others would get the formgrader's looks or behaviour."""
STYLES = {
    *("background-color", "border", "border-left", "border-radius", "border-collapse", "color"),
    *("font-family", "font-style", "font-weight", "text-align", "text-decoration"),
    *("max-width", "padding", "vertical-align", "white-space", "width"),
}
SAFE_IMAGE = re.compile(r"data:image/(png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
SAFE_LINK = re.compile(r"(#|https?://|mailto:)", re.IGNORECASE)


def sanitize_outputs(notebook: NotebookNode) -> NotebookNode:
    """Return a copy whose outputs cannot run anything in nbgrader's formgrader.

    Parameters
    ----------
    notebook : NotebookNode
        As executed.

    Returns
    -------
    NotebookNode
        With outputs rebuilt from what is allowed, within size limits.
    """
    return limit_outputs(from_dict(json.loads(json.dumps(notebook))))


def sanitize_markup(markup: str) -> str:
    """Return HTML in which nothing can run, load, submit or cover the page.

    >>> sanitize_markup('<b onclick="run()">Bold</b> <a href="javascript:run()">link</a>')
    '<b>Bold</b> <a rel="noopener noreferrer">link</a>'
    """
    return nh3.clean(
        markup,
        tags=TAGS,
        clean_content_tags={"script", "style", "template", "noscript"},
        attributes={"*": ATTRIBUTES, "a": {"href"}, "img": {"src"}},
        attribute_filter=_safe_value,
        filter_style_properties=STYLES,
        url_schemes={"http", "https", "mailto", "data"},
    )


def _safe_value(tag: str, attribute: str, value: str) -> str | None:
    """Return what is allowed of an attribute's value, or None."""
    if attribute == "href":
        return value if SAFE_LINK.match(value) else None
    if attribute == "src":
        return value if SAFE_IMAGE.fullmatch(value) else None
    if attribute == "class":
        known = [name for name in value.split() if name in CLASSES or name.startswith("ansi-")]
        return " ".join(known) or None
    return value


def texts_of(output: NotebookNode) -> list[str]:
    """Return all text in an output."""
    traceback = [_joined(line) for line in output.get("traceback", [])]
    data = [_joined(value) for value in output.get("data", {}).values()]
    return [_joined(output.get("text", "")), _joined(output.get("evalue", "")), *traceback, *data]


def _joined(value) -> str:
    text = "".join(map(str, value)) if isinstance(value, list) else str(value)
    return text.encode("utf-8", "replace").decode("utf-8")  # without halves of characters


def note(text: str) -> NotebookNode:
    """Return an output in which the grader says something."""
    return from_dict({"output_type": "stream", "name": "stdout", "text": f"[{text}]\n"})


def limit_outputs(notebook: NotebookNode) -> NotebookNode:
    """Keep only what the page can show, within size limits."""
    notebook.metadata = from_dict({"language_info": {"name": "python"}})
    budget = _Budget()
    for cell in notebook.cells:
        cell.pop("attachments", None)
        # nbconvert fails on an image whose attachment is missing
        source = cell.source.replace("attachment:", "attachment ")
        cell.source = budget.source(_shortened(source), cell.cell_type)
        cell.metadata = from_dict({k: v for k, v in cell.metadata.items() if k == "nbgrader"})
        if cell.cell_type == "code":
            # First leave out what is too much: cleaning it would take longest
            outputs = [
                _safe_output(budget.output(output)) for output in cell.outputs[:MOST_OUTPUTS]
            ]
            if len(cell.outputs) > MOST_OUTPUTS:
                more = len(cell.outputs) - MOST_OUTPUTS
                outputs.append(note(f"{more} more outputs are left out."))
            cell.outputs = outputs
    return notebook


class _Budget:
    """What a page may still hold, so that no notebook makes it huge or keeps the grader busy."""

    def __init__(self):
        self.characters, self.markup = ALL_OUTPUTS, ALL_MARKUP
        self.sources, self.tags = ALL_SOURCES, MOST_TAGS

    def source(self, text: str, cell_type: str) -> str:
        """Return a cell's text, or a note that it is left out."""
        self.sources -= len(text)
        self.tags -= text.count("<") if cell_type == "markdown" else 0
        return text if min(self.sources, self.tags) > 0 else "[This cell is left out: too much.]"

    def output(self, output: NotebookNode) -> NotebookNode:
        """Return an output, or a note that it is left out."""
        text = "".join(texts_of(output))
        self.characters -= len(text)
        self.markup -= sum(map(text.count, "<&=\x1b"))
        within = min(self.characters, self.markup) > 0
        return output if within else note("This output is left out: too much.")


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]}\n[{len(text) - LONGEST_TEXT} more characters are left out]"


def _safe_output(output: NotebookNode) -> NotebookNode:
    """Rebuild an output from what is allowed; the page is sanitized once more as a whole."""
    kind = output.get("output_type")
    if kind == "stream":
        text = _shortened(_joined(output.get("text", "")))
        return from_dict({"output_type": "stream", "name": "stdout", "text": text})
    if kind == "error":
        lines = _shortened("\n".join(_joined(line) for line in output.get("traceback", [])))
        error = {"ename": "", "evalue": "", "traceback": lines.split("\n")}
        return from_dict({"output_type": "error", **error})
    data = {kind: _safe_data(kind, _joined(value)) for kind, value in _data(output).items()}
    data = {kind: value for kind, value in data.items() if value}
    if not data:
        return note("This output cannot be shown here.")
    alternatives = {kind: _alternative(output, kind) for kind in data.keys() & IMAGES}
    shown = {"output_type": "display_data", "data": data, "metadata": alternatives}
    return from_dict(shown)


def _data(output: NotebookNode) -> dict:
    data = output.get("data")
    return data if isinstance(data, dict) else {}


def _safe_data(kind: str, value: str) -> str | None:
    if kind in TEXTS:
        return _shortened(value)
    if kind in MARKUP:
        heavy = value.count("<") > MOST_TAGS or max(map(value.count, "=;")) > 5 * MOST_TAGS
        return None if heavy or len(value) > LARGEST_IMAGE else sanitize_markup(value)
    if kind == "image/svg+xml":
        return value if len(value) <= LARGEST_IMAGE else None
    if kind in IMAGES and len(value) <= LARGEST_IMAGE:
        return value if _is_base64(value) else None
    return None


def _is_base64(value: str) -> bool:
    try:
        return bool(base64.b64decode("".join(value.split()), validate=True))
    except (binascii.Error, ValueError):
        return False


def _alternative(output: NotebookNode, kind: str) -> dict:
    """Return only an image's text alternative: the template trusts all other metadata."""
    metadata = output.get("metadata") or {}
    of_kind = metadata.get(kind)
    alt = of_kind.get("alt") if isinstance(of_kind, dict) else metadata.get("alt")
    text = _joined(alt[:2000]) if isinstance(alt, str) else "A figure without a text alternative."
    return {"alt": text}
