"""Corrections come home: they teach a new model, and the server answers with it unless it is worse."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import httpx
import pytest

import tellapart
from tellapart.cli import main
from tellapart.core.errors import CatalogError, ConfigError, ServerError
from tellapart.data.catalog_file import read_catalog
from tellapart.inference.bundle import Bundle
from tellapart.pipelines.retrain import _original
from tellapart.serving.feedback_store import FeedbackStore
from tellapart.serving.model_registry import ModelRegistry

NEXT = {"disc": "ring", "ring": "bar", "bar": "disc"}


@pytest.fixture
def state(tmp_path, shape_bundle):
    """The folder of a server that has been started once."""
    ModelRegistry(tmp_path / "state").start([f"shapes={shape_bundle}"])
    return tmp_path / "state"


@pytest.fixture
def running(monkeypatch):
    monkeypatch.setattr(ModelRegistry, "is_running", lambda _: True)


@pytest.fixture
def retrain_module():
    assert tellapart.retrain  # which loads it
    return sys.modules["tellapart.pipelines.retrain"]


def version(url):
    return httpx.get(f"{url}/v1/models/shapes", trust_env=False).json()["version"]


def ask(url, picture, stop, failed, answered):
    with tellapart.Client(url, "shapes", retries=0) as client:
        while not stop.wait(0.05):
            try:
                answered.append(client.predict(picture)[0].answer)
            except ServerError as error:
                failed.append(error)


# httpcore leaves the socket of a connection that its server reset to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
def test_correction_retrain_switch_under_load(process, tmp_path, copied, shape_run, shapes, shape, encode, capsys):
    run = copied(shape_run, "shapes-run")
    state = tmp_path / "state"
    with process(tmp_path, "serve", f"shapes={run}", "--state", state, "--workers", "1") as (url, _):
        with tellapart.Client(url, "shapes") as client:
            for kind, below in (("disc", "round"), ("ring", "round"), ("bar", "straight")):
                for number in range(3):  # what the set shows wrongly labelled
                    client.correct(shapes / below / kind / f"{number:02}.png", NEXT[kind])
            client.correct(encode(shape("ring", 77)), "ring")
        before, stop = version(url), threading.Event()
        failed, answered = [], []
        asker = threading.Thread(target=ask, args=(url, encode(shape("disc", 3)), stop, failed, answered))
        asker.start()
        try:
            result = tellapart.retrain(state, "shapes", margin=0.9)  # so few test images say little
        finally:
            stop.set()
            asker.join(60)
        assert failed == []
        assert len(answered) > 1
        assert (result["switched"], result["refused"], result["why"]) == (True, False, "it is not worse")
        new = Path(result["run"])
        assert new.parent == tmp_path
        assert new.name.startswith("shapes-")
        assert version(url) == Bundle.open(new).version[:12]
        assert version(url) != before
        old, merged = read_catalog(run / "data.parquet"), read_catalog(new / "data.parquet")
        assert len(merged) == len(old) + 1
        assert merged.rows("test") == old.rows("test")
        assert result["lessons"] == 1 + sum(
            one != other
            for one, other, part in zip(
                old.column("label"), merged.column("label")[: len(old)], old.column("split"), strict=True
            )
            if part != "test"
        )
        assert result["n"] == 9
        assert result["difference"].keys() == {"value", "ci95", "n"}
        assert Path(result["report"]).is_file()

        assert main(["retrain", str(state)]) == 0
        assert capsys.readouterr().out == (
            "shapes: nothing to do: the corrections teach nothing that it has not learnt\n"
        )


def test_a_worse_model_is_refused(
    state, running, shape_bundle, monkeypatch, shape, encode, capsys, retrain_module, tmp_path
):
    """The test part is corrected to what the old one answers, and the new one learns for a moment alone."""
    stages = [{"train": "head", "epochs": 1, "lr": 1e-4}]
    monkeypatch.setattr(
        retrain_module, "train", lambda data, **options: tellapart.train(data, **{**options, "stages": stages})
    )
    monkeypatch.setattr(ModelRegistry, "switch", lambda *_, **__: 1 / 0)
    store = FeedbackStore(state / "corrections" / "shapes", "label")
    store.put(encode(shape("disc", 905)), "a.png", "disc")
    catalog = read_catalog(shape_bundle.parent / "data.parquet")
    for _, image in catalog.read(catalog.rows("test")):
        store.put(image, "a.png", tellapart.load(shape_bundle).predict(image)[0].answer)
    words = ["retrain", str(state), "--out", str(tmp_path / "new")]
    assert main([*words, "--json"]) == 1
    refused = json.loads(capsys.readouterr().out)
    assert (refused["switched"], refused["refused"], refused["lessons"]) == (False, True, 1)
    assert refused["difference"]["value"] < 0
    assert refused["why"] == f"it is worse, so {shape_bundle} still answers"
    assert main(words) == 1  # the same again trains no more
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"run         {tmp_path / 'new'}"
    assert out[-1] == f"shapes: not switched: it is worse, so {shape_bundle} still answers"


def test_without_corrections_there_is_nothing_to_do(state, running, shape_bundle):
    result = tellapart.retrain(state)
    assert (result["name"], result["running"]) == ("shapes", str(shape_bundle))
    assert (result["why"], result["run"], result["switched"]) == ("there are no corrections", None, False)


def test_what_cannot_be_retrained_is_refused_in_words(state, running, refuses, shape, encode, shape_bundle, copied):
    with refuses(ConfigError, "margin 1: give a share from 0 and below 1, such as 0.01"):
        tellapart.retrain(state, margin=1)
    with refuses(ConfigError, f"{state}: no model 'shape' (did you mean 'shapes'?); name one of: shapes"):
        tellapart.retrain(state, "shape")
    FeedbackStore(state / "corrections" / "shapes", "label").put(encode(shape("disc", 5)), "a.png", "discs")
    with pytest.raises(
        CatalogError, match=r"1 class that .* has not: discs \(did you mean 'disc'\?\); .* --new-labels"
    ):
        tellapart.retrain(state)
    alone = copied(shape_bundle, "alone")
    ModelRegistry(state).start([f"shapes={alone}", f"others={shape_bundle}"])
    with refuses(ConfigError, f"{state}: several models; name one of: shapes, others"):
        tellapart.retrain(state)
    with refuses(ConfigError, f"{alone}: lies in no run, so its data is not known; name it (--data)"):
        tellapart.retrain(state, "shapes")


def test_without_a_server_nothing_is_trained(state, refuses):
    with refuses(ConfigError, f"{state}: no server runs with this folder, so none can be switched; start it"):
        tellapart.retrain(state)


def test_original_data_has_the_parts_of_the_training(copied, shape_bundle, shape_run, shapes):
    alone = Bundle.open(copied(shape_bundle, "alone"))
    original, learnt = _original(alone, shapes), read_catalog(shape_run / "data.parquet")
    assert original.column("split") == learnt.column("split")
