"""Long commands that are killed at a write: the same command goes on, and ends as if it had never been stopped.

Each is killed at its first change of the folder, the same again some changes later, and so on until it comes to an end.
"""

from __future__ import annotations

import importlib
import io
import json
import re
import shutil

import optuna
import pytest
import torch
import yaml

import tellapart
from killed import contents_of, kill_one_after_the_other, run_killed
from tellapart.inference.bundle import GRAPH
from tellapart.inference.manifest import Parity
from tellapart.training.run_folder import Run


@pytest.fixture(scope="module")
def data(tmp_path_factory, draw_shapes):
    return draw_shapes(tmp_path_factory.mktemp("data") / "shapes", each=6)


def with_graph(run, call):
    """Call with the graph of a run's own bundle instead of one that is traced again, which takes seconds."""
    module = importlib.import_module("tellapart.pipelines.export")
    module.write_graph = lambda deployed, spec, path: shutil.copy(run / "bundle" / GRAPH, path)  # in a killed process
    return call()


def adapt_to(run, pictures, out):
    """Two rounds that change next to nothing, so that the graph that they begin with still tells what they learnt."""
    options = {"rounds": 2, "height": 24, "augment": "none", "device": "cpu", "precision": "float32"}
    stages = [{"train": "head", "epochs": 1, "lr": 1e-9}]
    module = importlib.import_module("tellapart.pipelines.export")
    module.compare = lambda *_: Parity(1, 1, 0, 0.0)  # the temperature, which is in the graph, is another one
    importlib.import_module("tellapart.pipelines.adapt").MIN_SURE = 5  # it is sure of few
    with_graph(run, lambda: tellapart.adapt(pictures, out=out / "adapted", model=run, stages=stages, **options))


@pytest.fixture(scope="module")
def calls(data, shapes, shape_run, shape_options, texts, text_run):
    """Verb → the call of it on a folder."""
    return {
        "train": lambda out: with_graph(
            shape_run, lambda: tellapart.train(shapes, out=out / "run", **shape_options)
        ),
        "adapt": lambda out: adapt_to(text_run, texts, out),
        "export": lambda out: with_graph(shape_run, lambda: tellapart.export(shape_run, out=out / "bundle")),
        "generate": lambda out: tellapart.generate("digits", 3, out / "drawn", grid=out / "grid.png"),
        "catalog": lambda out: tellapart.catalog(data, out=out / "catalog.parquet"),
        "clean": lambda out: tellapart.clean(
            data, out=out / "clean.parquet", audit=out / "audit", review=out / "review.html", pretrained=False
        ),
        "prepare": lambda out: tellapart.prepare(data, out=out / "prepared", balance="over", pretrained=False),
        "evaluate": lambda out: tellapart.evaluate(
            shape_run, data, out=out / "report.json", report=out / "report.html", picture=out / "confusion.png"
        ),
        "map": lambda out: tellapart.map(shape_run, data, out=out / "map.html", perplexity=3),
    }  # fmt: skip


def results(folder):
    """What a command left, without what differs from run to run: seconds."""
    found: dict[str, object] = {}
    for name, content in contents_of(folder).items():
        last = name.rpartition("/")[2]
        if last == "report.json":
            content = json.dumps({**json.loads(content), "images_per_second": 0, "model": ""})
        elif last in ("environment.json", "history.jsonl", "metrics.json", "time.json", "bundle.json"):
            content = re.sub(rb'"(seconds|images_per_second)": [\d.]+', b"", content) if last != "time.json" else b""
        elif last.endswith(".ckpt"):  # the order in which it was pickled is another one after going on
            state = torch.load(io.BytesIO(content), weights_only=True)["state_dict"]
            content = {key: value.tolist() for key, value in state.items()}
        elif last.endswith(".html"):
            content = re.sub(rb"[\d.,]+ images a second", b"", content)
        found[name] = content
    return found


# The changes between two kills: few where a run is quick, so that a chain takes seconds.
STEPS = {
    "train": 14,
    "adapt": 31,
    "export": 4,
    "generate": 4,
    "catalog": 2,
    "clean": 15,
    "prepare": 25,
    "evaluate": 3,
    "map": 3,
}


@pytest.mark.parametrize("verb", STEPS)
def test_a_killed_command_goes_on_and_ends_as_if_it_had_not_been(verb, calls, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    run_killed(lambda: calls[verb](out), out, 0)
    undisturbed = results(out)
    shutil.rmtree(out)
    out.mkdir()
    kills = kill_one_after_the_other(lambda: calls[verb](out), out, STEPS[verb])
    assert kills > 1
    found = results(out)
    assert found.keys() == undisturbed.keys()
    assert [name for name in undisturbed if found[name] != undisturbed[name]] == []


def searched(folder):
    """What a search found: the settings and scores of its trials in their order, and the best configuration."""
    storage = f"sqlite:///{folder / 'study.db'}"
    study = optuna.load_study(study_name="tune", storage=storage)
    ended = [trial for trial in study.trials if trial.state in (optuna.trial.TrialState.COMPLETE,)]
    return [(trial.params, trial.value) for trial in ended], yaml.safe_load((folder / "best.yaml").read_text("utf-8"))


def test_a_killed_search_goes_on_as_if_it_had_not_been(data, tmp_path):
    module = importlib.import_module("tellapart.pipelines.tune")

    def tune(out):
        def instant(folder, config, catalog, watch):
            Run.create(folder, catalog, config)
            return 1 - abs(config.stages[0].lr - 0.004) - config.dropout / 100

        module.run_trial = instant
        options = {"backbone": "small", "epochs": 2, "batch_size": 16, "device": "cpu", "precision": "float32"}
        space = {"lr": {"low": 0.001, "high": 0.01, "log": True}, "dropout": [0.0, 0.1, 0.2]}
        tellapart.tune(data, out=out, trials=4, space=space, **options)

    run_killed(lambda: tune(tmp_path / "whole"), tmp_path / "whole", 0)
    kills = kill_one_after_the_other(lambda: tune(tmp_path / "out"), tmp_path / "out", 9)
    assert kills > 2
    trials, best = searched(tmp_path / "out")
    assert len({json.dumps(params) for params, _ in trials}) == 4
    assert (trials, best) == searched(tmp_path / "whole")
