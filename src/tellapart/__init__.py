"""tellapart turns labelled images into a recogniser that can be trusted and used.

Every verb of the command line is a function here, with the same name and options:

>>> import tellapart
>>> sorted(tellapart.recipes())[:1]
['animal-object']

Names load on first use, so that importing the package, predicting and serving never load torch.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version as _version
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tellapart.adapt import adapt
    from tellapart.audit import audit
    from tellapart.balance import balance
    from tellapart.bundle import Bundle, Prediction, Predictor, base_reader, load
    from tellapart.catalog import Catalog, catalog
    from tellapart.clean import clean
    from tellapart.client import Client
    from tellapart.demo import demo
    from tellapart.drift import drift
    from tellapart.errors import InputError, TellapartError
    from tellapart.evaluate import evaluate
    from tellapart.explain import explain
    from tellapart.export import export
    from tellapart.generate import generate
    from tellapart.maps import map
    from tellapart.predict import predict
    from tellapart.prepare import prepare
    from tellapart.quick import quick
    from tellapart.recipes import recipes
    from tellapart.serve import serve, switch
    from tellapart.split import split
    from tellapart.strength import strength
    from tellapart.tidy import tidy
    from tellapart.train import train
    from tellapart.tune import tune
    from tellapart.web import web

_HOME = {
    "Bundle": "bundle",
    "Catalog": "catalog",
    "Client": "client",
    "InputError": "errors",
    "Prediction": "bundle",
    "Predictor": "bundle",
    "TellapartError": "errors",
    "adapt": "adapt",
    "audit": "audit",
    "balance": "balance",
    "base_reader": "bundle",
    "catalog": "catalog",
    "clean": "clean",
    "demo": "demo",
    "drift": "drift",
    "evaluate": "evaluate",
    "explain": "explain",
    "export": "export",
    "generate": "generate",
    "load": "bundle",
    "map": "maps",
    "predict": "predict",
    "prepare": "prepare",
    "quick": "quick",
    "recipes": "recipes",
    "serve": "serve",
    "split": "split",
    "strength": "strength",
    "switch": "serve",
    "tidy": "tidy",
    "train": "train",
    "tune": "tune",
    "web": "web",
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
    "demo",
    "drift",
    "evaluate",
    "explain",
    "export",
    "generate",
    "load",
    "map",
    "predict",
    "prepare",
    "quick",
    "recipes",
    "serve",
    "split",
    "strength",
    "switch",
    "tidy",
    "train",
    "tune",
    "web",
]

__version__ = _version("tellapart")


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'tellapart' has no attribute {name!r}")
    value = getattr(import_module(f"tellapart.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


class _Package(ModuleType):
    """A verb and the module it lives in share a name: `tellapart.train` is the function.

    Python binds a submodule to its package when it is first imported, which would hide the function
    behind the module; for these names that binding is left out. ``from tellapart.train import ...``
    works as ever.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
