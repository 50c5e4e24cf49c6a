"""Figures of answers given part by part are those of answers given here."""

from __future__ import annotations

import json

import tellapart
from tellapart.cli import main
from tellapart.core.errors import ConfigError, GateError


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


def test_a_share_of_right_answers_can_be_asked_for(tmp_path, capsys, refuses):
    tellapart.generate("digits", 8, tmp_path / "d", seed=4)
    catalog = tellapart.catalog(tmp_path / "d", out=tmp_path / "wrong.parquet")
    data = catalog.with_column("label", ["000000", *catalog.column("label")[1:]]).write(tmp_path / "wrong.parquet")
    value = tellapart.evaluate("base", data, split="all")["exact_match"]["value"]
    words = ["evaluate", "base", str(data), "--split", "all", "--json", "--fail-below"]
    assert main([*words, str(value)]) == 0
    printed = capsys.readouterr().out
    assert main([*words, "1"]) == 1
    again = capsys.readouterr()
    assert json.loads(again.out)["exact_match"] == json.loads(printed)["exact_match"]
    assert again.err.endswith(f"tellapart: exact match {value:.4f} is below 1\n")
    with refuses(GateError, f"exact match {value:.4f} is below 1"):
        tellapart.evaluate("base", data, split="all", fail_below=1)
    with refuses(ConfigError, "fail_below 2: give a share above 0 and up to 1, such as 0.9"):
        tellapart.evaluate("base", data, split="all", fail_below=2)
