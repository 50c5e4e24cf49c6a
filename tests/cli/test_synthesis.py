"""The verbs on drawn CAPTCHAs."""

from __future__ import annotations

import pytest

import tellapart
from tellapart.cli.synthesis import _curve_table, _label_counts
from tellapart.core.errors import ConfigError
from tellapart.synthesis.generate import generate


def test_generate(answered, said, tmp_path):
    result = answered("generate", "--scheme", "digits", "--n", 3, "--out", tmp_path / "a", "--seed", 5)
    assert result.keys() == {"out", "n", "scheme", "seed", "seconds", "images_per_second"}
    generate("digits", 3, tmp_path / "b", seed=5)
    assert (tmp_path / "a/labels.csv").read_bytes() == (tmp_path / "b/labels.csv").read_bytes()
    status, prose, _ = said("generate", "--scheme", "digits", "--n", 1, "--out", tmp_path / "c")
    assert status == 0
    assert prose.startswith(f"1 image of digits in {tmp_path / 'c'} (")


def test_numbers_of_labels(refuses):
    assert _label_counts("0,50, 1000,") == [0, 50, 1000]
    with refuses(ConfigError, "labels '5o': give whole numbers with commas between, such as 0,50,200"):
        _label_counts("5o")


def test_strength_takes_only_what_is_stated(monkeypatch, said):
    calls = []

    def strength(target, **options):
        calls.append((target, options))
        raise tellapart.InputError("enough")

    monkeypatch.setattr(tellapart, "strength", strength)
    assert said("strength", "digits", "--out", "o", "--labels", "8", "--no-changes", "--label-column", "text",
                "--label-from", "text-number")[0] == 2  # fmt: skip
    assert calls == [
        ("digits", {"out": "o", "labels": [8], "changes": False, "self_taught": True, "report": None, "seed": 0,
                    "label_from": "text-number", "label_column": "text"})
    ]  # fmt: skip


@pytest.mark.parametrize("changes", [0, 1])
def test_a_curve_as_prose(changes):
    figure = {"value": 0.5, "ci95": [0.4, 0.6], "n": 100}
    result = {
        "curve": [
            {"labels": 0, "pictures": 800, "exact_match": figure, "seconds": 3.4},
            {"labels": 1000, "exact_match": figure, "seconds": 60.0},
        ],
        "changes": [{"change": "without lines", "exact_match": figure}] * changes,
        "verdict": "Broken.",
        "n": 45,
        "advice": ["Limit the attempts."],
    }
    lines = _curve_table(result).splitlines()
    assert lines[:3] == ["Broken.", "- Limit the attempts.", ""]
    assert lines[3:6] == [
        "labels           texts read       95 % interval  training",
        "0, 800 pictures      0.5000    0.4000 to 0.6000       3 s",
        "1,000                0.5000    0.4000 to 0.6000      60 s",
    ]
    assert lines[6:-2] == ["without lines        0.5000"] * changes
    assert lines[-1].startswith("Judged on 45 texts that taught nothing; one is read when each of its characters is")
