"""The frame of the web pages that grading writes, which forbids scripts and the network."""

import html
from collections.abc import Iterable

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """Return an HTML table; every cell is escaped."""
    titles = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    lines = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def escape(text: str) -> str:
    """Return text with HTML's special characters escaped."""
    return html.escape(str(text))


STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff; margin: 0 auto;
  padding: 1rem; max-width: 60rem; overflow-wrap: anywhere; }
h1, h2, h3, h4 { line-height: 1.25; }
a { color: #0b57a4; }
table { border-collapse: collapse; margin: 0.5rem 0; }
th:not(:last-child), td:not(:last-child) { overflow-wrap: normal; }
th, td { border: 1px solid #b5b5b5; padding: 0.25rem 0.6rem; text-align: left;
  vertical-align: top; }
th { background: #eef1f4; }
pre { white-space: pre-wrap; font: 14px/1.4 ui-monospace, monospace; margin: 0; padding: 0.5rem; }
code { font: 0.9em ui-monospace, monospace; }
img { max-width: 100%; height: auto; }
.cell { margin: 0.75rem 0; }
.source { background: #f6f7f8; border: 1px solid #d5d9dd; border-radius: 4px; }
.outputs { border-left: 3px solid #d5d9dd; margin-top: 0.25rem; overflow-x: auto; }
.answer { border: 2px solid #2f6db0; border-radius: 6px; padding: 0.25rem 0.75rem 0.5rem; }
.label { color: #1d5490; font-weight: 600; margin: 0 0 0.25rem; }
.comment, .verdict { border-left: 6px solid; padding: 0.4rem 0.75rem; margin-top: 0.5rem; }
.comment { background: #fff6dd; border-color: #a15c00; }
.verdict { background: #f6f7f8; border-color: #616161; }
.verdict.right { border-color: #1b7a35; }
.verdict.partly, .verdict.missed { border-color: #a15c00; }
.message { white-space: pre-wrap; }
.findings { border-bottom: 2px solid #2f6db0; padding-bottom: 0.75rem; margin-bottom: 1rem; }
.k, .kn, .kc, .ow { color: #00528c; font-weight: 600; }
.s1, .s2, .sd, .sa, .si, .se { color: #1b6a2f; }
.c1 { color: #5c5c5c; font-style: italic; }
.ansi-bold { font-weight: 600; }
.ansi-red-fg, .ansi-red-intense-fg { color: #b3261e; }
.ansi-green-fg, .ansi-green-intense-fg { color: #1b6a2f; }
.ansi-blue-fg, .ansi-blue-intense-fg, .ansi-cyan-fg { color: #00528c; }
.findings th:last-child, .findings td:last-child { white-space: nowrap; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
.pair > div { min-width: 0; }
@media print {
  body { max-width: none; padding: 0; font-size: 11pt; }
  .verdict, .comment, .source, tr { break-inside: avoid; }
  a { color: inherit; text-decoration: none; }
}
"""


def page(title: str, body: str) -> str:
    """Return a complete page around HTML that is already safe."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
