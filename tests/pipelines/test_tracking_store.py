"""Where MLflow keeps runs: looked at before a training, and any path or address does."""

from __future__ import annotations

import sys
from urllib.parse import quote

import pytest

import tellapart
from tellapart.core.errors import ConfigError
from tellapart.core.own_commands import install_command
from tellapart.pipelines.tracking_store import artifact_location, check_tracking, database_file, mlflow_at, store_uri

pytest.importorskip("mlflow")
make_url = pytest.importorskip("sqlalchemy.engine").make_url


def test_a_place_that_cannot_be_is_said_before_the_training(class_folders, tmp_path, refuses):
    (tmp_path / "file").write_text("", "utf-8")
    for place in ("file", "file/deeper"):
        text = f"track {tmp_path / place}: {tmp_path / 'file'} is a file, not a folder; give a folder"
        with refuses(ConfigError, text):
            tellapart.train(class_folders, task="classify", out=tmp_path / "run", track=tmp_path / place)
    assert not (tmp_path / "run").exists()


def test_a_place_that_can_be_is_left_alone(tmp_path):
    for where in (tmp_path / "new" / "deep", f"sqlite:///{tmp_path}/new/x.db", "http://127.0.0.1:1"):
        check_tracking(str(where))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_is_said_before_the_training(class_folders, tmp_path, monkeypatch, refuses):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with refuses(ConfigError, f"track: mlflow is not installed; {install_command('track')}"):
        tellapart.train(class_folders, out=tmp_path / "run", track=tmp_path / "kept")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("form", ["{}", "file://{quoted}", "sqlite:///{quoted}/mlflow.db"])
@pytest.mark.parametrize("name", ["plain", "a b", "tr%20x", "tr?y", "q#z", "100% @b:c;한글"])
def test_any_path_or_address_is_that_very_folder(tmp_path, form, name):
    folder = tmp_path / name
    where = form.format(folder, quoted=quote(str(folder)))
    assert database_file(where) == folder / "mlflow.db"
    assert make_url(store_uri(where)).database == str(folder / "mlflow.db")


def test_mlflow_makes_that_folder_and_nothing_beside_it(tmp_path):
    folder = tmp_path / "tr%20x?y"
    with mlflow_at(f"sqlite:///{quote(str(folder))}/mlflow.db") as mlflow:
        mlflow.MlflowClient().create_experiment("one")
    assert [item.name for item in tmp_path.iterdir()] == [folder.name]
    with mlflow_at(f"file://{quote(str(folder))}") as mlflow:
        assert mlflow.MlflowClient().get_experiment_by_name("one") is not None


def test_a_relative_address_of_a_database(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert database_file("sqlite:///kept/x.db") == tmp_path / "kept" / "x.db"
    assert artifact_location("sqlite:///kept/x.db") == (tmp_path / "kept" / "artifacts").as_uri()
    assert artifact_location("http://127.0.0.1:1") is None


def test_a_database_that_cannot_be_opened_is_one_sentence(tmp_path, refuses):
    (tmp_path / "mlflow.db").mkdir()
    with refuses(ConfigError, f"track {tmp_path}: unable to open database file"), mlflow_at(str(tmp_path)):
        pass


def test_an_address_that_mlflow_does_not_know_is_said_before_the_training(shapes, tmp_path, shape_options):
    with pytest.raises(ConfigError, match=r"^track foo://x: .*unsupported URI 'foo://x'"):
        tellapart.train(shapes, out=tmp_path / "run", track="foo://x", **shape_options)
    assert not (tmp_path / "run" / "history.jsonl").exists()
