"""A node opens the bundle that is meant, and no other."""

from __future__ import annotations

import shutil

import pytest

from tellapart.inference.bundle import Bundle
from tellapart.scale.bundles import bundle_options, node_predictor
from tellapart.scale.job import NodeMismatchError


def test_a_node_has_the_bundle_that_is_meant(tmp_path):
    bundle, options = bundle_options("base")
    assert options == {"model": "base", "digest": bundle.digest}
    assert node_predictor(options) is node_predictor(dict(options))  # opened once a process
    copied = shutil.copytree(bundle.path, tmp_path / "copy")
    assert bundle_options(copied)[1] == {"model": str(copied), "digest": bundle.digest}
    assert bundle_options(Bundle.open(copied))[1]["digest"] == bundle.digest


def test_a_node_without_it_or_with_another_is_refused(tmp_path):
    with pytest.raises(NodeMismatchError, match=r"^cannot open the bundle \(.*\); give it by a URL"):
        node_predictor({"model": str(tmp_path / "no"), "digest": "1"})
    with pytest.raises(NodeMismatchError, match=r"^has another bundle at base; give it by a URL"):
        node_predictor({"model": "base", "digest": "1"})
