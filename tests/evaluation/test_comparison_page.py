"""The page of a comparison stands alone and says what the figures say."""

from __future__ import annotations

import pytest

from html_document import Page
from tellapart.evaluation.comparison_page import page, verdict


def figure(value, low, high):
    return {"value": value, "ci95": [low, high], "n": 40}


def compared(p, value=0.1, key="per_class", interval=(-0.02, 0.2)):
    each = {"n": 20, "first": 0.5, "second": 0.75, "difference": figure(0.25, 0.1, 0.4), "p_value": p, "p_adjusted": p}
    pair = {
        "first": "a", "second": "b<i>", "difference": figure(value, *interval), "only_first": 1, "only_second": 5,
        "p_value": p, "p_adjusted": p, key: {"cat & dog": each},
    }  # fmt: skip
    task = "classify" if key == "per_class" else "read"
    score = {"accuracy": figure(0.5, 0.4, 0.6)} if task == "classify" else {"exact_match": figure(0.5, 0.4, 0.6)}
    models = [{"name": name, "path": name, **score} for name in ("a", "b<i>")]
    return {
        "data": "photos",
        "split": "test",
        "n": 40,
        "task": task,
        "models": models,
        "pairs": [pair],
        "notes": ["note: x"],
    }


@pytest.mark.parametrize("key", ["per_class", "per_length"])
def test_the_page_names_models_classes_and_differences(key):
    text = page(compared(0.01, key=key))
    for said in ("+0.1000", "-0.0200 to +0.2000", "5 that only b&lt;i&gt; has right", "cat &amp; dog", "note: x"):
        assert said in text, said
    assert "<i>" not in text
    assert "b<i> is right more often than a." in Page(text).text


@pytest.mark.parametrize(
    ("p", "value", "interval", "said"),
    [
        (0.01, 0.1, (0.02, 0.2), "b<i> is right more often than a."),
        (0.01, -0.1, (-0.2, -0.02), "b<i> is right less often than a."),
        (0.05, 0.1, (-0.02, 0.2), "Whether b<i> or a is right more often cannot be told from chance."),
    ],
)
def test_the_verdict(p, value, interval, said):
    assert verdict(compared(p, value, interval=interval)["pairs"][0]) == said


@pytest.mark.parametrize(("p", "interval"), [(0.0703, (-0.0545, -0.0045)), (0.04, (-0.05, 0.01))])
def test_an_interval_that_says_otherwise_is_explained(p, interval):
    said = verdict(compared(p, -0.03, interval=interval)["pairs"][0])
    assert "That is McNemar's exact test; the interval of the difference, by the bootstrap, is another measure" in said
