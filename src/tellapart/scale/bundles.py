"""A bundle on a node: the one that is meant, by its digest, opened once a process."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from tellapart.core.errors import BundleError
from tellapart.inference.base_model import is_shipped
from tellapart.inference.bundle import Bundle
from tellapart.inference.fetching import is_remote
from tellapart.inference.predictor import Predictor
from tellapart.scale.job import NodeMismatchError


def bundle_options(model: str | Path | Bundle) -> tuple[Bundle, dict[str, str]]:
    """A bundle, opened here, and what tells a node which one it is.

    Raises:
        BundleError: there is no usable bundle.
    """
    bundle = model if isinstance(model, Bundle) else Bundle.open(model)
    named = isinstance(model, str) and (is_remote(model) or is_shipped(model))
    return bundle, {"model": str(model) if named else str(bundle.path.absolute()), "digest": bundle.digest}


def node_predictor(options: Mapping[str, Any], rule: Mapping[str, Any] | None = None) -> Predictor:
    """The predictor that the options of a part mean, on one thread.

    Raises:
        NodeMismatchError: this node has no such bundle, or another one.
    """
    return _predictor(options["model"], options["digest"], json.dumps(rule or {}), os.getpid())


@lru_cache(maxsize=2)
def _predictor(model: str, digest: str, rule: str, process: int) -> Predictor:  # noqa: ARG001
    try:
        bundle = Bundle.open(model)
    except BundleError as error:
        raise NodeMismatchError(f"cannot open the bundle ({error}); give it by a URL, or at the same path") from error
    if bundle.digest != digest:
        raise NodeMismatchError(f"has another bundle at {model}; give it by a URL, or copy it there again")
    return Predictor(bundle, threads=1, **json.loads(rule))
