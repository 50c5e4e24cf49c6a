"""tellapart turns labelled images into a recogniser that can be trusted and used.

Every verb of the command line is a function here, with the same name and options:

>>> import tellapart
>>> sorted(tellapart.recipes())[:1]
['animal-object']

Names load on first use, so that importing the package, predicting and serving never load torch.
"""

from __future__ import annotations

import os as _os
from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tellapart.core.errors import InputError, TellapartError
    from tellapart.data.catalog import Catalog
    from tellapart.data.resampling import balance
    from tellapart.data.split import split
    from tellapart.data.summary import summary
    from tellapart.data.tidy import tidy
    from tellapart.evaluation.compare import compare
    from tellapart.evaluation.drift import drift
    from tellapart.inference.base_model import base_reader, small_reader
    from tellapart.inference.bundle import Bundle
    from tellapart.inference.client import Client
    from tellapart.inference.prediction import Prediction
    from tellapart.inference.predictor import Predictor, load
    from tellapart.inference.saliency import explain
    from tellapart.pipelines.adapt import adapt
    from tellapart.pipelines.audit import audit
    from tellapart.pipelines.catalog import catalog
    from tellapart.pipelines.clean import clean
    from tellapart.pipelines.demo import demo
    from tellapart.pipelines.embed import embed
    from tellapart.pipelines.ensemble import ensemble
    from tellapart.pipelines.evaluate import evaluate
    from tellapart.pipelines.experiment import experiment
    from tellapart.pipelines.export import export
    from tellapart.pipelines.generate import generate
    from tellapart.pipelines.init import init
    from tellapart.pipelines.map import map
    from tellapart.pipelines.monitor import monitor
    from tellapart.pipelines.next import next
    from tellapart.pipelines.predict import predict
    from tellapart.pipelines.prepare import prepare
    from tellapart.pipelines.retrain import retrain
    from tellapart.pipelines.runs import runs
    from tellapart.pipelines.shards import shards
    from tellapart.pipelines.strength import strength
    from tellapart.pipelines.train import train
    from tellapart.pipelines.tune import tune
    from tellapart.serving.launch import serve, switch
    from tellapart.serving.ui import web
    from tellapart.training.recipes import recipes

_HOME = {
    "Bundle": "inference.bundle",
    "Catalog": "data.catalog",
    "Client": "inference.client",
    "InputError": "core.errors",
    "Prediction": "inference.prediction",
    "Predictor": "inference.predictor",
    "TellapartError": "core.errors",
    "adapt": "pipelines.adapt",
    "audit": "pipelines.audit",
    "balance": "data.resampling",
    "base_reader": "inference.base_model",
    "catalog": "pipelines.catalog",
    "clean": "pipelines.clean",
    "compare": "evaluation.compare",
    "demo": "pipelines.demo",
    "drift": "evaluation.drift",
    "embed": "pipelines.embed",
    "ensemble": "pipelines.ensemble",
    "evaluate": "pipelines.evaluate",
    "experiment": "pipelines.experiment",
    "explain": "inference.saliency",
    "export": "pipelines.export",
    "generate": "pipelines.generate",
    "init": "pipelines.init",
    "load": "inference.predictor",
    "map": "pipelines.map",
    "monitor": "pipelines.monitor",
    "next": "pipelines.next",
    "predict": "pipelines.predict",
    "prepare": "pipelines.prepare",
    "recipes": "training.recipes",
    "retrain": "pipelines.retrain",
    "runs": "pipelines.runs",
    "serve": "serving.launch",
    "shards": "pipelines.shards",
    "small_reader": "inference.base_model",
    "split": "data.split",
    "strength": "pipelines.strength",
    "summary": "data.summary",
    "switch": "serving.launch",
    "tidy": "data.tidy",
    "train": "pipelines.train",
    "tune": "pipelines.tune",
    "web": "serving.ui",
}

__all__ = [
    "Bundle",
    "Catalog",
    "Client",
    "InputError",
    "Prediction",
    "Predictor",
    "TellapartError",
    "adapt",
    "audit",
    "balance",
    "base_reader",
    "catalog",
    "clean",
    "compare",
    "demo",
    "drift",
    "embed",
    "ensemble",
    "evaluate",
    "experiment",
    "explain",
    "export",
    "generate",
    "init",
    "load",
    "map",
    "monitor",
    "next",
    "predict",
    "prepare",
    "recipes",
    "retrain",
    "runs",
    "serve",
    "shards",
    "small_reader",
    "split",
    "strength",
    "summary",
    "switch",
    "tidy",
    "train",
    "tune",
    "web",
]

__version__ = _version("tellapart")

# ONNX Runtime 1.29 and newer tell their maker of each session, on Linux too, unless this is set before they are loaded.
_os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'tellapart' has no attribute {name!r}")
    value = getattr(import_module(f"tellapart.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
