"""The report of a reader: readings, errors by place."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import tellapart
from tellapart.evaluation.report.common import headline

VOID = {"br", "img", "input", "meta", "wbr"}


class Page(HTMLParser):
    """Its elements are closed in order, its links lead somewhere, and it asks for nothing."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.words, self.tags = [], set(), set(), [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert name != "style", "the page's own policy forbids it"
            if name == "id":
                assert value not in self.ids
                self.ids.add(value)
            if name in ("src", "href"):
                assert value.startswith(("data:", "#")), value
                if value.startswith("#"):
                    self.links.add(value[1:])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def page_of(model, data, path, **options):
    figures = tellapart.evaluate(model, data, report=path, **options)
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.links <= page.ids
    assert "nan" not in " ".join(page.words).lower().split()
    return figures, page, text


def test_a_reader(text_run, texts, tmp_path, renewed):
    figures, page, text = page_of(text_run, renewed(texts), tmp_path / "report.html")
    assert headline(figures) in text
    assert {"overview", "errors", "samples", "places", "confused", "confidence", "learning"} <= page.ids
    assert re.search(r'<span class="sure s[0-4]" title="[01]\.\d\d">[0147]</span>', text)
