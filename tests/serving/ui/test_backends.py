"""Who answers the page: the answers are the bundle's, and a correction is a labelled source."""

from __future__ import annotations

import pytest

import tellapart
from tellapart.core.errors import BundleError, ConfigError
from tellapart.data.opening import open_catalog
from tellapart.inference.known_labels import UnknownLabelError
from tellapart.serving.ui.backends import LocalBackend, ServerBackend


def test_a_bundle_of_this_machine_answers_and_keeps_corrections(tmp_path, shape_bundle, pictures):
    backend = LocalBackend(shape_bundle, tmp_path / "corrections")
    assert (backend.task, backend.name) == ("classify", tellapart.Bundle.open(shape_bundle).name)
    files = []
    for n, data in enumerate(pictures[:3]):
        files.append(str(tmp_path / f"{n}.png"))
        (tmp_path / f"{n}.png").write_bytes(data)
    assert backend.predict(files) == tellapart.load(shape_bundle).predict(files)
    with pytest.raises(UnknownLabelError, match="'new' is no class of the model"):
        backend.correct(files[1], "new", "ring")
    backend.correct(files[1], "new", "ring", new_label=True)
    assert backend.known["labels"] == ["bar", "disc", "ring"]
    assert backend.where == "the machine that this page runs on"
    kept = open_catalog(tmp_path / "corrections" / backend.name)
    assert kept.column("label") == ["new"]
    assert [data for _, data in kept.read(range(1))] == [pictures[1]]


def test_what_cannot_answer_is_refused(tmp_path):
    with pytest.raises(BundleError, match="no bundle"):
        LocalBackend(tmp_path, tmp_path / "corrections")
    with pytest.raises(ConfigError, match="no address"):
        ServerBackend("localhost:3000", "shapes")
