"""A bundle that MLflow's registry names answers as the bundle that was registered, and is copied once."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tellapart
from tellapart.core.errors import BundleError, ConfigError
from tellapart.core.own_commands import install_command
from tellapart.inference.bundle import Bundle
from tellapart.inference.fetching import cache_folder
from tellapart.pipelines.tracking import log_run
from tellapart.serving.model_registry import named
from tellapart.training.run_folder import Run

ADDRESS = "models:/tellapart-classify@newest"


@pytest.fixture(scope="module")
def kept(shape_run, tmp_path_factory):
    """A folder with a database of MLflow in which the run is registered."""
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    folder = tmp_path_factory.mktemp("registry")
    log_run(Run.open(shape_run), str(folder))
    return folder


@pytest.fixture
def registry(kept, monkeypatch, tmp_path):
    import mlflow

    mlflow.set_tracking_uri(None)  # what another test set in this process would outweigh the variable
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{kept}/mlflow.db")
    yield kept
    mlflow.set_tracking_uri(None)


def test_an_alias_and_a_version_are_the_bundle_that_was_registered(registry, shape_run, tree):
    bundle = Bundle.open(ADDRESS)
    assert bundle.digest == Bundle.open(shape_run).digest
    assert bundle.path == cache_folder() / bundle.digest
    before = tree(cache_folder())
    for address in ("models:/tellapart-classify/1", "models:/tellapart-classify/latest"):
        assert Bundle.open(address).path == bundle.path
    assert tree(cache_folder()) == before


def test_verbs_take_the_address_of_a_model(registry, shape_run, shapes, tmp_path):
    image = min(shapes.rglob("*.png"))
    assert tellapart.predict(ADDRESS, image) == tellapart.predict(shape_run, image)
    first, second = (
        tellapart.evaluate(model, shape_run / "data.parquet", split="test") for model in (ADDRESS, shape_run)
    )
    assert first["accuracy"] == second["accuracy"]
    # In a process of its own: processes that compute here may have started before the registry was named.
    words = ["embed", ADDRESS, str(shape_run / "data.parquet"), "--out", str(tmp_path / "features.parquet")]
    subprocess.run([sys.executable, "-m", "tellapart", *words], check=True, capture_output=True)
    assert (tmp_path / "features.parquet").is_file()


def test_a_server_names_it_as_the_registry_does(registry, shape_run):
    folder = str(cache_folder() / Bundle.open(shape_run).digest)
    assert named([ADDRESS]) == {"tellapart-classify": folder}
    assert named([f"shapes={ADDRESS}"]) == {"shapes": folder}


def test_a_promoted_version_is_taken(registry, text_run, shape_run):
    from mlflow import MlflowClient

    log_run(Run.open(text_run), str(registry), experiment="tellapart-classify")
    assert Bundle.open(ADDRESS).digest == Bundle.open(text_run).digest
    uri = f"sqlite:///{registry}/mlflow.db"
    MlflowClient(uri, uri).set_registered_model_alias("tellapart-classify", "newest", "1")
    assert Bundle.open(ADDRESS).digest == Bundle.open(shape_run).digest


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("models:/tellapart-classify@no", "alias no not found"),
        ("models:/nothing/1", "name=nothing"),
        ("models:/tellapart-classify/99", "version=99"),
    ],
)
def test_a_model_that_is_not_there_is_named_with_the_registry(registry, address, said):
    with pytest.raises(BundleError) as refused:
        Bundle.open(address)
    assert str(refused.value).startswith(f"{address}: ")
    assert said in str(refused.value)
    assert str(refused.value).endswith(f"(registry: sqlite:///{registry}/mlflow.db)")
    assert not cache_folder().exists()


def test_a_model_of_others_holds_no_bundle(registry, tmp_path, refuses):
    import mlflow

    (tmp_path / "own.txt").write_text("no bundle")
    experiment = mlflow.create_experiment("own", (tmp_path / "artifacts").as_uri())
    with mlflow.start_run(experiment_id=experiment):
        mlflow.pyfunc.log_model(
            name="own", loader_module="json", data_path=str(tmp_path / "own.txt"), registered_model_name="own"
        )
    text = "models:/own/1: this model holds no bundle; register one with tellapart train --track"
    with refuses(BundleError, text):
        Bundle.open("models:/own/1")


@pytest.mark.parametrize("address", ["models:/cats", "models:/", "models:/cats@"])
def test_an_address_without_alias_and_version(address, refuses):
    with refuses(ConfigError, f"{address}: name an alias or a version: models:/NAME@ALIAS or models:/NAME/VERSION"):
        Bundle.open(address)


def test_a_database_that_is_not_there_is_not_made(registry, tmp_path, monkeypatch, refuses):
    database = tmp_path / "no" / "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    with refuses(ConfigError, f"{ADDRESS}: {database}, which MLFLOW_TRACKING_URI names, is not there"):
        Bundle.open(ADDRESS)
    assert not database.parent.exists()


def test_without_a_registry_it_says_what_to_set(registry, refuses, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    message = (
        f"{ADDRESS}: MLFLOW_TRACKING_URI is not set; set it to the server of MLflow, or to "
        "sqlite:///FOLDER/mlflow.db of the FOLDER that tellapart train --track got"
    )
    with refuses(ConfigError, message):
        tellapart.predict(ADDRESS, "a.png")


def test_without_mlflow_it_says_what_to_install(monkeypatch, refuses):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with refuses(ConfigError, f"{ADDRESS}: mlflow is not installed; {install_command('track')}"):
        Bundle.open(ADDRESS)
