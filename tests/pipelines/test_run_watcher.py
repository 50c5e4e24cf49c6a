"""Who follows a training is told of each epoch, and can stop none."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tellapart.pipelines.run_watcher import observed
from tellapart.training.run_folder import Run


class Listener:
    def __init__(self, run, wrong=None):
        self.run, self.wrong, self.epochs, self.closed, self.new = run, wrong, [], [], threading.Event()

    def update(self):
        self.epochs.append(sum(map(len, self.run.histories().values())))
        self.new.set()
        if self.wrong:
            raise self.wrong

    def close(self, error):
        self.closed.append(error)
        if self.wrong:
            raise self.wrong


@pytest.fixture
def run(shape_run, copied):
    """A run that has not begun, and the lines of its history."""
    run = Run.open(copied(shape_run))
    lines = (run.path / "history.jsonl").read_text("utf-8").splitlines(keepends=True)
    (run.path / "history.jsonl").unlink()
    return run, lines


def write(folder: Path, lines):
    (folder / "history.part").write_text("".join(lines), "utf-8")
    (folder / "history.part").replace(folder / "history.jsonl")


def test_each_epoch_is_told_while_the_training_runs(run):
    run, lines = run
    listener = Listener(run)
    with observed(run, [listener]):
        for epoch in range(3):
            assert listener.new.wait(30)
            listener.new.clear()
            write(run.path, lines[: epoch + 1])
        assert listener.closed == []
    assert listener.epochs == [0, 1, 2, 3], "the last one too, however soon the end comes after it"
    assert listener.closed == [None]


def test_what_fails_in_one_is_noted_once_and_stops_neither_the_training_nor_another(run, capsys):
    run, lines = run
    broken, listener = Listener(run, OSError("no room")), Listener(run)
    with observed(run, [broken, listener]):
        assert listener.new.wait(30)
        write(run.path, lines)
    assert listener.epochs == [0, 4]
    assert capsys.readouterr().err == 2 * "note: the training goes on, but no room\n", "of updates, and of the end"


def test_the_error_that_ends_a_training_is_told_and_goes_on(run):
    listener = Listener(run[0])
    stop = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt), observed(run[0], [listener]):
        raise stop
    assert listener.closed == [stop]


def test_nobody_needs_to_follow(run):
    before = threading.active_count()
    with observed(run[0], []):
        assert threading.active_count() == before
