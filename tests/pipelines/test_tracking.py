"""What MLflow knows of a run is what the run folder knows, and its model answers as the bundle does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import tellapart
from tellapart.core.errors import ConfigError
from tellapart.core.own_commands import install_command
from tellapart.pipelines.tracking import ALIAS, log_run, look_at
from tellapart.training.run_folder import Run
from tellapart.training.tasks.classification import ClassificationModule

pytest.importorskip("mlflow")
engine = pytest.importorskip("sqlalchemy.engine")


@pytest.fixture(scope="module")
def alone():
    """No connection leaves this machine."""
    with pytest.MonkeyPatch.context() as patch:

        def refuse(self, address):
            raise AssertionError(f"connects to {address}")

        patch.setattr(socket.socket, "connect", refuse)
        yield


@pytest.fixture(scope="module")
def kept(shape_run, alone, tmp_path_factory):
    """A folder that the run was logged into, from a current folder that must stay empty; and the id it got."""
    folder, here = tmp_path_factory.mktemp("tracked"), tmp_path_factory.mktemp("here")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        made = log_run(Run.open(shape_run), str(folder))
    assert list(here.iterdir()) == []
    return folder, made


@pytest.fixture
def client(kept):
    from mlflow import MlflowClient

    uri = f"sqlite:///{kept[0]}/mlflow.db"
    return MlflowClient(uri, uri)


def test_options_curves_and_figures(client, kept, shape_run):
    logged = client.get_run(kept[1])
    assert logged.info.status == "FINISHED"
    options = logged.data.params
    assert (options["task"], options["seed"], options["backbone"], options["stages.1.lr"]) == (
        "classify", "7", "small", "0.003",
    )  # fmt: skip
    history = [json.loads(line) for line in (shape_run / "history.jsonl").read_text("utf-8").splitlines()]
    for name in ("train_loss", "val_loss", "val_accuracy", "stage"):
        curve = sorted((point.step, point.value) for point in client.get_metric_history(kept[1], name))
        assert curve == [(epoch, line[name]) for epoch, line in enumerate(history, 1)]
    test = Run.open(shape_run).metrics()
    figures = logged.data.metrics
    assert figures["test/accuracy"] == test["accuracy"]["value"]
    assert [figures["test/macro_f1_low"], figures["test/macro_f1_high"]] == test["macro_f1"]["ci95"]
    assert figures["test/images_per_second"] == test["images_per_second"]


def test_files_and_pictures(client, kept, shape_run):
    names = {item.path for item in client.list_artifacts(kept[1])}
    assert {
        "config.yaml", "history.jsonl", "metrics.json", "calibration.json", "environment.json",
        "confusion.png", "fine_confusion.png",
    } <= names  # fmt: skip
    copy = client.download_artifacts(kept[1], "metrics.json")
    assert json.loads(Path(copy).read_text("utf-8")) == Run.open(shape_run).metrics()
    assert {item.name for item in kept[0].iterdir()} == {"mlflow.db", "artifacts"}


def test_the_model_under_its_alias_answers_as_the_bundle_does(client, kept, shape_run, shapes):
    """In a process of its own, which loads no torch."""
    files = sorted(map(str, shapes.rglob("*.png")))[:20]
    code = f"""
import json, sys, warnings
warnings.simplefilter("ignore")
import mlflow, pandas
mlflow.set_tracking_uri("sqlite:///{kept[0]}/mlflow.db")
model = mlflow.pyfunc.load_model("models:/tellapart-classify@{ALIAS}")
images = [open(name, "rb").read() for name in {files!r}] + [b"no image"]
said = model.predict(pandas.DataFrame({{"image": images}}))
print(json.dumps([said.answer.tolist(), said.confidence.tolist(), said.error.tolist()[-1], "torch" in sys.modules]))
"""
    out = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout
    answers, confidences, error, torch = json.loads(out.splitlines()[-1])
    expected = tellapart.load(shape_run / "bundle").predict(files)
    assert answers == [each.answer for each in expected] + [""]
    assert confidences[:-1] == [each.confidence for each in expected]
    assert error.startswith("not an image of a known kind")
    assert not torch


def test_the_model_says_what_goes_in_and_comes_out(client, kept):
    import mlflow

    version = client.get_model_version_by_alias("tellapart-classify", ALIAS)
    assert version.run_id == kept[1]
    folder = next((kept[0] / "artifacts").rglob("MLmodel")).parent
    model = mlflow.models.Model.load(folder)
    assert model.signature.inputs.input_names() == ["image"]
    assert model.signature.outputs.input_names() == ["answer", "confidence", "error", "group"]
    example = model.load_input_example(folder)
    assert tellapart.load(folder / "data/bundle").predict(example["image"])[0].error is None


def test_the_same_run_again_is_the_same(client, kept, shape_run, alone):
    assert log_run(Run.open(shape_run), f"sqlite:///{kept[0]}/mlflow.db") == kept[1]
    experiment = client.get_experiment_by_name("tellapart-classify").experiment_id
    assert len(client.search_runs([experiment])) == 1
    assert len(client.search_model_versions("name='tellapart-classify'")) == 1


def test_one_that_was_broken_off_is_logged_anew(client, kept, text_run, alone, monkeypatch):
    run, module = Run.open(text_run), sys.modules["tellapart.pipelines.tracking"]
    with monkeypatch.context() as patch:
        patch.setattr(module, "_register", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            log_run(run, str(kept[0]), experiment="texts")
    made = log_run(run, str(kept[0]), experiment="texts")
    experiment = client.get_experiment_by_name("texts").experiment_id
    assert [each.info.run_id for each in client.search_runs([experiment])] == [made]
    assert client.get_run(made).data.metrics["test/exact_match"] == run.metrics()["exact_match"]["value"]


@pytest.mark.parametrize("before", [None, "http://127.0.0.1:1"])
def test_mlflow_points_where_it_pointed_before(shape_run, kept, alone, monkeypatch, before):
    import mlflow

    mlflow.set_tracking_uri(before)
    log_run(Run.open(shape_run), str(kept[0]))
    assert os.environ.get("MLFLOW_TRACKING_URI") == before
    assert mlflow.is_tracking_uri_set() == (before is not None)
    assert mlflow.active_run() is None
    mlflow.set_tracking_uri(None)


def test_the_module_is_not_loaded_before_it_is_needed():
    code = (
        "import sys, tellapart, tellapart.pipelines.tracking; "
        "print([name for name in ('mlflow', 'torch') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_without_mlflow_it_says_what_to_install(shape_run, tmp_path, monkeypatch, refuses):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with refuses(ConfigError, f"track: mlflow is not installed; {install_command('track')}"):
        log_run(Run.open(shape_run), str(tmp_path))


def test_an_unfinished_run(shape_run, copied, tmp_path, refuses):
    run = Run.open(copied(shape_run))
    (run.path / "metrics.json").unlink()
    with refuses(ConfigError, f"{run.path}: not finished yet; run its train command again"):
        log_run(run, str(tmp_path))


@pytest.mark.parametrize("name", ["deep/tr%20x", "q?x=1&y#z", "100% @b:c;한글"])
def test_folders_of_odd_names(shape_run, alone, tmp_path, name):
    from mlflow import MlflowClient

    made = log_run(Run.open(shape_run), str(tmp_path / name))
    assert {item.name for item in (tmp_path / name).iterdir()} == {"mlflow.db", "artifacts"}
    assert [item.name for item in tmp_path.iterdir()] == [name.split("/")[0]], "and nothing beside it"
    assert log_run(Run.open(shape_run), str(tmp_path / name)) == made
    assert sorted((tmp_path / name / "artifacts").rglob("MLmodel"))
    uri = str(engine.URL.create("sqlite+pysqlite", database=str(tmp_path / name / "mlflow.db")))
    client = MlflowClient(uri, uri)
    assert client.get_run(made).info.status == "FINISHED"
    copy = client.download_artifacts(made, "metrics.json", str(tmp_path))
    assert json.loads(Path(copy).read_text("utf-8")) == Run.open(shape_run).metrics()


def logged(client, experiment="tellapart-classify"):
    """The runs of an experiment, each with its status and the epochs of its accuracies."""
    found = client.get_experiment_by_name(experiment)
    return [
        (each.info.run_id, each.info.status, [
            [point.step for point in client.get_metric_history(each.info.run_id, name)]
            for name in ("train_accuracy", "val_accuracy", "gap")
        ])
        for each in client.search_runs([found.experiment_id])
    ]  # fmt: skip


@pytest.mark.parametrize(("stop", "status"), [(ConfigError("no"), "FAILED"), (KeyboardInterrupt(), "KILLED")])
def test_a_training_that_stops_leaves_its_epochs_and_is_gone_on_with(
    shapes, tmp_path, shape_options, alone, stop, status
):
    from mlflow import MlflowClient

    place, uri = tmp_path / "kept", f"sqlite:///{tmp_path}/kept/mlflow.db"
    figures = ClassificationModule.validation_figures

    def failing(self, outputs):
        if self.number and self.current_epoch == 1:
            raise stop
        return figures(self, outputs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClassificationModule, "validation_figures", failing)
        with pytest.raises(type(stop)):
            tellapart.train(shapes, out=tmp_path / "run", track=place, **shape_options)
    client = MlflowClient(uri, uri)
    [(first, *left)] = logged(client)
    assert left == [status, 3 * [[1, 2]]]
    assert client.get_run(first).data.params["stages.1.epochs"] == "3"
    tellapart.train(shapes, out=tmp_path / "run", track=place, **shape_options)
    assert logged(client) == [(first, "FINISHED", 3 * [[1, 2, 3, 4]])]
    tellapart.train(shapes, out=tmp_path / "run", track=place, **shape_options)
    assert len(logged(client)) == 1, "a finished run is there already"


def test_an_epoch_is_there_before_the_training_ends(shapes, tmp_path, shape_options, alone):
    """Of a process that is killed in its third epoch, the others are in MLflow: nothing waits for the end."""
    code = f"""
import os, signal, sys, time, tellapart
from mlflow import MlflowClient
from tellapart.training.tasks.classification import ClassificationModule as Module
figures = Module.validation_figures
uri = "sqlite:///{tmp_path}/kept/mlflow.db"
def failing(self, outputs):
    if self.number and self.current_epoch == 1:
        client = MlflowClient(uri, uri)
        [run] = client.search_runs([client.get_experiment_by_name("tellapart-classify").experiment_id])
        while len(client.get_metric_history(run.info.run_id, "train_accuracy")) < 2:
            time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGKILL)
    return figures(self, outputs)
Module.validation_figures = failing
tellapart.train({str(shapes)!r}, out={str(tmp_path / "run")!r}, track={str(tmp_path / "kept")!r}, **{shape_options!r})
"""
    from mlflow import MlflowClient

    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert killed.returncode == -9, killed.stderr
    client = MlflowClient(f"sqlite:///{tmp_path}/kept/mlflow.db")
    [(first, status, epochs)] = logged(client)
    assert (status, epochs) == ("RUNNING", 3 * [[1, 2]])
    tellapart.train(shapes, out=tmp_path / "run", track=tmp_path / "kept", **shape_options)
    assert logged(client) == [(first, "FINISHED", 3 * [[1, 2, 3, 4]])]


def test_a_reader_s_training_part_is_logged_too(text_run, kept, client, alone):
    made = log_run(Run.open(text_run), str(kept[0]), experiment="read")
    epochs = (text_run / "history.jsonl").read_text(encoding="utf-8").count("\n")
    assert len(client.get_metric_history(made, "train_exact_match")) == epochs > 0
    assert client.get_run(made).data.metrics["train_exact_match"] > 0


def test_where_to_look_is_a_line_that_a_shell_takes(capsys, shape_run, shapes, shape_options, kept, alone):
    assert look_at("/tmp/a b") == "mlflow ui --backend-store-uri 'sqlite:////tmp/a b/mlflow.db'"
    tellapart.train(shapes, out=shape_run, track=kept[0], **shape_options)
    assert f"MLflow shows it: mlflow ui --backend-store-uri sqlite:///{kept[0]}/mlflow.db\n" in capsys.readouterr().err
