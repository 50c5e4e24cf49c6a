"""What both reports share: figures in words, learning curves, escaping, refusals."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

import tellapart
from tellapart.evaluation.report.common import percent

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


def test_it_is_said_where_images_taught_the_model(text_run, texts, tmp_path):
    unseen, met = ", none of which it knows from its training.", ", which it knows from its training."
    for split, words in (("test", unseen), ("train", met)):
        _, _, text = page_of(text_run, texts, tmp_path / f"{split}.html", split=split)
        assert words in text
    assert "It knows them from its training; new ones it answers less well." in text
    # The same images split another way: some of the test part were learnt, and stand in a table of their own.
    again = tellapart.split(texts, seed=9, task="read")
    figures, _, text = page_of(text_run, again, tmp_path / "again.html", split="test")
    assert unseen in text
    exact = figures["seen"]["train"]["exact_match"]
    row = f'<th scope="row">taught the model</th><td>{exact["n"]}</td><td>{percent(exact["value"])}</td>'
    assert row in text


def test_a_bundle_alone_has_no_learning_curve(text_bundle, texts, copied, tmp_path):
    _, page, _ = page_of(copied(text_bundle, "alone"), texts, tmp_path / "report.html", split="all")
    assert "learning" not in page.ids


def test_names_from_the_data_are_never_markup(draw_shapes, tmp_path, shape_options):
    data = draw_shapes(tmp_path / "data", grouped=False)
    (data / "bar").rename(data / "<script>alert(1)<")
    run = tellapart.train(data, out=tmp_path / "run", **shape_options)
    _, page, text = page_of(run["run"], data, tmp_path / "report.html")
    assert "script" not in page.tags
    assert "&lt;script&gt;alert(1)&lt;" in text


def test_a_place_that_is_no_page_is_refused(text_bundle, texts, tmp_path):
    with pytest.raises(tellapart.InputError, match=r"report\.txt"):
        tellapart.evaluate(text_bundle, texts, report=tmp_path / "report.txt")
