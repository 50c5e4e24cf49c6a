"""The verb `ensemble`: models that exist already as one bundle, which answers by the mean of their probabilities."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tellapart.core.errors import CatalogError, ConfigError
from tellapart.core.files import atomic_folder, contents
from tellapart.core.progress import log
from tellapart.core.tasks import check_task
from tellapart.data.catalog import Catalog
from tellapart.data.catalog_file import read_catalog
from tellapart.evaluation.drift import REFERENCE
from tellapart.evaluation.reference_sampling import write_reference
from tellapart.evaluation.training_images import RUN_DATA, TRAINING_IMAGES, TrainingImages, training_images
from tellapart.inference.base_model import BASE, BASE_SMALL
from tellapart.inference.bundle import GRAPH, Bundle
from tellapart.inference.manifest import MANIFEST, BundleManifest, TrainingData
from tellapart.inference.predictor import Predictor
from tellapart.inference.preprocess import Preprocess
from tellapart.pipelines.graph_merging import merge_graphs
from tellapart.pipelines.parity import Floats, Pixels, compare, image_batches, probing_batches
from tellapart.pipelines.preconditions import check_installed

WEIGHTS = "model.safetensors"
DRAWN = 32  # pictures of noise, where there are no images to compare on
NAMES = {"labels": "classes", "groups": "coarse labels", "charset": "characters"}
PREPROCESS_ALIKE = ("height", "width", "pad", "step", "max_width", "decoding")


@dataclass(frozen=True)
class Members:
    """The models that answer together.

    Args:
        models: as they were named.
        bundles: of each.
    """

    models: Sequence[str | Path]
    bundles: Sequence[Bundle]

    @classmethod
    def open(cls, models: Sequence[str | Path]) -> Members:
        """Open models that can answer together.

        Raises:
            ConfigError: fewer than two, one of them twice, or two that do not answer the same question.
            BundleError: there is no usable bundle.
        """
        if isinstance(models, str | Path) or len(models) < 2:
            raise ConfigError("ensemble: give two models or more, such as: tellapart ensemble runs/a runs/b --out both")
        members = cls(models, [Bundle.open(model) for model in models])
        check_task(members.bundles[0].task, models[0], "ensemble")
        first: dict[str, str | Path] = {}
        for model, bundle in zip(models, members.bundles, strict=True):
            if bundle.version in first:
                raise ConfigError(f"{first[bundle.version]} and {model}: one and the same model; give different ones")
            first[bundle.version] = model
            members._check_alike(model, bundle.manifest)
        return members

    def _check_alike(self, model: str | Path, manifest: BundleManifest) -> None:
        """A mean needs the same answers, of the same pixels."""
        other, first = f"{model} and {self.models[0]} cannot answer together", self.bundles[0].manifest
        if manifest.task != first.task:
            raise ConfigError(f"{other}: one is to {manifest.task}, the other to {first.task}")
        for name, words in NAMES.items():
            if getattr(manifest, name) != getattr(first, name):
                raise ConfigError(f"{other}: their {words} differ; train them on the same classes or texts")
        for name in PREPROCESS_ALIKE:
            here, there = getattr(manifest.preprocess, name), getattr(first.preprocess, name)
            if here != there:
                raise ConfigError(f"{other}: the {name} of what they see differs ({here} and {there}); train one anew")

    @property
    def preprocess(self) -> Preprocess:
        """The spec of what they see together: coloured where one of them sees colour."""
        return max((bundle.preprocess for bundle in self.bundles), key=lambda spec: spec.channels)

    def images(self) -> TrainingImages:
        """The images that any of them knows. The shipped readers have learnt from drawings alone."""
        shipped = [Bundle.open(name).version for name in (BASE, BASE_SMALL)]
        pairs = zip(self.models, self.bundles, strict=True)
        known = {str(model): training_images(bundle) for model, bundle in pairs if bundle.version not in shipped}
        return TrainingImages.merge(known)

    def catalog(self) -> Catalog | None:
        """The data of the first that is a run and whose images are still there."""
        for bundle in self.bundles:
            with suppress(CatalogError):
                return read_catalog(bundle.path.parent / RUN_DATA)
        return None

    def manifest(self) -> BundleManifest:
        """What the bundle of all says of itself."""
        manifests = [bundle.manifest for bundle in self.bundles]
        first = manifests[0]
        training = _agreed([manifest.training for manifest in manifests]) | {
            "seed": first.training.get("seed", 0),
            "backbone": " + ".join(str(manifest.training.get("backbone", "?")) for manifest in manifests),
            "ensemble": len(manifests),
            "members": [
                {"name": bundle.name, "version": bundle.version, "data": each.data.to_json(), "training": each.training}
                for bundle, each in zip(self.bundles, manifests, strict=True)
            ],
        }
        lengths = {manifest.length for manifest in manifests}
        return replace(
            first,
            length=lengths.pop() if len(lengths) == 1 else None,
            preprocess=self.preprocess,
            calibration=None,
            data=_merged_data([manifest.data for manifest in manifests]),
            training=training,
            versions=_agreed([manifest.versions for manifest in manifests]),
            parity=None,
            metrics=None,
        )


def ensemble(
    models: str | Path | Sequence[str | Path], *more: str | Path, out: str | Path, weights: bool = False
) -> Bundle:
    """Pack models that exist already as one bundle, which answers by the mean of their probabilities.

    Classifiers: the mean of each class's probability. Readers: the mean at each step, so their steps must agree, as
    those of readers do that began with the same one; whether they read more together, `tellapart.compare` tells. Where
    some see grey and others colour, the former see the luminance of the coloured picture.

    The graph is compared with the mean of its members on images of the first run among them, else on noise.

    Args:
        models: folders of runs or bundles, two or more, of the same task and classes or characters, as a list or one by
            one.
        more: further ones.
        out: the bundle's folder.
        weights: also the weights of the first, so that a training can start from the bundle.

    Returns:
        The bundle as it was written.

    Raises:
        ConfigError: models that cannot answer together, or a folder that holds something else.
        ParityError: an answer differs, or a probability by more than 1e-4; nothing is written.

    Example:
        tellapart.ensemble(["runs/a", "runs/b"], out="both")
    """
    check_installed(["onnx"], "train", "a bundle is written with it")
    import onnx

    target = Path(out)
    if target.exists() and not (target / MANIFEST).is_file() and not (target.is_dir() and not contents(target)):
        raise ConfigError(f"{target}: there already and not a bundle; give another --out")
    members = Members.open([*([models] if isinstance(models, str | Path) else models), *more])
    _say_what_is_lost(members)
    with atomic_folder(target) as folder:
        graphs = [onnx.load(bundle.path / GRAPH) for bundle in members.bundles]
        onnx.save(merge_graphs(graphs, [bundle.preprocess.channels for bundle in members.bundles]), folder / GRAPH)
        if weights:
            _copy_weights(members.bundles[0], folder / WEIGHTS)
        bundle = Bundle.write(folder, members.manifest())
        predictor, catalog, images = Predictor(bundle, device="cpu"), members.catalog(), members.images()
        parity = compare(_mean_answers(members), predictor, _batches(catalog, members.preprocess), "their mean")
        if catalog is not None:
            rows = [*catalog.rows("test"), *catalog.rows("val")]
            parts = images.parts_of(catalog, rows)
            unseen = [row for row, part in zip(rows, parts, strict=True) if part != "train"]
            write_reference(predictor, catalog, unseen, folder / REFERENCE)
        images.write(folder / TRAINING_IMAGES)
        Bundle.write(folder, replace(bundle.manifest, parity=parity))
    return Bundle.open(target)


def _say_what_is_lost(members: Members) -> None:
    """A threshold was chosen for the probabilities of one."""
    for model, bundle in zip(members.models, members.bundles, strict=True):
        calibration = bundle.calibration
        if calibration and (calibration.threshold or calibration.abstain):
            log(f"note: {model}: its threshold, or the level that it abstains below, is its own; together none holds")
    if len({bundle.preprocess.channels for bundle in members.bundles}) > 1:
        log("note: some see grey and some colour: pictures are taken in colour, and the former see their luminance")


def _mean_answers(members: Members) -> Any:
    """Model pixels → the mean of the members' probabilities, and their features one after another."""
    predictors = [Predictor(bundle, device="cpu") for bundle in members.bundles]
    channels = members.preprocess.channels

    def answers(pixels: Pixels) -> tuple[Floats, Floats]:
        both = []
        for predictor in predictors:
            grey = predictor.bundle.preprocess.channels < channels
            both.append(predictor.both(_luminance(pixels) if grey else pixels))
        probabilities, features = zip(*both, strict=True)
        return np.mean(probabilities, axis=0), np.concatenate(features, axis=1)

    return answers


def _luminance(pixels: Pixels) -> Pixels:
    """``uint8`` N, H, W, 3 → N, H, W, 1, as Pillow makes it."""
    from PIL import Image

    grey = [np.asarray(Image.fromarray(picture).convert("L")) for picture in pixels]
    return np.stack(grey)[..., None]


def _batches(catalog: Catalog | None, spec: Preprocess) -> Iterator[tuple[list[str], Pixels]]:
    """The test images of a run, or all; without one, pictures of noise."""
    if catalog is not None:
        return image_batches(catalog, catalog.rows("test") or catalog.rows(), spec)
    width, dice = spec.width or 4 * spec.step, np.random.default_rng(0)
    shape = (spec.height, width, spec.channels)
    noise = ((f"noise {n}", dice.integers(0, 256, shape, dtype=np.uint8)) for n in range(DRAWN))
    return probing_batches(noise, spec)


def _copy_weights(bundle: Bundle, target: Path) -> None:
    """The weights of a member, in half precision.

    Raises:
        ConfigError: it has none.
    """
    run_weights = bundle.path.parent / WEIGHTS
    if WEIGHTS in bundle.manifest.files:
        shutil.copyfile(bundle.path / WEIGHTS, target)
    elif run_weights.is_file():
        from safetensors.torch import save

        from tellapart.pipelines.export import halved
        from tellapart.training.checkpointing import read_weights

        target.write_bytes(save({name: halved(value) for name, value in read_weights(run_weights).items()}))
    else:
        raise ConfigError(f"{bundle.path}: this bundle only predicts; name first a run, or one exported with --weights")


def _agreed(mappings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all mappings say alike."""
    first, *others = mappings
    return {key: value for key, value in first.items() if all(key in other and other[key] == value for other in others)}


def _merged_data(parts: Sequence[TrainingData]) -> TrainingData:
    """The data of all: of the same images one description, of several their number in all, split by their runs."""
    if all(part == parts[0] for part in parts):
        return parts[0]
    distinct = {part.content: part for part in parts}
    fingerprint, content = (
        hashlib.sha256("".join(getattr(part, name) for part in parts).encode()).hexdigest()
        for name in ("fingerprint", "content")
    )
    split = parts[0].split if all(part.split == parts[0].split for part in parts) else None
    read_by = next((part.read_by for part in parts if part.read_by), None)
    return TrainingData(fingerprint, content, sum(part.n for part in distinct.values()), split, read_by)
