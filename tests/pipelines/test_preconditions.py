"""Whatever a training needs is looked for first: nothing is written, and the run folder stays usable."""

from __future__ import annotations

import sys

import pytest
import torch

import tellapart
from tellapart.core.errors import CatalogError, ConfigError
from tellapart.core.own_commands import install_command
from tellapart.pipelines.preconditions import (
    check_beginning,
    check_device,
    check_installed,
    check_training,
    is_installed,
)
from tellapart.pipelines.train import fit_only
from tellapart.training.config import make_config

ABSENT = [
    device
    for device, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available()))
    if not there
]
NONE_HERE = "there is none here; leave it out for what there is, or say cpu"


@pytest.mark.parametrize("device", ABSENT)
def test_a_device_that_is_not_there_is_refused_before_anything_is_written(device, shapes, texts, tmp_path, refuses):
    out = tmp_path / "out"
    calls = [
        lambda: tellapart.train(shapes, out=out, device=device),
        lambda: fit_only(shapes, out=out, device=device),
        lambda: tellapart.tune(shapes, out=out, trials=1, device=device),
        lambda: tellapart.adapt(texts, out=out, device=device),
        lambda: tellapart.strength("digits", out=out, labels=[50], device=device),
    ]
    for call in calls:
        with refuses(ConfigError, f"device {device}: {NONE_HERE}"):
            call()
        assert not out.exists()


@pytest.mark.parametrize("device", ABSENT[:1])
def test_a_run_folder_stays_usable_and_a_finished_run_needs_no_device(
    device, shapes, shape_options, shape_run, copied, tmp_path, tree
):
    run = copied(shape_run)
    (run / "model.safetensors").unlink()
    before = tree(run)
    options = {**shape_options, "device": device}
    with pytest.raises(ConfigError, match=NONE_HERE):
        tellapart.train(shapes, out=run, **options)
    assert tree(run) == before
    check_training(make_config(options=options), finished=True)


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_a_missing_exporter_is_said_before_the_training(package, shapes, tmp_path, monkeypatch, refuses):
    monkeypatch.setitem(sys.modules, package, None)
    text = f"{package} is not installed, and a training ends in a bundle; {install_command('train')}"
    with refuses(ConfigError, text):
        tellapart.train(shapes, out=tmp_path / "out", epochs=1)
    assert not (tmp_path / "out").exists()
    check_training(make_config(options={"epochs": 1}), packs=False)


@pytest.mark.parametrize("package", ["mlflow", "pandas", "sqlalchemy"])
def test_a_missing_tracker_is_said_before_the_training(package, shapes, tmp_path, monkeypatch, refuses):
    monkeypatch.setitem(sys.modules, package, None)
    with refuses(ConfigError, f"track: {package} is not installed; {install_command('track')}"):
        tellapart.train(shapes, out=tmp_path / "out", track=tmp_path / "track", epochs=1)
    assert not (tmp_path / "out").exists()


def test_an_exporter_that_is_missing_is_said_by_export(shape_run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ConfigError, match=r"^onnx is not installed, and a bundle is written with it; .*pip install"):
        tellapart.export(shape_run, out=tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_what_a_training_begins_with_and_its_groups_are_there(tmp_path, refuses):
    check_beginning("init_from", "small")
    check_beginning("init_from", tmp_path)
    with refuses(ConfigError, f"init_from '{tmp_path}/no': there is no such run, checkpoint or bundle"):
        check_training(make_config(options={"init_from": f"{tmp_path}/no"}))
    with refuses(CatalogError, "no.yaml: the groups file cannot be read: No such file or directory"):
        check_training(make_config(options={"coarse_labels": "no.yaml"}))


def test_devices_and_packages_that_are_there_are_fine():
    check_device("auto")
    check_device("cpu")
    check_installed(["numpy", "torch"], "train", "needed")
    assert (is_installed("numpy"), is_installed("no_such_module"), is_installed("no.such.module")) == (
        True,
        False,
        False,
    )
