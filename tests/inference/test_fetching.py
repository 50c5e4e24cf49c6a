"""A bundle at a URL is copied once, under its digest."""

from __future__ import annotations

import uuid

import pytest

from tellapart.core.errors import BundleError
from tellapart.core.storage import as_path
from tellapart.inference.bundle import Bundle
from tellapart.inference.fetching import cache_folder, fetch_bundle

pytest.importorskip("fsspec", reason="fsspec is not installed")


@pytest.fixture
def stored(monkeypatch, tmp_path):
    """The shipped reader in a run's folder of storage."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    place = as_path(f"memory://{uuid.uuid4().hex}/run")
    for file in Bundle.open("base").path.iterdir():
        (place / "bundle" / file.name).upload(file)
    return place


def test_a_run_at_a_url_is_opened_from_one_copy(stored, tree):
    bundle = Bundle.open(str(stored))
    assert bundle.digest == Bundle.open("base").digest
    assert bundle.path == cache_folder() / bundle.digest
    before = tree(bundle.path)
    (stored / "bundle" / "model.onnx").unlink()  # not read again
    assert Bundle.open(f"{stored}/bundle").path == bundle.path
    assert tree(bundle.path) == before


def test_half_a_bundle_is_refused_and_no_copy_is_left(stored):
    (stored / "bundle" / "model.onnx").unlink()
    with pytest.raises(BundleError, match=r"model.onnx: missing; copy the whole bundle folder there$"):
        fetch_bundle(str(stored))
    assert not [path for path in cache_folder().iterdir() if path.is_dir()]


def test_a_place_without_a_bundle_is_refused(stored, refuses):
    url = f"{stored.parent}/no"
    with refuses(BundleError, f"{url}: no bundle there (a bundle is a folder with bundle.json)"):
        Bundle.open(url)
