"""What a notebook shows is small, self-contained HTML, in which no text becomes markup."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tellapart.core.notebook import data_frame, html_table


def test_every_text_is_escaped_and_figures_are_short():
    html = html_table("<t>", [("<b>", 0.123456), (None, 3)], head=("<h>", "n"))
    assert html == (
        "<div><b>&lt;t&gt;</b><table><tr><th>&lt;h&gt;</th><th>n</th></tr>"
        "<tr><td>&lt;b&gt;</td><td>0.1235</td></tr><tr><td></td><td>3</td></tr></table></div>"
    )


def test_pictures_are_small_and_inside(draw):
    html = html_table("t", [], pictures=[draw(1, 640, 480)])
    assert html.count("data:image/png;base64,") == 1
    assert len(html) < 40_000


def test_a_data_frame_comes_from_rows_and_from_tables():
    pytest.importorskip("pandas")
    assert data_frame([{"a": 1}, {"a": 2}])["a"].tolist() == data_frame(pa.table({"a": [1, 2]}))["a"].tolist() == [1, 2]
