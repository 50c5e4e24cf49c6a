"""Copies stand in groups, and those across a given split are named."""

from __future__ import annotations

import pytest

from tellapart.curation.audit import run_audit


@pytest.fixture(scope="module")
def found(golden, tmp_path_factory):
    return run_audit(golden, out=tmp_path_factory.mktemp("audit") / "a")


def flagged(findings, check):
    files = findings.catalog.column("file")
    return {files[row] for row in findings.checks[check].why}


def groups(findings, check):
    files = findings.catalog.column("file")
    return {frozenset(files[row] for row in group) for group in findings.checks[check].groups}


def test_copies_stand_in_groups(found):
    assert groups(found, "exact_duplicates") == {
        frozenset({"disc/00.png", "disc/exact.bmp"}),
        frozenset({"disc/02.png", "box/conflict.png"}),
    }
    near = {"disc/00.png", "disc/exact.bmp", "disc/turned.png"}
    assert groups(found, "near_duplicates") == {frozenset(near), frozenset({"disc/01.png", "disc/mirrored.png"})}


def test_copies_across_a_given_split_are_told(drawing, tmp_path):
    for part, seeds in (("train", range(20)), ("test", (3, 30, 31))):
        for label in ("disc", "box"):
            (tmp_path / "set" / part / label).mkdir(parents=True)
            for seed in seeds:
                drawing(seed * 2 + (label == "box"), label).save(tmp_path / "set" / part / label / f"{seed}.png")
    found = run_audit(tmp_path / "set", out=tmp_path / "a")
    leaks = found.checks["split_leaks"]
    assert flagged(found, "split_leaks") == {
        f"{part}/{label}/3.png" for part in ("train", "test") for label in ("disc", "box")
    }
    assert "2 groups of copies across the split" in leaks.sentence
    row = found.catalog.column("file").index("train/disc/3.png")
    assert leaks.why[row] == "in train, a copy of it in test"
    stays = [found.catalog.column("file")[group[0]] for group in found.checks["exact_duplicates"].groups]
    assert all(file.startswith("test/") for file in stays)
