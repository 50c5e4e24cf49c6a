"""The page on which images are labelled stands alone, and saves the table that a training takes."""

from __future__ import annotations

import csv
import re

import pytest

from html_document import REQUESTS, Page
from tellapart.data.opening import open_unlabelled
from tellapart.evaluation.labelling_page import write_labelling_page

COLUMNS = ["file", "predicted", "confidence", "margin", "label"]


def record(file, predicted="cat"):
    return dict(zip(COLUMNS, [file, predicted, "0.400000", "0.100000", ""], strict=True))


@pytest.fixture
def written(tmp_path, fill):
    catalog = open_unlabelled(fill(tmp_path / "pool", ["a.png", 'b "x", c.png', "d.png"]), "classify")
    files = catalog.column("file")
    records = {2: record(files[2], 'c"a,t'), 0: record(files[0])}
    path = tmp_path / "next.html"
    write_labelling_page(path, tmp_path / "next.csv", catalog, records, ["cat", "dog"])
    return path, [files[2], files[0]]


def test_each_image_has_a_field_in_the_order_of_the_choice(written):
    path, files = written
    page = Page(path.read_text(encoding="utf-8"))
    items = [has for _, has in page.elements if "data-file" in has]
    assert [has["data-file"] for has in items] == files
    assert items[0]["data-predicted"] == 'c"a,t'
    assert [has["aria-label"] for has in page.all("input")] == [f"label of {file}" for file in files]
    assert [has["value"] for has in page.all("option")] == ["cat", "dog"]
    assert len(page.all("img")) == 2
    assert "2 images of 3" in page.text


def test_the_page_asks_for_nothing(written):
    page = Page(written[0].read_text(encoding="utf-8"))
    for _, has in page.elements:
        for key in REQUESTS & has.keys():
            assert has[key].startswith(("data:image/", "#"))
    (policy,) = page.all("meta", http_equiv="Content-Security-Policy")
    assert policy["content"].startswith("default-src 'none'")
    assert "unsafe" not in policy["content"]
    script = re.search(r"<script>(.*?)</script>", page.source, re.DOTALL)[1]
    assert not re.search(r"fetch|XMLHttp|WebSocket|import|http|eval|innerHTML", script)


def test_nothing_keeps_people_out(written, tab, axe):
    tab.goto(written[0].as_uri())
    assert axe(tab) == []


def test_labels_are_saved_as_the_table(written, tab):
    path, files = written
    tab.goto(path.as_uri())
    assert tab.locator("#save").is_disabled()
    assert tab.locator("#count").inner_text() == "0 of 2 labelled"
    tab.locator("figure").nth(0).locator(".accept").click()
    assert tab.locator("#count").inner_text() == "1 of 2 labelled"
    with tab.expect_download() as download:
        tab.locator("#save").click()
    assert download.value.suggested_filename == "next.csv"
    text = download.value.path().read_text(encoding="utf-8")
    assert list(csv.reader(text.splitlines())) == [
        COLUMNS,
        [files[0], 'c"a,t', "0.400000", "0.100000", 'c"a,t'],
        [files[1], "cat", "0.400000", "0.100000", ""],
    ]
