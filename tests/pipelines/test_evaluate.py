"""Figures of answers given part by part are those of answers given here."""

from __future__ import annotations

import tellapart


def figures(result):
    return {name: value for name, value in result.items() if name != "images_per_second"}


def test_answers_in_parts_give_the_same_figures(tmp_path):
    tellapart.generate("digits", 8, tmp_path / "d", seed=4)
    here = tellapart.evaluate("base", tmp_path / "d", split="all", independent=True)
    there = tellapart.evaluate("base", tmp_path / "d", split="all", parts=tmp_path / "parts")
    assert figures(here) == figures(there)
    before = sorted((tmp_path / "parts").iterdir())
    again = tellapart.evaluate("base", tmp_path / "d", split="all", parts=tmp_path / "parts")
    assert figures(again) == figures(there)
    assert sorted((tmp_path / "parts").iterdir()) == before
