"""The benchmarks are found, listed, timed in turn, and recorded; what they measure is not judged here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.__main__ import benchmarks
from benchmarks.timing import Spread, measure_in_turn, ratios, time_in_turn

ROOT = Path(__file__).parents[1]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """``python -m benchmarks`` with arguments."""
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_ways_take_turns_and_warmups_do_not_count() -> None:
    calls: list[str] = []

    def way(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    measured = measure_in_turn({"a": lambda: way("a"), "b": lambda: way("b")}, rounds=2, warmups=1)
    assert calls == ["a", "b", "a", "b", "a", "b"]
    assert measured == {"a": [3.0, 5.0], "b": [4.0, 6.0]}


def test_seconds_are_those_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 2.0, 10.0, 13.0])
    monkeypatch.setattr("benchmarks.timing.time.perf_counter", lambda: next(clock))
    assert time_in_turn({"ours": lambda: None, "peer": lambda: None}, rounds=1) == {"ours": [2.0], "peer": [3.0]}


def test_a_ratio_is_taken_round_by_round() -> None:
    spread = ratios([2.0, 9.0, 4.0], [1.0, 3.0, 8.0])
    assert spread == Spread(min=0.5, median=2.0, max=3.0, n=3)
    assert spread.to_json() == {"median": 2.0, "min": 0.5, "max": 3.0, "n": 3}
    assert str(spread) == "2.00 [0.50 to 3.00]"


def test_rounds_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="no measurement"):
        ratios([], [])


def test_names_are_unique_and_each_has_a_line() -> None:
    known = benchmarks()
    names = [name.split("/")[1] for name in known]
    assert len(set(names)) == len(names)
    assert all(line.endswith(".") for line in known.values())


def test_the_index_and_the_docstrings_name_each_command() -> None:
    index = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[`python -m benchmarks (\w+)[^`]*`\]\(([\w/]+)\.py\)", index, re.MULTILINE)
    assert {path: path.split("/")[1] for path in benchmarks()} == {path: name for name, path in rows}
    for path in benchmarks():
        assert f"python -m benchmarks {path.split('/')[1]}" in (ROOT / "benchmarks" / f"{path}.py").read_text("utf-8")


def test_the_list_has_every_benchmark() -> None:
    lines = run("list").stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")] == [name.split("/")[1] for name in benchmarks()]


def test_figures_are_recorded(tmp_path: Path) -> None:
    record = tmp_path / "near.json"
    ran = run("near", "--largest", "10000", "--json", str(record))
    assert ran.returncode == 0, ran.stderr
    content = json.loads(record.read_text())
    assert set(content) == {"name", "command", "commit", "figures"}
    assert (content["name"], content["command"]) == ("data/near", "python -m benchmarks near --largest 10000")
    assert content["figures"]["sizes"][0]["hashes"] == 10_000


def test_nothing_measured_is_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLAPART_DATA", str(tmp_path))
    ran = run("data/audit", "--json", str(tmp_path / "audit.json"))
    assert (ran.returncode, (tmp_path / "audit.json").exists()) == (1, False)
    assert ran.stderr == f"{tmp_path / 'audit.json'}: not written, as nothing was measured\n"


def test_an_unknown_name_is_refused() -> None:
    ran = run("speed")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "speed: no benchmark of this name; python -m benchmarks list shows them\n"
