"""Checkpoints: whole, of the network alone where that is enough, and as good in a folder that was moved."""

from __future__ import annotations

import shutil

import pytest
import torch
from torch import nn

from tellapart.core.errors import ConfigError
from tellapart.training.checkpointing import (
    AtomicCheckpointIO,
    BestCheckpoint,
    next_epoch,
    read_checkpoint,
    save_network,
    stage_checkpoints,
)


def test_a_networks_weights_come_back_under_their_names(tmp_path):
    model = nn.Linear(3, 2)
    save_network(model, tmp_path / "new" / "best.ckpt")
    weights = read_checkpoint(tmp_path / "new" / "best.ckpt")
    assert weights.keys() == model.state_dict().keys()
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_what_is_not_the_networks_is_left_out(tmp_path):
    torch.save({"state_dict": {"model.w": torch.ones(1), "scale.mean": torch.ones(1)}}, tmp_path / "a.ckpt")
    assert list(read_checkpoint(tmp_path / "a.ckpt")) == ["w"]


@pytest.mark.parametrize("content", [None, b"", b"no zip at all", b"PK\x03\x04 cut off"])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    file = tmp_path / "a.ckpt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError) as refusal:
        read_checkpoint(file)
    assert str(refusal.value).startswith(f"{file}: not a checkpoint of a training: ")


def test_a_file_of_other_tensors_is_refused(tmp_path):
    torch.save({"weights": torch.ones(1)}, tmp_path / "a.ckpt")
    with pytest.raises(ConfigError, match="not a checkpoint of a training"):
        read_checkpoint(tmp_path / "a.ckpt")


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    io = AtomicCheckpointIO()
    io.save_checkpoint({"epoch": 3}, tmp_path / "last.ckpt")

    def broken(checkpoint, stream):
        stream.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", broken)
    with pytest.raises(OSError, match="disk full"):
        io.save_checkpoint({"epoch": 4}, tmp_path / "last.ckpt")
    monkeypatch.undo()
    assert next_epoch(tmp_path / "last.ckpt") == 4  # after the third
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


def test_the_best_score_moves_with_its_folder(shape_run, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(shape_run / "checkpoints" / "stage-1", moved)
    state = torch.load(moved / "last.ckpt", map_location="cpu", weights_only=True)["callbacks"]
    (state,) = [value for name, value in state.items() if name.startswith(BestCheckpoint.__name__)]
    best, newest = stage_checkpoints(moved)
    best.load_state_dict(state)
    assert best.best_model_path == str(moved / "best.ckpt")
    assert list(best.best_k_models) == [str(moved / "best.ckpt")]
    assert float(best.best_model_score) == float(state["best_model_score"])
    assert best.monitor == "val_score"
    assert newest.monitor is None
