"""A table goes back as it came, but for the cells that were filled in."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_admin.lms.sheets import Sheet

KINDS = {
    "comma": 'a,b\r\n1,"x, y"\r\n',
    "semicolon and mark": '\ufeffa;b;c\n1;"2 ""3""";\n\n',
    "tab, no line end": 'a\tb\n1\t"two\nlines"',
    "old line ends": "a,b\r1,2\r",
    "one column": "a\nb\n",
}


@pytest.mark.parametrize("text", KINDS.values(), ids=KINDS)
def test_nothing_changes_where_nothing_is_put(tmp_path, text):
    (tmp_path / "in.csv").write_bytes(text.encode())
    Sheet(tmp_path / "in.csv").write(tmp_path / "out" / "out.csv")
    assert (tmp_path / "out" / "out.csv").read_bytes() == text.encode()


def test_only_the_cell_changes_and_keeps_its_quotes(tmp_path):
    (tmp_path / "in.csv").write_bytes(b'\xef\xbb\xbf"a b";c\r\n"";x\r\n;y\r\n')
    sheet = Sheet(tmp_path / "in.csv")
    sheet.put(1, 0, "4,50")
    sheet.put(2, 0, "3")
    sheet.write(tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == b'\xef\xbb\xbf"a b";c\r\n"4,50";x\r\n3;y\r\n'
    assert sheet.header == ["a b", "c"] and sheet.column(1) == ["x", "y"]


def test_utf_16_is_read_and_written(tmp_path):
    (tmp_path / "in.csv").write_bytes("이름\t점수\n김민준\t\n".encode("utf-16"))
    sheet = Sheet(tmp_path / "in.csv")
    sheet.put(1, 1, "5")
    sheet.write(tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes().decode("utf-16") == "이름\t점수\n김민준\t5\n"


def test_a_delimiter_in_a_filled_cell_is_quoted(tmp_path):
    (tmp_path / "in.csv").write_text("a,b\n,2\n")
    sheet = Sheet(tmp_path / "in.csv")
    sheet.put(1, 0, "4,50")
    sheet.write(tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == 'a,b\n"4,50",2\n'


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a,b\n1\n", "as many cells in each row"),
        (b'a,b\n"1"x,2\n', "a quote too many"),
        (b'a,b\n"1,2\n', "a quote too many"),
        ("a;ü\n".encode("cp1252"), "not as Excel saved it"),
        (b"", "as many cells"),
    ],
)
def test_what_is_no_table_is_an_error_that_says_what_to_do(tmp_path, content, says):
    (tmp_path / "in.csv").write_bytes(content)
    with pytest.raises(ValueError, match=says):
        Sheet(tmp_path / "in.csv")


def test_the_platforms_file_is_never_overwritten(tmp_path):
    (tmp_path / "in.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="name another one with --out"):
        Sheet(tmp_path / "in.csv").write(tmp_path / "in.csv")


CELLS = st.text(st.characters(exclude_characters="\x00\r", exclude_categories=["Cs"]), max_size=8)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), min_size=1, max_size=4))
def test_tables_are_read_as_python_reads_them(tmp_path_factory, rows):
    rows = [["head", "end"], *rows]
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    path = tmp_path_factory.mktemp("sheet") / "in.csv"
    path.write_bytes(text.getvalue().encode())
    sheet = Sheet(path)
    assert [[sheet.value(row, column) for column in (0, 1)] for row in range(len(sheet))] == rows
