"""The section on worse pictures: words, a curve, a table and examples."""

from __future__ import annotations

import pytest

import tellapart
from html_document import Page
from tellapart.evaluation.corruptions import KINDS


@pytest.mark.parametrize("kind", ["shape", "text"])
def test_the_section(kind, request, tmp_path, renewed):
    model, data = request.getfixturevalue(f"{kind}_run"), renewed(request.getfixturevalue(f"{kind}s"))
    path = tmp_path / "report.html"
    figures = tellapart.evaluate(model, data, report=path, corruptions=True, corruption_sample=4)
    page = Page(path.read_text(encoding="utf-8"))
    assert "corruptions" in page.ids
    done = {"shape": "put into the right class", "text": "read exactly"}[kind]
    assert f"Of a sample of 4, {100 * figures['corruptions']['clean']['value']:.0f} % are {done}." in page.text.replace(
        ".0 %", " %"
    )
    for each in KINDS:
        assert [has["alt"] for has in page.all("img") if has["alt"].startswith(each)] == [
            f"{each}, severity {level}" for level in (1, 3, 5)
        ]
    for has in page.all("img"):
        assert has["src"].startswith("data:image/")


def test_without_them_there_is_no_section(shape_run, shapes, tmp_path, renewed):
    path = tmp_path / "report.html"
    tellapart.evaluate(shape_run, renewed(shapes), report=path)
    assert "corruptions" not in Page(path.read_text(encoding="utf-8")).ids
