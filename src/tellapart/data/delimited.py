"""Text tables become records: CSV and TSV in any usual form, strictly. No comma and no quotation mark cuts a text."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tellapart.core.errors import CatalogError, join_some, pluralize
from tellapart.core.foreign_content import HEAD, stand_in
from tellapart.core.image_io import is_image_name
from tellapart.core.regular_files import read_regular
from tellapart.core.storage import RemotePath
from tellapart.core.terminal import quoted
from tellapart.core.text_encoding import UTF8, EncodingError, decode_text
from tellapart.data.rows import Record, Records

_SPREADSHEETS = (b"PK\3\4", b"\xd0\xcf\x11\xe0")  # of today's and of older programs
DELIMITERS = ",\t;|"
_ADVICE = 'put a text that holds a quotation mark into quotation marks, and double the mark inside ("")'


@dataclass(frozen=True)
class _Line:
    """One row as it stands: the number of its first line in the file, that of its last, and its cells."""

    first: int
    last: int
    cells: list[str]

    @property
    def blank(self) -> bool:
        return not any(cell.strip() for cell in self.cells)


class _TornError(Exception):
    """A row whose quotation marks do not fit together."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(row, reason)
        self.row, self.reason = row, reason


def read_text(path: Path) -> tuple[str, list[str]]:
    """The text of a table, with its line ends as they are, and a note where it is not UTF-8.

    Raises:
        CatalogError: it cannot be read, or is no text.
    """
    try:
        data = path.read_bytes() if isinstance(path, RemotePath) else read_regular(path)
        if data.startswith(_SPREADSHEETS):
            raise CatalogError(f"{path}: a spreadsheet or an archive, no text; save the table as CSV")
        if (instead := stand_in(data[:HEAD], "table")) is not None:
            raise CatalogError(f"{path}: {instead}")
        text, encoding = decode_text(data)
    except OSError as error:
        raise CatalogError(f"{path}: cannot be read: {error.strerror or error}") from error
    except EncodingError as error:
        raise CatalogError(f"{path}: {error}") from error
    text = text.removesuffix("\x1a")  # by which DOS marks the end
    return text, [] if encoding == UTF8 else [f"read as: {encoding} text ({path.name})"]


def read_delimited(path: Path, file_heading: Callable[[Sequence[str]], str | None]) -> Records:
    """The rows of a CSV or TSV table, numbered by their lines.

    The first row is the heading; a table of two columns that begins with an image and its label needs none. Cells stand
    between commas, tabs, semicolons or bars: the ones under which the heading has what is looked for, or else the most
    cells; in a .txt a blank may part the image from its label. A first line such as ``sep=;`` says which. Texts may
    stand in quotation marks. Where those do not fit together, they are text if then every row has as many cells as the
    heading, which a note says.

    Args:
        path: the table.
        file_heading: of headings, the one that names the file; None where what is looked for is not among them.

    Raises:
        CatalogError: no text, no heading, or a row that may be cut: more or fewer cells than the heading, a quotation
            mark that is not closed, or closed within another row.
    """
    text, notes = read_text(path)
    lines = list(io.StringIO(text, newline=""))
    start = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    delimiter = None
    if start < len(lines) and (said := re.fullmatch(r'\s*"?sep=(.)"?[\s,;]*', lines[start], re.IGNORECASE)):
        delimiter, start = said[1], start + 1
    delimiter = delimiter or _delimiter(lines[start:], path, file_heading)
    if delimiter == " ":  # which stands in texts too: the first one of a line parts it
        lines, delimiter = [re.sub(r"(?<=\S) +", "\t", line, count=1) for line in lines], "\t"
    try:
        rows = list(_parse(lines, start, delimiter))
    except _TornError as error:
        literal = _as_text(lines, start, delimiter)
        if literal is None:
            raise CatalogError(f"{path}: row {error.row}: {error.reason}; {_ADVICE}") from error
        rows = literal
        notes.append(f"read as: quotation marks are text ({path.name}, as in row {error.row})")
    if not rows:
        raise CatalogError(f"{path}: the table is empty; its first row names the columns, as file,label")
    return _records(path, lines, rows, delimiter, file_heading, notes)


def _delimiter(lines: Sequence[str], path: Path, file_heading: Callable[[Sequence[str]], str | None]) -> str:
    """What stands between cells: that under which the heading has what is looked for, or the most cells."""
    choices = "\t,;|" if path.suffix.lower() == ".tsv" else DELIMITERS
    headings: dict[str, list[str]] = {}
    for delimiter in choices:
        try:
            first = next((row for row in _parse(lines, 0, delimiter) if not row.blank), None)
        except _TornError:
            first = None
        headings[delimiter] = [cell.strip() for cell in first.cells] if first else []
    fitting = [delimiter for delimiter in choices if file_heading(headings[delimiter]) is not None]
    fitting += [delimiter for delimiter in choices if _unheaded(headings[delimiter])]
    if not fitting and path.suffix.lower() == ".txt" and _unheaded("".join(lines[:1]).split(None, 1)):
        return " "
    return fitting[0] if fitting else max(choices, key=lambda delimiter: len(headings[delimiter]))


def _parse(lines: Sequence[str], start: int, delimiter: str, quoting: int = csv.QUOTE_MINIMAL) -> Iterator[_Line]:
    """The rows from a line on, without those that hold nothing at all; lines count from 1."""
    rest = lines[start:]
    behind_blanks = re.compile(rf'(^|{re.escape(delimiter)}) +"')
    blanks = any(' "' in line and behind_blanks.search(line) for line in rest)
    reader = csv.reader(rest, delimiter=delimiter, quoting=quoting, strict=True, skipinitialspace=blanks)  # type: ignore[arg-type]
    before = start
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _TornError(before + 1, _reason(str(error))) from error
        after = start + reader.line_num
        if cells:
            yield _Line(before + 1, after, cells)
        before = after


def _reason(error: str) -> str:
    """What the parser says, in words for people."""
    if "unexpected end of data" in error:
        return "a quotation mark opens a text and none closes it"
    if "expected after" in error:
        return "a text goes on behind the quotation mark that closes it"
    if "larger than field limit" in error:
        return f"a cell holds more than {csv.field_size_limit():,} characters: is a quotation mark left open?"
    return error


def _as_text(lines: Sequence[str], start: int, delimiter: str) -> list[_Line] | None:
    """The rows where quotation marks are text like any other; None where that does not make a whole table."""
    try:
        rows = list(_parse(lines, start, delimiter, csv.QUOTE_NONE))
    except _TornError:
        return None
    for row in rows:
        if len(row.cells) != len(rows[0].cells) and not row.blank:
            return None
        if any(re.search(r'""|^".*"$', cell.strip(), re.DOTALL) for cell in row.cells):  # marks that quote
            return None
    return rows


def _records(
    path: Path,
    lines: Sequence[str],
    rows: Sequence[_Line],
    delimiter: str,
    file_heading: Callable[[Sequence[str]], str | None],
    notes: list[str],
) -> Records:
    heading, *body = rows
    present = [cell.strip() for cell in heading.cells]
    if file_heading(present) is None and (unheaded := _unheaded(present)):
        notes.append(f"read as: no heading; the columns are {' and '.join(unheaded)} ({path.name})")
        body, present, heading = list(rows), unheaded, _Line(0, 0, unheaded)
    again = [row.first for row in body if row.cells == heading.cells]  # of tables that were put together
    filled = [row for row in body if not row.blank and row.cells != heading.cells]
    file_column = file_heading([name for name in present if name])
    if file_column is None:
        _check_heading(path, present)
    _check_widths(path, len(present), filled, delimiter)
    _check_unnamed(path, present, filled)
    if file_column is not None:
        for row in filled:
            _check_lines(path, row, lines, delimiter, present.index(file_column), len(present))
    empty = [row.first for row in body if row.blank]
    if empty:
        notes.append(f"{pluralize(len(empty), 'row')} of {path.name} without a cell filled: {join_some(empty)}")
    if again:
        notes.append(f"{pluralize(len(again), 'row')} of {path.name} with the heading again: {join_some(again)}")
    records = [Record(row.first, dict(_named(present, row.cells))) for row in filled]
    return Records([name for name in present if name], records, notes)


def _unheaded(first: Sequence[str]) -> list[str] | None:
    """The headings of a table of file and label whose first row is one of its images; None for any other row."""
    images = [is_image_name(cell.strip().strip('"').replace("\\", "/")) for cell in first]
    if images == [True, False]:
        return ["file", "label"]
    return ["label", "file"] if images == [False, True] else None


def _named(present: Sequence[str], cells: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((name, cell) for name, cell in zip(present, cells, strict=True) if name)


def _check_heading(path: Path, present: Sequence[str]) -> None:
    """Refuse a table whose first row is one of its images."""
    first = next((name for name in present if is_image_name(name.replace("\\", "/"))), None)
    if first is not None:
        raise CatalogError(
            f"{path}: its first row names an image, {quoted(first)}; put a row above it that names the columns, as "
            "file,label"
        )


def _check_widths(path: Path, width: int, rows: Sequence[_Line], delimiter: str) -> None:
    """Refuse rows of another number of cells than the heading's: in them a text may be cut."""
    if torn := next((row.first for row in rows if any("\0" in cell for cell in row.cells)), None):
        raise CatalogError(f"{path}: row {torn} holds NULs: the table was not written to its end; write it again")
    odd = [row for row in rows if len(row.cells) != width]
    if not odd:
        return
    first = odd[0]
    more = f" ({pluralize(len(odd) - 1, 'other row')} too)" if odd[1:] else ""
    name = {"\t": "a tab", ",": "a comma", ";": "a semicolon"}.get(delimiter, repr(delimiter))
    what = (
        f"put a text that holds {name} into quotation marks"
        if len(first.cells) > width
        else "fill it up, so that every cell has its heading"
    )
    raise CatalogError(
        f"{path}: row {first.first} has {pluralize(len(first.cells), 'cell')}, but the heading {width}{more}; {what}"
    )


def _check_unnamed(path: Path, present: Sequence[str], rows: Sequence[_Line]) -> None:
    """Refuse cells below no heading, where the end of a text that holds the delimiter would stand.

    The first column may be without one: some programs number rows there.
    """
    for place in (place for place, name in enumerate(present) if place and not name):
        for row in rows:
            if row.cells[place].strip():
                raise CatalogError(
                    f"{path}: row {row.first} has the cell {quoted(row.cells[place].strip())} below no heading; name "
                    "its column, or put the text that it belongs to into quotation marks"
                )


def _check_lines(path: Path, row: _Line, lines: Sequence[str], delimiter: str, index: int, width: int) -> None:
    """Refuse a row of several lines where one of them looks like a row of its own: a lone mark has swallowed it."""
    for number in range(row.first, row.last):
        cells = [cell.strip(' "\r\n') for cell in lines[number].split(delimiter)]
        if len(cells) < width:
            continue
        if is_image_name(cells[index].replace("\\", "/")) or os.path.isfile(path.parent / cells[index]):  # noqa: PTH113
            raise CatalogError(
                f"{path}: row {row.first}: a quotation mark opens a text that goes on in row {number + 1}, which names "
                f"a file itself ({quoted(cells[index])}); {_ADVICE}"
            )
