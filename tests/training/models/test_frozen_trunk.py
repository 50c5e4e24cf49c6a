"""A network cut in two: the halves are the whole, the frozen one runs once a view and stays as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import tellapart
from tellapart.training.models.classifier import Classifier, ConcatBackbones, trainable
from tellapart.training.models.ctc_reader import CTCReader
from tellapart.training.models.frozen_trunk import SplitNetwork, split_network
from tellapart.training.run import Run
from tellapart.training.tasks import ClassifyTask

SIDE = 64
FROZEN = {
    "backbone": "test_resnet", "pretrained": False, "height": 32, "batch_size": 16, "device": "cpu",
    "precision": "float32", "augment": "photo",
}  # fmt: skip


def network(name, classes=3):
    """An untrained classifier whose norms have seen something, so that none of them is the identity."""
    torch.manual_seed(0)
    model = Classifier(classes, name, pretrained=False)
    model.train()
    with torch.no_grad():
        for seed in range(2):
            model(pictures(4, seed))
    return model.eval()


def pictures(n=2, seed=9):
    return torch.rand(n, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def numbers(values):
    return {id(value) for value in values}


# --- cut ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["resnet18", "tf_efficientnet_lite0", "test_convnext"])
def timms(request):
    return network(request.param)


@pytest.mark.parametrize("what", ["head", "last:1", "last:2", "last:3"])
def test_the_tail_of_the_trunk_is_the_model(timms, what):
    x = pictures()
    learning = trainable(timms, what)
    trunk = split_network(timms, learning, pictures(1))
    assert isinstance(trunk, SplitNetwork)
    with torch.inference_mode():
        torch.testing.assert_close(trunk.tail(trunk(x)), timms(x), rtol=1e-4, atol=1e-5)
        assert not torch.allclose(timms(x)[0], timms(x)[1])  # it does look at the picture
    learns = numbers(parameter for module in learning for parameter in module.parameters())
    assert numbers(trunk.tail.parameters()) == learns
    assert numbers(trunk.body.parameters()) == numbers(timms.parameters()) - learns


def test_the_small_networks_head_is_cut_off():
    model = network("small")
    trunk = split_network(model, trainable(model, "head"), pictures(1))
    with torch.inference_mode():
        assert torch.equal(trunk.tail(trunk(pictures())), model(pictures()))
        assert torch.equal(trunk(pictures()), model.embed(pictures()))


def test_backbones_side_by_side_are_cut_at_the_head():
    model = network("test_convnext+test_convnext2")
    assert isinstance(model.backbone, ConcatBackbones)
    trunk = split_network(model, trainable(model, "head"), pictures(1))
    with torch.inference_mode():
        assert torch.equal(trunk.tail(trunk(pictures())), model(pictures()))


def test_several_blocks_of_a_dense_network_are_cut_too():
    model = network("densenet121")
    trunk = split_network(model, trainable(model, "last:2"), pictures(1))
    with torch.inference_mode():
        torch.testing.assert_close(trunk.tail(trunk(pictures())), model(pictures()), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "what"),
    [("small", "last:1"), ("small", "last:3"), ("test_vit", "last:2"), ("test_mambaout", "last:1"),
     ("hrnet_w18_small", "last:1"), ("resnet18", "last:99")],
)  # fmt: skip
def test_what_cannot_be_cut_is_left_whole(name, what):
    torch.manual_seed(0)
    model = Classifier(3, name, pretrained=False).train()
    example = torch.rand(1, 3, 160 if name == "test_vit" else SIDE, 160 if name == "test_vit" else SIDE)
    assert split_network(model, trainable(model, what), example) is None
    assert all(module.training for module in model.modules())  # as it was before


def test_a_network_that_learns_all_or_reads_has_no_trunk():
    model = network("small")
    assert split_network(model, trainable(model, "all"), pictures(1)) is None
    assert split_network(CTCReader(5), trainable(CTCReader(5), "head"), torch.rand(1, 1, 24, 32)) is None


def test_the_modes_are_as_before():
    model = network("resnet18")
    model.get_submodule("backbone.layer4").train()
    before = {name: module.training for name, module in model.named_modules()}
    assert split_network(model, trainable(model, "last:1"), pictures(1)) is not None
    assert {name: module.training for name, module in model.named_modules()} == before


# --- a stage with a frozen trunk ---------------------------------------------------------------------


@pytest.fixture
def watched(monkeypatch):
    """What stages with a cached trunk did: pictures that a trunk's parts were given, and each step's features."""
    from tellapart.training import feature_cache

    passed, steps = [], []
    step, cutting = ClassifyTask.training_step, feature_cache.split_network

    def stepping(self, batch, index):
        for row, feature in zip(batch[1].tolist(), batch[0], strict=True):
            steps.append((self.current_epoch, row, feature.numpy().copy()))
        return step(self, batch, index)

    def watching(*args):
        trunk = cutting(*args)
        if trunk is not None:
            trunk.body.register_forward_pre_hook(lambda module, given: passed.append(len(given[0])))
        return trunk

    monkeypatch.setattr(ClassifyTask, "training_step", stepping)
    monkeypatch.setattr(feature_cache, "split_network", watching)
    return passed, steps


def first_weights(run):
    torch.manual_seed(run.config.seed)
    return run.network(pretrained=False).state_dict()


@pytest.mark.parametrize("what", ["head", "last:2"])
def test_the_frozen_part_runs_once_a_view_and_stays_as_it_was(shapes, tmp_path, without_packing, watched, what):
    passed, steps = watched
    stages = [{"train": what, "epochs": 5, "lr": 1e-2}]
    tellapart.train(shapes, out=tmp_path / "run", **FROZEN, stages=stages, views=2)
    run = Run.open(tmp_path / "run")
    train, val = run.catalog().rows("train"), run.catalog().rows("val")
    assert sum(passed) == 1 + 2 * len(train) + len(val)  # one picture to see what comes out
    before, after = first_weights(run), load_file(tmp_path / "run/model.safetensors")
    model = run.network(pretrained=False)
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


def test_the_features_are_those_of_the_network(shapes, tmp_path, without_packing, watched):
    _, steps = watched
    stages = [{"train": "head", "epochs": 1, "lr": 1e-2}]
    tellapart.train(shapes, out=tmp_path / "run", **FROZEN | {"augment": "none"}, stages=stages, views=4)
    run = Run.open(tmp_path / "run")
    model = run.network(pretrained=False).eval()
    model.load_state_dict(first_weights(run))
    spec, catalog = run.preprocess(), run.catalog()
    rows = sorted(row for _, row, _ in steps)
    pixels = {row: spec.load(data) for row, data in catalog.read(rows)}
    x = torch.from_numpy(np.stack([pixels[row] for row in rows])).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (spec.mean, spec.std))
    with torch.inference_mode():
        expected = model.embed(((x - mean) / std).float()).numpy()
    found = np.stack([feature for _, _, feature in sorted(steps, key=lambda step: step[1])])
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_as_many_views_as_epochs_are_enough(shapes, tmp_path, without_packing, watched):
    passed, _ = watched
    stages = [{"train": "head", "epochs": 1, "lr": 1e-2}]
    tellapart.train(shapes, out=tmp_path / "run", **FROZEN, stages=stages, views=4)
    assert sum(passed) == 1 + 42 + 9


def test_no_views_or_all_learning_caches_nothing(shapes, tmp_path, without_packing, watched):
    passed, steps = watched
    for name, what, views in (("none", "head", 0), ("all", "all", 4)):
        stages = [{"train": what, "epochs": 1, "lr": 1e-2}]
        tellapart.train(shapes, out=tmp_path / name, **FROZEN, stages=stages, views=views)
    assert passed == []
    assert {feature.shape for _, _, feature in steps} == {(32, 32, 3)}  # pictures


def test_too_little_room_says_so_and_trains_all_the_same(shapes, tmp_path, without_packing, watched, capsys):
    passed, steps = watched
    stages = [{"train": "last:2", "epochs": 1, "lr": 1e-2}]
    tellapart.train(shapes, out=tmp_path / "run", **FROZEN, stages=stages, views=4, cache_gb=1e-5)
    said = capsys.readouterr().err
    text = "what the frozen part makes of the images does not fit into 1e-05 GB (--cache-gb): it runs in every epoch"
    assert text in said.splitlines()
    assert sum(passed) == 1
    assert {feature.shape for _, _, feature in steps} == {(32, 32, 3)}
    before, after = first_weights(Run.open(tmp_path / "run")), load_file(tmp_path / "run/model.safetensors")
    assert not torch.equal(before["head.weight"], after["head.weight"])
    first = next(name for name in before if name.startswith("backbone"))
    assert torch.equal(before[first], after[first])


def test_room_for_some_views_makes_some(shapes, tmp_path, without_packing, watched, capsys):
    passed, _ = watched
    stages = [{"train": "head", "epochs": 4, "lr": 1e-2}]
    room = (2 * 42 + 9 + 5) * 96 * 4 / 1e9  # vectors of 96 numbers; pictures are decoded again each epoch then
    tellapart.train(shapes, out=tmp_path / "run", **FROZEN, stages=stages, views=4, cache_gb=room)
    assert sum(passed) == 1 + 2 * 42 + 9


@pytest.mark.parametrize(("precision", "half"), [("float32", False), ("auto", True)])
def test_who_asks_for_float32_has_it_in_the_frozen_part_too(
    shapes, tmp_path, without_packing, monkeypatch, precision, half
):
    from tellapart.training import feature_cache

    monkeypatch.setattr(feature_cache, "native_bfloat16", lambda device: True)
    kinds = []
    autocast = torch.autocast

    def watched(device, dtype, enabled=True):
        kinds.append(enabled)
        return autocast(device, dtype, enabled=enabled)

    monkeypatch.setattr(feature_cache.torch, "autocast", watched)
    stages = [{"train": "head", "epochs": 1, "lr": 1e-2}]
    tellapart.train(shapes, out=tmp_path / "run", **FROZEN | {"precision": precision}, stages=stages)
    assert {kinds[0], kinds[1]} == {half}
