"""Detect drift: compare a window of new images with the reference images that a bundle keeps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tellapart.core.errors import BundleError, ConfigError

if TYPE_CHECKING:
    from tellapart.inference.bundle import Bundle

REFERENCE = "reference.parquet"
FEWEST = 20  # images of a window
LEAST = 0.005  # alpha; for a smaller one there are too few permutations to detect anything
ALPHA = 0.01  # of windows without a change, the share that is called changed


def drift(
    model: str | Path | Bundle,
    window: str | Path,
    *,
    alpha: float = ALPHA,
    report: str | Path | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare new images with the reference in a bundle: pixel statistics, features, answers and confidences.

    Six numbers of each image are compared by the Kolmogorov-Smirnov test. Permutation tests compare the answers (total
    variation), the features (energy distance, Székely & Rizzo 2013) and the number of outliers (distance of their
    features from all old ones, Sun et al. 2022). The p-values are corrected for their number (Holm 1979). So a window
    without a change is called changed with a probability of ``alpha`` at most.

    Args:
        model: a run's folder, a bundle's folder or an open bundle.
        window: an image folder, which needs no labels, or any labelled source.
        alpha: the share of unchanged windows that may be called changed, from 0.005 and below 1.
        report: an HTML page to write.
        seed: of the permutations.

    Returns:
        ``drift`` (whether anything has changed), ``checks`` (``check``, ``distance``, ``p``, ``adjusted``, ``found``),
        ``n``, ``n_reference``, ``unreadable``, ``alpha``.

    Raises:
        BundleError: a bundle without a reference.
        ConfigError: too few images, or an alpha out of its range.
    """
    from tellapart.core.files import atomic_file, check_target
    from tellapart.evaluation.drift_page import page
    from tellapart.evaluation.drift_reference import MEASURES, Reference, sample_images
    from tellapart.inference.predictor import Predictor
    from tellapart.metrics.two_sample import energy_test, holm, kolmogorov_smirnov, outlier_test, total_variation_test

    if not LEAST <= alpha < 1:
        raise ConfigError(f"alpha {alpha:g}: give a share from {LEAST:g} and below 1, such as 0.01")
    if report is not None:
        check_target(report, ".html", ".htm")
    predictor = Predictor(model)
    file = predictor.bundle.path / REFERENCE
    if REFERENCE not in predictor.bundle.manifest.files:
        raise BundleError(
            f"{predictor.bundle.path}: it keeps no reference; bundles of {FEWEST} unseen images or more do: export the "
            "run again"
        )
    reference = Reference.open(file)
    images, n_skipped = _images(Path(window))
    now = sample_images(predictor, images)
    unreadable = now.unreadable + n_skipped
    if len(now) < FEWEST:
        bad = f", {unreadable} more cannot be read" if unreadable else ""
        raise ConfigError(f"{window}: {len(now)} images{bad}; a window needs at least {FEWEST}")
    before = reference.sample
    if len(before) < FEWEST or reference.reduction.axes.shape[0] != now.features.shape[1]:
        raise BundleError(f"{file}: not the reference of this model; export the run again")
    # A constant measure, such as the width after preprocessing, cannot change. Its test would cost the others power.
    tests = {
        each: kolmogorov_smirnov(before.measures[:, place], _half(now.measures[:, place]))
        for place, each in enumerate(MEASURES)
        if len({*before.measures[:, place].tolist(), *_half(now.measures[:, place]).tolist()}) > 1
    }
    tests["confidence"] = kolmogorov_smirnov(before.confidence, now.confidence)
    tests["answers"] = total_variation_test(before.answers, now.answers, seed=seed)
    features = reference.points(now.features)
    tests["features"] = energy_test(before.features, features, seed=seed)
    tests["strangers"] = outlier_test(before.features, features, seed=seed)
    adjusted = holm([p for _, p in tests.values()])
    checks = [
        {"check": name, "distance": distance, "p": p, "adjusted": raised, "found": raised <= alpha}
        for (name, (distance, p)), raised in zip(tests.items(), adjusted, strict=True)
    ]
    result: dict[str, Any] = {
        "model": predictor.bundle.location,
        "window": str(window),
        "n": len(now),
        "n_reference": len(before),
        "unreadable": unreadable,
        "alpha": alpha,
        "drift": any(check["found"] for check in checks),
        "checks": checks,
    }
    if report is not None:
        with atomic_file(Path(report)) as temporary:
            temporary.write_text(page(result, before, now), encoding="utf-8")
    return result


def _half(values: Any) -> Any:
    """Round values as the reference does; otherwise its rounding would be a difference."""
    return values.astype("float16").astype("float32")


def _images(window: Path) -> tuple[Iterator[tuple[str, bytes | Path]], int]:
    """Return names and images of a folder or of a labelled source, and how many of the latter cannot be read."""
    from tellapart.core.image_files import image_files
    from tellapart.data.opening import open_catalog

    if window.is_dir():
        files = image_files(window)
        if files:
            return ((str(file), file) for file in files), 0
        if not any(window.glob("*.parquet")):
            raise ConfigError(f"{window}: no image in this folder")
    catalog = open_catalog(window, progress=True)
    names, rows = catalog.column("file"), catalog.rows()
    return ((names[row], data) for row, data in catalog.read(rows)), len(catalog) - len(rows)
