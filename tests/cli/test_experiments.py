"""Lists of runs and comparisons as people read them."""

from __future__ import annotations

from tellapart.cli.experiments import comparison_table, experiment_table, runs_table

FIGURE = {"value": 0.5, "ci95": [0.25, 0.75], "n": 8}


def test_runs_as_a_table(said, tmp_path):
    run = {
        "name": "plain", "task": "classify", "state": "finished", "seconds": 12.5, "changed": "2026-01-02 03:04:05",
        "data": {"source": "/data/photos", "n": 1200, "fingerprint": "0123456789abcdef"}, "options": {"mixup": 0.2},
        "split": "test", "figures": {"accuracy": FIGURE, "answered": FIGURE},
    }  # fmt: skip
    assert runs_table({"runs": [run]}).splitlines() == [
        "plain  classify, finished, 12.5 s, 2026-01-02 03:04:05 UTC",
        "  data      photos, 1,200 images (01234567)",
        "  options   mixup 0.2",
        "  accuracy     0.5000   95 % interval 0.2500 to 0.7500   (test part)",
    ]
    status, _, err = said("runs", tmp_path / "gone")
    assert status == 2
    assert "no such folder" in err


def test_a_comparison_as_a_table():
    each = {"n": 4, "first": 0.5, "second": 0.75, "difference": {**FIGURE, "value": 0.25}, "p_value": 0.5}
    difference = {**FIGURE, "ci95": [-0.25, 0.75]}
    pair = {
        "first": "a", "second": "b", "difference": difference, "macro_f1_difference": FIGURE, "only_first": 1,
        "only_second": 3, "p_value": 0.625, "p_adjusted": 0.625, "per_class": {"cat": each},
    }  # fmt: skip
    models = [{"name": name, "accuracy": FIGURE} for name in ("a", "b")]
    result = {"n": 8, "data": "photos", "split": "test", "task": "classify", "models": models, "pairs": [pair]}
    assert comparison_table(result).splitlines() == [
        "8 images of photos (split: test)",
        "",
        "a  accuracy 0.5000   95 % interval 0.2500 to 0.7500",
        "b  accuracy 0.5000   95 % interval 0.2500 to 0.7500",
        "",
        "Whether b or a is right more often cannot be told from chance.",
        "  accuracy     +0.5000   -0.2500 to +0.7500",
        "  macro f1     +0.5000   +0.2500 to +0.7500",
        "  right alone  1 and 3   McNemar p 0.6250, of all 0.6250",
        "  class                images  first  second  difference, 95 % interval, p",
        "  cat                       4  0.500   0.750  +0.2500   +0.2500 to +0.7500   p 0.5000",
    ]


def test_an_experiment_as_a_table():
    run = {"name": "a-seed0", "group": "a", "run": "out/a-seed0", "state": "finished", "seconds": 12.5, "error": None,
           "same_as": None}  # fmt: skip
    twin = {**run, "name": "a-seed1", "same_as": "a-seed0"}
    failed = {**run, "name": "b-seed0", "state": "failed", "seconds": None, "error": "w.pt: no\x1b weights"}
    result = {"folder": "out", "runs": [run, twin, failed], "seeds": [], "comparison": None, "page": None}
    ended = [
        "a-seed0  finished, 12.5 s",
        "a-seed1  finished, 12.5 s, the same model as a-seed0",
        "b-seed0  failed: w.pt: no\\x1b weights",
    ]
    assert experiment_table(result).splitlines() == ended
    comparison = {"n": 8, "data": "photos", "split": "test", "task": "read", "pairs": [],
                  "models": [{"name": "a-seed0", "exact_match": FIGURE}]}  # fmt: skip
    seeds = [{"group": "a", "n": 2, "mean": 0.5, "lowest": 0.25, "highest": 0.75}]
    shown = experiment_table(result | {"seeds": seeds, "comparison": comparison, "page": "out/compare.html"})
    assert shown.splitlines() == [
        *ended,
        "",
        "a        mean exact match 0.5000 of 2 seeds   0.2500 to 0.7500",
        "",
        *comparison_table(comparison).splitlines(),
    ]


def test_too_few_models_are_refused(said, shape_run):
    status, _, err = said("compare", shape_run)
    assert (status, err) == (
        2,
        "tellapart: compare: give two models or more, such as: tellapart compare runs/a runs/b\n",
    )
