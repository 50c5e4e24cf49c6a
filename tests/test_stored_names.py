"""Every stored name that others rely on, compared with what the code really writes.

A change here is a change of an interface: it needs a new format number and a refusal of the old one in words, or none.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re

import pyarrow.parquet as pq
import pytest

import tellapart
from tellapart.data import catalog
from tellapart.inference.base_model import small_reader
from tellapart.inference.manifest import BundleManifest

BUNDLE = {
    "format", "task", "charset", "preprocess", "calibration", "data", "training", "versions", "parity", "metrics",
    "files", "sha256",
}  # fmt: skip
PREPROCESS = {"height", "width", "channels", "pad", "step", "max_width", "mean", "std", "decoding"}
CALIBRATION = {"temperature", "n", "ece", "threshold", "abstain", "thresholds"}
DATA = {"fingerprint", "content", "n", "split", "read_by"}
PRECISION = {"kind", "n", "before", "after", "calibrated_on"}  # of an int8 or float16 bundle
PARITY = {"images", "compared", "different_answers", "largest_difference"}
BUNDLE_FILES = {"README.md", "model.onnx", "model.safetensors", "reference.parquet"}

CATALOG = [
    ("file", "string"), ("label", "string"), ("group", "string"), ("split", "string"), ("keep", "bool"),
    ("why", "string"), ("times", "int32"), ("width", "int32"), ("height", "int32"), ("sha256", "string"),
    ("pixels", "string"), ("hash", "fixed_size_binary[16]"), ("together", "string"), ("shard", "string"),
    ("row", "int64"),
]  # fmt: skip

METRICS = {
    "tellapart_requests_total": ["path", "status"],
    "tellapart_seconds_count": ["path"],
    "tellapart_images_total": ["model", "version"],
    "tellapart_errors_total": ["code"],
    "tellapart_batch_size_count": ["model"],
    "tellapart_confidence_count": ["model"],
    "tellapart_queue": ["model"],
    "tellapart_switches_total": ["model"],
    "tellapart_corrections_total": ["model"],
}

ADDRESSES = {
    "/v1/models", "/v1/models/{name}", "/v1/models/{name}/predict", "/v1/models/{name}/correct", "/openapi.json",
    "/metrics", "/livez", "/readyz", "/", "/docs",
}  # fmt: skip


def test_the_manifest_of_a_bundle(text_bundle, shape_bundle):
    base = json.loads((small_reader() / "bundle.json").read_text("utf-8"))
    assert set(base) == BUNDLE
    assert set(base["preprocess"]) == PREPROCESS
    assert set(base["parity"]) == PARITY
    assert set(base["files"]) == BUNDLE_FILES
    assert set(base["calibration"]) <= CALIBRATION
    assert set(base["data"]) <= DATA
    assert base["data"]["split"].keys() == {"seed", "fractions"}
    assert base["metrics"]["cer"].keys() == {"value", "ci95", "n"}
    for folder, names in (
        (text_bundle, BUNDLE | {"length"}),
        (shape_bundle, BUNDLE - {"charset"} | {"labels", "groups"}),
    ):
        assert set(json.loads((folder / "bundle.json").read_text("utf-8"))) == names
    written = set(inspect.signature(BundleManifest).parameters) | {"format", "sha256"}
    assert written == BUNDLE | {"labels", "groups", "length", "precision"}


def test_the_nested_values_of_the_manifest():
    from tellapart.inference import manifest

    for kind, names in (
        (manifest.Calibration, CALIBRATION),
        (manifest.TrainingData, DATA),
        (manifest.Parity, PARITY),
        (manifest.Precision, PRECISION),
        (manifest.Preprocess, PREPROCESS | {"view"}),
        (manifest.DecisionThreshold, {"positive", "at", "aim"}),
        (manifest.AbstainLevel, {"below", "aim"}),
        (manifest.TagThresholds, {"at", "aim"}),
    ):
        assert set(inspect.signature(kind).parameters) == names


def test_the_columns_of_a_catalog(shapes, tmp_path):
    assert [(field.name, str(field.type)) for field in catalog.SCHEMA] == CATALOG
    tellapart.catalog(shapes, out=tmp_path / "catalog.parquet")
    schema = pq.read_schema(tmp_path / "catalog.parquet")
    assert [(field.name, str(field.type)) for field in schema] == CATALOG
    assert json.loads(schema.metadata[b"tellapart"]).keys() == {
        "format", "task", "root", "root_from_here", "source", "notes", "meta",
    }  # fmt: skip


def test_the_metrics_of_a_server(here, tmp_path, shape_bundle):
    from prometheus_client import REGISTRY

    with here(tmp_path / "state", [f"names={shape_bundle}"]) as (client, _):
        page = client.get("/metrics").text
    collectors = REGISTRY._names_to_collectors
    assert {name: list(collectors[name]._labelnames) for name in METRICS} == METRICS
    families = set(re.findall(r"^# TYPE (tellapart_\w+?)(?:_total)? ", page, re.MULTILINE))
    assert {name for name in families if not name.endswith("_created")} == {
        re.sub(r"_(total|count)$", "", sample) for sample in METRICS
    }


def test_the_addresses_of_a_server(here, tmp_path, shape_bundle):
    from tellapart.serving.middleware import security

    with here(tmp_path / "state", [f"names={shape_bundle}"]) as (client, _):
        inside = client.app
        while not hasattr(inside, "routes"):
            inside = getattr(inside, "app", None) or inside._app
        assert {route.path for route in inside.routes} == ADDRESSES
    assert set(security._OPEN) == {"/livez", "/readyz"}


def test_the_loader_of_mlflow():
    module = importlib.import_module("tellapart.pipelines.tracking")
    assert callable(module._load_pyfunc)
    assert "loader_module=__name__" in inspect.getsource(module)


@pytest.mark.parametrize("place", ["tellapart.serving.service:Recogniser"])
def test_the_service_of_bentoml(place):
    from tellapart.serving import bento_package

    module, name = place.split(":")
    assert f"from {module} import {name}" in bento_package._SERVICE
