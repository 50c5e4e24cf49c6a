"""The bundle: a folder that answers the same everywhere. The only thing that predicts; it needs no torch.

    bundle.json   the manifest: task, labels or charset, groups, preprocessing, metrics, data, versions, sha256 of files
    model.onnx    uint8 pixels in, probabilities and features out
    README.md     the model card
    reference.parquet  a sample of unseen images in numbers, for `tellapart drift`
    training_images.parquet  digests of the images that it knows from its training, for `tellapart evaluate`

A renamed folder still works; a changed byte is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tellapart.core.documents import load_json
from tellapart.core.errors import BundleError, join_some
from tellapart.core.files import atomic_file, atomic_folder, contents, recover_folder
from tellapart.core.notebook import html_table
from tellapart.core.regular_files import read_regular
from tellapart.core.terminal import excerpt, quoted
from tellapart.inference import bundle_checks
from tellapart.inference.base_model import BASE, SHIPPED, is_shipped, shipped_reader
from tellapart.inference.bundle_checks import file_digest, is_plain_name
from tellapart.inference.charset import Charset
from tellapart.inference.fetching import fetch_bundle, is_remote
from tellapart.inference.manifest import FORMAT, MANIFEST, BundleManifest, Calibration
from tellapart.inference.model_card import card
from tellapart.inference.onnx_graph import parse_graph
from tellapart.inference.preprocess import Preprocess

GRAPH = "model.onnx"
SHOWN = 20  # labels that a notebook shows
CARD = "README.md"  # where people and model hubs look for it


@dataclass(frozen=True)
class Bundle:
    """A bundle's folder and its manifest.

    Args:
        path: the folder.
        manifest: what its ``bundle.json`` says.
    """

    path: Path
    manifest: BundleManifest

    @property
    def location(self) -> str:
        """What opens it again: its folder, or the name of the shipped reader that it is."""
        return next((name for name in SHIPPED if self.path == shipped_reader(name)), str(self.path))

    @classmethod
    def open(cls, path: str | Path) -> Bundle:
        """Open a bundle, or the bundle of a run folder, and check every byte of it; ``base`` and ``small`` ship.

        Whoever wrote it: values, files and graph are checked before anything of it is used, see
        `tellapart.inference.bundle_checks`.

        Of a URL, or of ``models:/NAME@ALIAS`` in MLflow's registry, this machine's copy is opened, see
        `tellapart.inference.fetching.fetch_bundle`.

        Raises:
            BundleError: no bundle there, another format, a missing file, a changed byte, a manifest with a missing
                key or a value that does not fit, or a graph that takes or gives something else than the manifest says.
        """
        if is_remote(path):
            path = fetch_bundle(str(path))
        folder = shipped_reader(path) if is_shipped(path) else Path(path)
        for each in (folder, folder / "bundle"):
            recover_folder(each)
        if not (folder / MANIFEST).is_file() and (folder / "bundle" / MANIFEST).is_file():
            folder = folder / "bundle"
        if not (folder / MANIFEST).is_file():
            if not folder.exists():
                raise BundleError(
                    f"{path}: there is no such file or folder; give a run (tellapart runs lists them), a bundle, or "
                    f"{BASE} for the reader that ships"
                )
            reason = (
                "an unfinished run; run its train command again" if (folder / "config.yaml").is_file() else "no bundle"
            )
            raise BundleError(f"{path}: {reason} (a bundle is a folder with {MANIFEST} and {GRAPH})")
        manifest = _read_manifest(folder)
        for name in manifest.files:
            bundle_checks.check_file(folder / name)
        for name, digest in manifest.files.items():
            if file_digest(folder / name) != digest:
                raise BundleError(f"{folder / name}: changed since it was written; export the run again")
        try:
            bundle_checks.check_graph(parse_graph(read_regular(folder / GRAPH, bundle_checks.MAX_FILE_BYTES)), manifest)
        except BundleError as error:
            raise BundleError(f"{folder / GRAPH}: {error}; export the run again") from error
        return cls(folder, manifest)

    @classmethod
    def write(cls, folder: Path, manifest: BundleManifest) -> Bundle:
        """Write the manifest of the files that lie in ``folder`` already, and the model card.

        Args:
            folder: the bundle's folder.
            manifest: its ``files`` are replaced by those of the folder.
        """
        with atomic_file(folder / CARD) as temporary:
            temporary.write_text(card(manifest), encoding="utf-8")
        names = [item.name for item in contents(folder) if item.is_file() and not item.is_symlink()]
        files = {name: file_digest(folder / name) for name in names if name != MANIFEST and is_plain_name(name)}
        manifest = replace(manifest, files=files)
        with atomic_file(folder / MANIFEST) as temporary:
            temporary.write_text(_signed(manifest.to_json()), encoding="utf-8")
        return cls(folder, manifest)

    def with_metrics(self, metrics: Mapping[str, Any]) -> Bundle:
        """The same bundle with an evaluation's headline figures written in; the report stays with the run.

        A new folder with the same files takes the place of the old one.

        Args:
            metrics: what `tellapart.evaluate` returns; the figures with an interval are written.
        """
        with atomic_folder(self.path) as folder:
            shutil.copytree(self.path, folder, dirs_exist_ok=True, copy_function=_link_or_copy, ignore=_temporaries)
            written = Bundle.write(folder, self.manifest.with_metrics(metrics))
        return Bundle(self.path, written.manifest)

    def _repr_html_(self) -> str:
        """What the model knows and how good it is, as a notebook shows it."""
        known = self.labels or list(self.characters)
        spec, metrics = self.preprocess, self.manifest.metrics
        rows: list[tuple[object, ...]] = [
            ("task", self.task),
            ("knows", f"{len(known):,}: {join_some(known, SHOWN)}"),
            ("sees", f"{spec.width or 'any'} x {spec.height} px, {'grey' if spec.channels == 1 else 'colour'}"),
        ]
        for name, figure in metrics.figures.items() if metrics else ():
            low, high = figure["ci95"]
            rows.append((name.replace("_", " "), f"{figure['value']:.4f} ({low:.4f} to {high:.4f}, n {figure['n']:,})"))
        return html_table(self.location, rows)

    @property
    def task(self) -> str:
        """``classify``, ``read`` or ``tag``."""
        return self.manifest.task

    @property
    def name(self) -> str:
        """The folder's name; of a run's bundle, the run's."""
        folder = self.path.absolute()
        return folder.parent.name if folder.name == "bundle" else folder.name

    @property
    def version(self) -> str:
        """The sha256 of its graph, in hex."""
        return self.manifest.files[GRAPH]

    @property
    def digest(self) -> str:
        """The sha256 of its description, which holds those of all its files."""
        return file_digest(self.path / MANIFEST)

    @property
    def labels(self) -> list[str]:
        """The classes or tags, in the order of the graph's output; empty for a reader."""
        return list(self.manifest.labels or [])

    @property
    def characters(self) -> str:
        """The characters that a reader knows, sorted; empty for other models."""
        return "".join(sorted(self.manifest.charset.characters)) if self.manifest.charset else ""

    @property
    def groups(self) -> dict[str, str]:
        """Class → coarse label; empty where there are none."""
        return dict(self.manifest.groups or {})

    @property
    def calibration(self) -> Calibration | None:
        """Temperature (in the graph already), thresholds and level to abstain below; chosen on validation images."""
        return self.manifest.calibration

    @property
    def length(self) -> int | None:
        """How many characters a reader expects unless a pattern is given; None where its training texts differ."""
        return self.manifest.length

    @property
    def charset(self) -> Charset:
        """The characters that a reader knows.

        Raises:
            BundleError: the bundle is no reader.
        """
        if self.manifest.charset is None:
            raise BundleError(f"{self.path}: a classifier, which has no charset")
        return self.manifest.charset

    @property
    def preprocess(self) -> Preprocess:
        """The preprocessing spec."""
        return self.manifest.preprocess


def _link_or_copy(source: str, target: str) -> None:
    """A second name of the same file, or a copy where there can be none: files of a bundle never change."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _temporaries(folder: str, names: list[str]) -> set[str]:
    """The names in a folder that are other writers'."""
    return set(names) - {item.name for item in contents(Path(folder))}


def _read_manifest(folder: Path) -> BundleManifest:
    """The manifest of a bundle, each value of which fits the others.

    Raises:
        BundleError: it is none, of another format, changed since it was written, or a value does not fit.
    """
    file = folder / MANIFEST
    bundle_checks.check_file(file)
    try:
        text = read_regular(file, bundle_checks.MAX_MANIFEST_BYTES).decode("utf-8")
        document = load_json(text)
        bundle_checks.check_depth(document)
        digest = document.pop("sha256")
        stored = document["format"]
        signed = _signed(document)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, BundleError) as error:
        raise BundleError(f"{file}: not readable as a bundle's description: {_reason(error)}") from error
    if type(stored) is not int or stored != FORMAT:
        raise BundleError(f"{folder}: format {excerpt(stored)}; this version reads {FORMAT}: export it again")
    if text != signed or digest != _digest(document):
        raise BundleError(f"{file}: changed since it was written; export the run again")
    try:
        manifest = BundleManifest.from_json(document)
        bundle_checks.check_manifest(manifest)
        bundle_checks.check_names(manifest.files)
    except BundleError as error:
        raise BundleError(f"{file}: {error}; export the run again") from error
    if GRAPH not in manifest.files:
        raise BundleError(f"{file}: files.{GRAPH}: missing; export the run again")
    return manifest


def _reason(error: Exception) -> str:
    """What is wrong with a description, on one line."""
    if isinstance(error, KeyError):
        return f"{quoted(error.args[0])} is missing"
    if isinstance(error, OSError):
        return excerpt(error.strerror)
    if isinstance(error, TypeError | AttributeError):
        return "no JSON object"
    if isinstance(error, UnicodeError):
        return "it holds text that is no Unicode"
    return excerpt(error)


def _digest(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _signed(document: Mapping[str, Any]) -> str:
    """The text of the file: the document with the digest of itself."""
    return json.dumps({**document, "sha256": _digest(document)}, indent=2, ensure_ascii=False) + "\n"
