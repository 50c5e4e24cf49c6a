"""A stage with a frozen trunk: it runs once a view and stays as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tellapart.pipelines.train import fit_only
from tellapart.training.build_model import build_network, build_preprocess
from tellapart.training.models.freezing import trainable
from tellapart.training.run_folder import Run
from tellapart.training.tasks.classification import ClassificationModule

FROZEN = {
    "backbone": "test_resnet", "pretrained": False, "height": 32, "batch_size": 16, "device": "cpu",
    "precision": "float32", "augment": "photo",
}  # fmt: skip


@pytest.fixture
def watched(monkeypatch):
    """What stages with a cached trunk did: pictures that a trunk's parts were given, and each step's features."""
    from tellapart.training import feature_cache

    passed, steps = [], []
    step, cutting = ClassificationModule.training_step, feature_cache.split_network

    def stepping(self, batch, index):
        for row, feature in zip(batch[1].tolist(), batch[0], strict=True):
            steps.append((self.current_epoch, row, feature.numpy().copy()))
        return step(self, batch, index)

    def watching(*args):
        trunk = cutting(*args)
        if trunk is not None:
            trunk.body.register_forward_pre_hook(lambda module, given: passed.append(len(given[0])))
        return trunk

    monkeypatch.setattr(ClassificationModule, "training_step", stepping)
    monkeypatch.setattr(feature_cache, "split_network", watching)
    return passed, steps


def first_weights(run):
    torch.manual_seed(run.config.seed)
    return build_network(run, pretrained=False).state_dict()


@pytest.mark.parametrize("what", ["head", "last:2"])
def test_the_frozen_part_runs_once_a_view_and_stays_as_it_was(shapes, tmp_path, watched, what):
    passed, steps = watched
    stages = [{"train": what, "epochs": 5, "lr": 1e-2}]
    fit_only(shapes, out=tmp_path / "run", **FROZEN, stages=stages, views=2)
    run = Run.open(tmp_path / "run")
    train, val = run.catalog().rows("train"), run.catalog().rows("val")
    assert sum(passed) == 1 + 2 * len(train) + len(val)  # one picture to see what comes out
    before, after = first_weights(run), load_file(tmp_path / "run/model.safetensors")
    model = build_network(run, pretrained=False)
    names = {id(value): name for name, value in model.state_dict(keep_vars=True).items()}
    learning = trainable(model, what)
    mine = {names[id(value)] for module in learning for value in (*module.parameters(), *module.buffers())}
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert changed <= mine
    assert {name for name in mine if name.endswith("weight")} <= changed
    seen = [{row: feature for at, row, feature in steps if at == epoch} for epoch in range(5)]
    assert all(sorted(epoch) == sorted(train) for epoch in seen)
    for row in train:
        assert not np.array_equal(seen[0][row], seen[1][row])
        for epoch in (2, 3, 4):
            assert np.array_equal(seen[epoch][row], seen[epoch % 2][row])


def test_the_features_are_those_of_the_network(shapes, tmp_path, watched):
    _, steps = watched
    stages = [{"train": "head", "epochs": 1, "lr": 1e-2}]
    fit_only(shapes, out=tmp_path / "run", **FROZEN | {"augment": "none"}, stages=stages, views=4)
    run = Run.open(tmp_path / "run")
    model = build_network(run, pretrained=False).eval()
    model.load_state_dict(first_weights(run))
    spec, catalog = build_preprocess(run), run.catalog()
    rows = sorted(row for _, row, _ in steps)
    pixels = {row: spec.load(data) for row, data in catalog.read(rows)}
    x = torch.from_numpy(np.stack([pixels[row] for row in rows])).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (spec.mean, spec.std))
    with torch.inference_mode():
        expected = model.embed(((x - mean) / std).float()).numpy()
    found = np.stack([feature for _, _, feature in sorted(steps, key=lambda step: step[1])])
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_as_many_views_as_epochs_are_enough(shapes, tmp_path, watched):
    passed, _ = watched
    stages = [{"train": "head", "epochs": 1, "lr": 1e-2}]
    fit_only(shapes, out=tmp_path / "run", **FROZEN, stages=stages, views=4)
    assert sum(passed) == 1 + 42 + 9


def test_no_views_or_all_learning_caches_nothing(shapes, tmp_path, watched):
    passed, steps = watched
    for name, what, views in (("none", "head", 0), ("all", "all", 4)):
        stages = [{"train": what, "epochs": 1, "lr": 1e-2}]
        fit_only(shapes, out=tmp_path / name, **FROZEN, stages=stages, views=views)
    assert passed == []
    assert {feature.shape for _, _, feature in steps} == {(32, 32, 3)}  # pictures


def test_too_little_room_says_so_and_trains_all_the_same(shapes, tmp_path, watched, capsys):
    passed, steps = watched
    stages = [{"train": "last:2", "epochs": 1, "lr": 1e-2}]
    fit_only(shapes, out=tmp_path / "run", **FROZEN, stages=stages, views=4, cache_gb=1e-5)
    said = capsys.readouterr().err
    text = "what the frozen part makes of the images does not fit into 1e-05 GB (--cache-gb): it runs in every epoch"
    assert text in said.splitlines()
    assert sum(passed) == 1
    assert {feature.shape for _, _, feature in steps} == {(32, 32, 3)}
    before, after = first_weights(Run.open(tmp_path / "run")), load_file(tmp_path / "run/model.safetensors")
    assert not torch.equal(before["head.weight"], after["head.weight"])
    first = next(name for name in before if name.startswith("backbone"))
    assert torch.equal(before[first], after[first])


def test_room_for_some_views_makes_some(shapes, tmp_path, watched, capsys):
    passed, _ = watched
    stages = [{"train": "head", "epochs": 4, "lr": 1e-2}]
    room = (2 * 42 + 9 + 5) * 96 * 4 / 1e9  # vectors of 96 numbers; pictures are decoded again each epoch then
    fit_only(shapes, out=tmp_path / "run", **FROZEN, stages=stages, views=4, cache_gb=room)
    assert sum(passed) == 1 + 2 * 42 + 9


@pytest.mark.parametrize(("precision", "half"), [("float32", False), ("auto", True)])
def test_who_asks_for_float32_has_it_in_the_frozen_part_too(shapes, tmp_path, monkeypatch, precision, half):
    from tellapart.training import feature_cache

    monkeypatch.setattr(feature_cache, "native_bfloat16", lambda device: True)
    kinds = []
    autocast = torch.autocast

    def watched(device, dtype, enabled=True):
        kinds.append(enabled)
        return autocast(device, dtype, enabled=enabled)

    monkeypatch.setattr(feature_cache.torch, "autocast", watched)
    stages = [{"train": "head", "epochs": 1, "lr": 1e-2}]
    fit_only(shapes, out=tmp_path / "run", **FROZEN | {"precision": precision}, stages=stages)
    assert {kinds[0], kinds[1]} == {half}
