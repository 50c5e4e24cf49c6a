"""The report of a tagger: each tag, what is said in place of what, mistakes and the nearest to a threshold."""

from __future__ import annotations

import tellapart
from tellapart.evaluation.report.common import headline


def page_of(model, data, path):
    figures = tellapart.evaluate(model, data, report=path)
    return figures, path.read_text(encoding="utf-8")


def test_a_tagger(tag_bundle, tagged, renewed, tmp_path):
    figures, text = page_of(tag_bundle, renewed(tagged), tmp_path / "report.html")
    for key in ("overview", "tags", "swapped", "errors", "boundary", "confidence", "learning"):
        assert f'id="{key}"' in text
    assert headline(figures) in text
    right = round(figures["subset_accuracy"]["value"] * figures["n"])
    assert f"Of 100 images, {right} are answered with all their tags and no other" in text
    for name, scores in figures["per_label"].items():
        assert name in text
        assert f"{scores['average_precision']:.3f}" in text
        assert f"{figures['thresholds']['at'][name]:.3f}" in text
    section = text[text.index('id="errors"') : text.index("</section>", text.index('id="errors"'))]
    assert section.count("<figure") == min(24, 100 - right)
    assert "<s>" in section  # a tag that is there, and not said


def test_the_figures_stand_in_tiles(tag_bundle, tagged, renewed, tmp_path):
    figures, text = page_of(tag_bundle, renewed(tagged), tmp_path / "report.html")
    for name in ("macro_f1", "micro_f1", "mean_average_precision"):
        assert f"<b>{figures[name]['value']:.3f}</b>" in text
    assert tellapart.Bundle.open(tag_bundle).task == "tag"
