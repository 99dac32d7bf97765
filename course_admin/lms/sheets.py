"""A table from a learning platform that goes back changed in a few cells and nowhere else.

Platforms compare what comes back with what they gave out. So each field keeps its text, quotes
included; delimiter, line ends, encoding and byte order mark stay as they are.
"""

import codecs
import re
from pathlib import Path

DELIMITERS = ",;\t"
NEWLINE = re.compile(r"\r\n|\n|\r")
LARGEST = 50_000_000
"""Bytes that a table may have."""


class Sheet:
    """The rows of a CSV file; the first is its header.

    Attributes
    ----------
    path : Path
    header : list of str
    """

    def __init__(self, path: Path):
        """Read a file.

        Raises
        ------
        ValueError
            If it is not a table in UTF-8 or UTF-16.
        """
        self.path = Path(path)
        text, self._encoding = _decoded(self.path)
        self._rows, self._ends, self._delimiter = _split(text, self.path)
        self.header = [self.value(0, column) for column in range(len(self._rows[0]))]

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def body(self) -> range:
        """The numbers of the rows below the header."""
        return range(1, len(self._rows))

    def value(self, row: int, column: int) -> str:
        """Return the text of a cell."""
        return _unquoted(self._rows[row][column])

    def column(self, column: int) -> list[str]:
        """Return the text of a column below the header."""
        return [self.value(row, column) for row in self.body]

    def put(self, row: int, column: int, text: str) -> None:
        """Change a cell, in quotes if it was in quotes or needs them."""
        quoted = self._rows[row][column].startswith('"') or self._delimiter in text
        self._rows[row][column] = f'"{text}"' if quoted else text

    def write(self, path: Path) -> None:
        """Write the table atomically.

        Raises
        ------
        ValueError
            If `path` is the file that was read.
        """
        path = Path(path)
        if path.exists() and path.samefile(self.path):
            raise ValueError(f"{path} is the platform's own file: name another one with --out")
        lines = map(self._delimiter.join, self._rows)
        text = "".join(line + end for line, end in zip(lines, self._ends, strict=True))
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.part")
        unfinished.write_bytes(text.encode(self._encoding))
        unfinished.replace(path)


def _decoded(path: Path) -> tuple[str, str]:
    """Return a file's text, and the encoding that gives the same bytes again."""
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path} is larger than a table of people can be")
    content = path.read_bytes()
    encoding = "utf-8"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif content.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    try:
        return content.decode(encoding), encoding
    except UnicodeDecodeError:
        raise ValueError(
            f"{path} is not UTF-8: take the file as the platform gave it, not as Excel saved it"
        ) from None


def _split(text: str, path: Path) -> tuple[list[list[str]], list[str], str]:
    """Return the raw fields of all rows, the rows' line ends, and the delimiter."""
    first = NEWLINE.split(text, maxsplit=1)[0]
    delimiter = max(DELIMITERS, key=lambda one: len(_fields(first, one)[0]))
    rows, ends, place = [], [], 0
    while place < len(text):
        fields, place = _fields(text, delimiter, place)
        end = NEWLINE.match(text, place)
        if end is None and place < len(text):
            raise ValueError(f"{path}: row {len(rows) + 1} has a quote too many: download it again")
        if len(fields) == 1 and not fields[0] and rows:  # an empty line belongs to the row above
            ends[-1] += end[0] if end else ""
        else:
            rows.append(fields)
            ends.append(end[0] if end else "")
        place = end.end() if end else place
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        raise ValueError(f"{path} is not a table with as many cells in each row: download it again")
    return rows, ends, delimiter


def _fields(text: str, delimiter: str, place: int = 0) -> tuple[list[str], int]:
    """Return the raw fields of the row that begins at a place, and where it ends."""
    field = re.compile(rf'"(?:[^"]|"")*"|(?!")[^{delimiter}\r\n]*')
    fields = []
    while True:
        match = field.match(text, place)
        fields.append(match[0] if match else "")
        place = match.end() if match else place
        if place >= len(text) or text[place] != delimiter:
            return fields, place
        place += 1


def _unquoted(field: str) -> str:
    return field[1:-1].replace('""', '"') if field.startswith('"') else field
