"""Two commands with one folder: the second is refused in words with status 2, and changes nothing."""

from __future__ import annotations

import os
import sqlite3

import pytest

from tellapart.core.folder_lock import hold_folder
from tellapart.core.locks import LOCK

VERBS = {  # the words of a command that works in the folder OUT on DATA
    "train": ["DATA", "--out", "OUT"],
    "adapt": ["DATA", "--out", "OUT"],
    "tune": ["DATA", "--out", "OUT", "--trials", "1"],
    "experiment": ["PLAN", "--out", "OUT"],
    "audit": ["DATA", "--out", "OUT"],
    "clean": ["DATA", "--audit", "OUT", "--out", "clean.parquet"],
    "prepare": ["DATA", "--out", "OUT"],
    "strength": ["DATA", "--out", "OUT"],
    "demo": ["--out", "OUT"],
}


def snapshot(folder):
    """Every file below a folder with its bytes."""
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("verb", VERBS)
def test_the_second_command_is_refused_and_the_first_unhurt(verb, shapes, tmp_path, monkeypatch, said):
    monkeypatch.chdir(tmp_path)
    out, plan = tmp_path / "out", tmp_path / "plan.yaml"
    plan.write_text(f"data: {shapes}\nseeds: [0, 1]\nruns: {{plain: }}\n", encoding="utf-8")
    with hold_folder(out):
        before = snapshot(tmp_path)
        status, printed, error = said(
            verb, *({"DATA": shapes, "OUT": out, "PLAN": plan}.get(word, word) for word in VERBS[verb])
        )
        assert snapshot(tmp_path) == before
    assert (status, printed) == (2, "")
    assert error.startswith(f"tellapart: {out}: in use by process {os.getpid()} since ")
    assert error.endswith("; wait for it or stop it, or name another folder (--out)\n")


def test_a_run_is_not_packed_while_it_is_trained_but_may_be_packed_elsewhere(shape_run, copied, tmp_path, said):
    run = copied(shape_run)
    with hold_folder(run):
        before = snapshot(run)
        status, _, error = said("export", run)
        assert (status, snapshot(run)) == (2, before)
        assert f"{run}: in use by process" in error
        status, _, error = said("export", run, "--out", tmp_path / "elsewhere")
        assert status == 0, error
    assert not (run / LOCK).exists()


def test_a_search_that_runs_keeps_its_running_trial(shapes, tmp_path, said):
    import optuna

    out = tmp_path / "out"
    words = ["tune", shapes, "--out", out, "--trials", "1"]
    with hold_folder(out):
        storage = f"sqlite:///{out}/study.db"
        study = optuna.create_study(storage=storage, study_name="tune", direction="maximize")
        study.ask()
        assert said(*words)[0] == 2
        with sqlite3.connect(out / "study.db") as database:
            assert database.execute("select state from trials").fetchall() == [("RUNNING",)]


def test_pictures_are_not_added_to_an_index_while_it_is_made(shapes, tmp_path, said):
    out = tmp_path / "out"
    assert said("audit", shapes, "--out", out, "--no-pretrained")[0] == 0
    with hold_folder(out):
        status, _, error = said("audit", shapes, "--known", out)
        assert (status, f"{out}: in use by" in error) == (0, False), error
        status, _, error = said("audit", shapes, "--known", out, "--add")
        assert (status, f"{out}: in use by" in error) == (2, True), error
