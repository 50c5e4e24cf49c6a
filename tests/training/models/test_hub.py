"""The hub is asked once, and not waited for."""

from __future__ import annotations

import threading

import httpx
import pytest
from huggingface_hub.errors import RepositoryNotFoundError

from tellapart.core.errors import ConfigError
from tellapart.training.models import backbones
from tellapart.training.models.hub import cached_weights, hub_answers

CONFIG = {"hf_hub_id": "timm/resnet18.a1_in1k"}


def answers_with(monkeypatch, answer):
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda url, timeout: answer())


def fail(error):
    raise error


def test_an_answer_counts_whatever_it_is(monkeypatch):
    answers_with(monkeypatch, lambda: None)
    assert hub_answers(CONFIG)
    response = httpx.Response(404, request=httpx.Request("HEAD", "https://hub"))
    answers_with(monkeypatch, lambda: fail(RepositoryNotFoundError("none", response=response)))
    assert hub_answers(CONFIG)
    assert hub_answers({})  # its weights lie elsewhere


@pytest.mark.parametrize("error", [httpx.ConnectError("no route"), OSError("no name")])
def test_no_answer_is_none(monkeypatch, error):
    answers_with(monkeypatch, lambda: fail(error))
    assert not hub_answers(CONFIG)


def test_silence_is_not_waited_out(monkeypatch):
    silent = threading.Event()
    answers_with(monkeypatch, silent.wait)
    assert not hub_answers(CONFIG, wait=0.01)
    silent.set()


def test_without_the_hub_the_cache_serves_and_else_the_error_names_what_is_there(monkeypatch, tmp_path, refuses):
    monkeypatch.setattr(backbones, "hub_answers", lambda config: False)
    monkeypatch.setattr(backbones, "cached_weights", lambda config: None)
    text = (
        "backbone 'resnet10t': its weights could not be fetched from the hub (it does not answer). Without a network, "
        "use tf_efficientnet_lite0, tf_efficientnet_lite1, tf_efficientnet_lite2 (their weights are packages), "
        "'small', a file of weights (--weights), or this one untrained (--pretrained false)"
    )
    with refuses(ConfigError, text):
        backbones.timm_backbone("resnet10t", 3, pretrained=True)
    loaded = []
    monkeypatch.setattr(backbones, "cached_weights", lambda config: "kept.safetensors")
    monkeypatch.setattr(backbones, "load_backbone_weights", lambda model, file, channels: loaded.append(file))
    backbones.timm_backbone("resnet10t", 3, pretrained=True)
    assert loaded == ["kept.safetensors"]


def test_what_was_fetched_before_is_found(monkeypatch, tmp_path):
    kept = tmp_path / "model.safetensors"
    monkeypatch.setattr(
        "huggingface_hub.try_to_load_from_cache", lambda repo, name: str(kept) if name == kept.name else None
    )
    assert cached_weights(CONFIG) == str(kept)
    assert cached_weights({}) is None
