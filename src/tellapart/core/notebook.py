"""How results show themselves in a notebook: a small table of HTML, or a DataFrame."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import Any

from PIL import Image

from tellapart.core.errors import ConfigError
from tellapart.core.image_io import Pixels
from tellapart.core.own_commands import install_command

_SIDE = 72  # px, of a small picture


def html_table(
    title: str, rows: Iterable[Sequence[object]], *, head: Sequence[str] = (), pictures: Iterable[Pixels] = ()
) -> str:
    """A title, small pictures, and a table, as HTML; every text is escaped.

    Args:
        title: stands above it.
        rows: cells; None is an empty one, and a float has four digits.
        head: the names of the columns.
        pictures: RGB, ``uint8`` of shape (height, width, 3).

    >>> html_table("one", [("a < b", 0.5)])
    '<div><b>one</b><table><tr><td>a &lt; b</td><td>0.5000</td></tr></table></div>'
    """
    shown = "".join(f'<img src="{data_uri(pixels, _SIDE)}" style="margin: 2px"> ' for pixels in pictures)
    heading = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    lines = [f"<tr>{''.join(f'<td>{_cell(each)}</td>' for each in row)}</tr>" for row in rows]
    table = "".join([f"<tr>{heading}</tr>" if heading else "", *lines])
    return f"<div><b>{html.escape(title)}</b>{f'<div>{shown}</div>' if shown else ''}<table>{table}</table></div>"


def data_frame(columns: Any) -> Any:
    """A pandas DataFrame of a mapping, of rows, or of a table of pyarrow.

    Raises:
        ConfigError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise ConfigError(f"pandas is not installed, and a DataFrame needs it; {install_command('pandas')}") from error
    return columns.to_pandas() if hasattr(columns, "to_pandas") else pd.DataFrame(columns)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return html.escape(f"{value:.4f}" if isinstance(value, float) else str(value))


def data_uri(pixels: Pixels, side: int | None = None) -> str:
    """A picture as the address of itself, a PNG; at most ``side`` px wide and high."""
    picture = Image.fromarray(pixels)
    if side is not None:
        picture.thumbnail((side, side))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
