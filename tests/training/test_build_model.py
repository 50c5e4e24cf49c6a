"""The network of a run: the one that was trained, or that of a checkpoint."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from tellapart.core.errors import ConfigError
from tellapart.training.build_model import build_network, build_preprocess, load_model
from tellapart.training.checkpointing import read_checkpoint
from tellapart.training.models.classifier import Classifier
from tellapart.training.models.ctc_reader import CTCReader
from tellapart.training.run_folder import Run


def equal(weights, others):
    return weights.keys() == others.keys() and all(torch.equal(value, others[name]) for name, value in weights.items())


@pytest.mark.parametrize(("which", "kind", "answers"), [("shape_run", Classifier, 3), ("text_run", CTCReader, 5)])
def test_a_network_answers_what_the_run_holds(which, kind, answers, request):
    run = Run.open(request.getfixturevalue(which))
    network = build_network(run, pretrained=False)
    assert isinstance(network, kind)
    assert network.head.out_features == answers
    spec = build_preprocess(run)
    assert spec.height == 24
    assert spec.width == (24 if kind is Classifier else None)
    assert spec.channels == (3 if kind is Classifier else 1)
    with torch.inference_mode():
        assert network.eval()(torch.zeros(1, spec.channels, 24, 24)).shape[-1] == answers


def test_the_trained_network_has_the_weights_that_won(shape_run):
    run = Run.open(shape_run)
    model = load_model(run)
    assert not any(module.training for module in model.modules())
    assert equal(model.state_dict(), load_file(shape_run / "model.safetensors"))
    assert equal(load_model(run, "last").state_dict(), read_checkpoint(run.stage(1) / "last.ckpt"))


def test_a_checkpoint_of_another_network_is_refused(shape_run, text_run, refuses):
    file = Run.open(text_run).checkpoint("best")
    with refuses(ConfigError, f"{file}: of another network than the one of {shape_run}"):
        load_model(Run.open(shape_run), str(file))
