"""Outputs and markup from learners, rebuilt from a list of what is allowed, within size limits."""

import base64
import binascii
import json
import re

import bleach
from bleach.css_sanitizer import CSSSanitizer
from nbformat import NotebookNode, from_dict

LONGEST_TEXT = 20_000


LARGEST_PICTURE = 3_000_000


MOST_OUTPUTS = 50
"""Of one cell."""


ALL_OUTPUTS = 20_000_000
"""How many characters all outputs of a page may have."""


ALL_SOURCES = 500_000


MOST_TAGS = 2_000
"""Of one text; cleaning takes the square of how deeply they are nested."""


ALL_MARKUP = 50_000
"""How many characters of a page may need escaping or cleaning."""


PICTURES = {"image/png", "image/jpeg", "image/svg+xml"}


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
    *("alt", "class", "id", "lang", "name", "open", "style", "title"),
    *("colspan", "rowspan", "scope", "width", "height"),
}


STYLES = [
    *("background-color", "border", "border-collapse", "color", "max-width", "width"),
    *("font-family", "font-style", "font-weight", "text-align", "text-decoration"),
    *("vertical-align", "white-space"),
]


SAFE_PICTURE = re.compile(r"data:image/(png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=\s]*")


SAFE_LINK = re.compile(r"(#|https?://|mailto:)", re.IGNORECASE)


WITH_CONTENT = re.compile(r"<(script|style|template|noscript)\b.*?(</\1\s*>|\Z)", re.DOTALL | re.I)


def sanitize_outputs(notebook: NotebookNode) -> NotebookNode:
    """Return a copy whose outputs cannot run anything where nbgrader's formgrader shows them.

    Parameters
    ----------
    notebook : NotebookNode
        As executed.

    Returns
    -------
    NotebookNode
        With outputs rebuilt from what is known to be sanitize_outputs, in bearable amounts.
    """
    return limit_outputs(from_dict(json.loads(json.dumps(notebook))))


def sanitize_markup(markup: str) -> str:
    """Return HTML with nothing in it that could run, load, submit or cover the page."""
    cleaner = bleach.Cleaner(
        tags=TAGS,
        attributes=_is_safe_attribute,
        protocols={"http", "https", "mailto", "data"},
        strip=True,
        css_sanitizer=CSSSanitizer(allowed_css_properties=STYLES),
    )
    # the text of scripts and styles would be left to be read; this is for beauty, not safety
    return cleaner.clean(WITH_CONTENT.sub("", markup))


def _is_safe_attribute(tag: str, name: str, value: str) -> bool:
    if (tag, name) == ("img", "src"):
        return SAFE_PICTURE.fullmatch(value) is not None
    if (tag, name) == ("a", "href"):
        return SAFE_LINK.match(value) is not None
    return name in ATTRIBUTES


def texts_of(output: NotebookNode) -> list[str]:
    """Return everything in an output that can be read."""
    traceback = [_joined(line) for line in output.get("traceback", [])]
    data = [_joined(value) for value in output.get("data", {}).values()]
    return [_joined(output.get("text", "")), _joined(output.get("evalue", "")), *traceback, *data]


def _joined(value) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def note(text: str) -> NotebookNode:
    """Return an output that says something in the grader's name."""
    return from_dict({"output_type": "stream", "name": "stdout", "text": f"[{text}]\n"})


def limit_outputs(notebook: NotebookNode) -> NotebookNode:
    """Keep only what the page can show, in bearable amounts."""
    notebook.metadata = from_dict({"language_info": {"name": "python"}})
    budget = _Budget()
    for cell in notebook.cells:
        cell.pop("attachments", None)
        # nbconvert stops at a picture that is attached to nothing
        source = cell.source.replace("attachment:", "attachment ")
        cell.source = budget.source(_shortened(source), cell.cell_type)
        cell.metadata = from_dict({k: v for k, v in cell.metadata.items() if k == "nbgrader"})
        if cell.cell_type == "code":
            # What is too much must not be cleaned either: that takes longest
            outputs = [
                _safe_output(budget.output(output)) for output in cell.outputs[:MOST_OUTPUTS]
            ]
            if len(cell.outputs) > MOST_OUTPUTS:
                more = len(cell.outputs) - MOST_OUTPUTS
                outputs.append(note(f"{more} more outputs are left out."))
            cell.outputs = outputs
    return notebook


class _Budget:
    """What a page may still hold, so that no notebook keeps the grader busy for minutes."""

    def __init__(self):
        self.characters, self.markup = ALL_OUTPUTS, ALL_MARKUP
        self.sources, self.tags = ALL_SOURCES, 2 * MOST_TAGS

    def source(self, text: str, cell_type: str) -> str:
        """Return a cell's text, or a note that it is left out."""
        self.sources -= len(text)
        self.tags -= sum(map(text.count, "<[")) if cell_type == "markdown" else 0
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
    """Rebuild an output from what is known to be sanitize_outputs; the page cleans it once more."""
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
    alternatives = {kind: _alternative(output, kind) for kind in data.keys() & PICTURES}
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
        return None if heavy or len(value) > LARGEST_PICTURE else sanitize_markup(value)
    if kind == "image/svg+xml":
        return value if len(value) <= LARGEST_PICTURE else None
    if kind in PICTURES and len(value) <= LARGEST_PICTURE:
        return value if _is_base64(value) else None
    return None


def _is_base64(value: str) -> bool:
    try:
        return bool(base64.b64decode("".join(value.split()), validate=True))
    except (binascii.Error, ValueError):
        return False


def _alternative(output: NotebookNode, kind: str) -> dict:
    """Return the text alternative of a picture; the template trusts all other metadata."""
    metadata = output.get("metadata") or {}
    of_kind = metadata.get(kind)
    alt = of_kind.get("alt") if isinstance(of_kind, dict) else metadata.get("alt")
    return {"alt": alt[:2000] if isinstance(alt, str) else "A figure without a text alternative."}
