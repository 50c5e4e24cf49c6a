"""The report of a classifier: confusion, classes, groups, threshold."""

from __future__ import annotations

from html.parser import HTMLParser

import tellapart
from tellapart.evaluation.report.common import headline, percent

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


def test_a_classifier(shape_run, shapes, tmp_path):
    figures, page, text = page_of(shape_run, shapes, tmp_path / "report.html")
    assert headline(figures) in text
    assert {"overview", "confusion", "classes", "errors", "boundary", "confidence", "learning"} <= page.ids
    wrong = round((1 - figures["fine_accuracy"]["value"]) * figures["n"])
    assert wrong, "the shapes hold wrong labels"
    section = text[text.index('id="errors"') : text.index("</section>", text.index('id="errors"'))]
    assert section.count("<figure") == min(24, wrong)
    for scores in figures["fine_per_class"].values():
        assert f"{scores['f1']:.3f}" in text


def test_a_classifier_of_groups_shows_both(shape_run, shapes, tmp_path, copied):
    groups = tmp_path / "groups.yaml"
    groups.write_text("round: [disc, ring]\nstraight: [bar]\n", encoding="utf-8")
    run = tellapart.train(
        shapes, out=tmp_path / "run", coarse_labels=str(groups), task="classify", backbone="small", epochs=1
    )
    _, page, _ = page_of(run["run"], shapes, tmp_path / "report.html")
    assert {"confusion", "fine"} <= page.ids


def test_two_classes_show_their_threshold(draw_shapes, tmp_path, shape_options, renewed):
    data = draw_shapes(tmp_path / "data", classes=("bar", "disc"), wrong=4, grouped=False)
    run = tellapart.train(data, out=tmp_path / "run", threshold="f1", **shape_options)
    figures, page, text = page_of(run["run"], renewed(data), tmp_path / "report.html")
    assert "threshold" in page.ids
    at = tellapart.Bundle.open(run["bundle"]).calibration.threshold.at
    assert f"threshold {at:.2f}" in text
    # What the curves say of the threshold is what the answers are.
    positive = tellapart.Bundle.open(run["bundle"]).calibration.threshold.positive
    scores = figures["per_class"][positive]
    assert f"{positive} found {percent(scores['recall'])}." in text
    assert f"precision {percent(scores['precision'])}." in text
