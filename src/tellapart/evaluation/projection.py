"""Features → places in a plane, by t-SNE or UMAP; later images can be placed on an older map."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import ConfigError
from tellapart.core.own_commands import install_command
from tellapart.core.parallel import cpu_count

FEWEST = 8  # images
PERPLEXITY = 30.0  # about how many neighbours count; of few images fewer
LATER_PERPLEXITY = 5.0  # of an image that is placed later; small, as only its neighbours count (Poličar et al. 2019)

Floats = npt.NDArray[np.float32]


def project(
    points: Floats, method: Literal["tsne", "umap"], *, perplexity: float | None = None, seed: int = 0
) -> Floats:
    """Return places in a plane, N, 2.

    Args:
        points: N, A.
        method: t-SNE (van der Maaten & Hinton 2008; interpolated as Linderman et al. 2019) or UMAP (McInnes et al.
            2018).
        perplexity: about how many neighbours count. UMAP: the number of neighbours.
        seed: the same seed gives the same places.

    Raises:
        ConfigError: too few points, or a perplexity out of its range.
    """
    check_perplexity(len(points), perplexity)
    if not np.ptp(points, axis=0).any():
        raise ConfigError(f"all {len(points):,} images look the same to this network; there is nothing to map")
    if method == "umap":
        return _umap(points, int(_perplexity(len(points), perplexity or 15.0)), seed)
    from openTSNE import TSNE
    from openTSNE.initialization import pca

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its libraries' advice to their developers
        fitted = TSNE(random_state=seed, n_jobs=cpu_count()).fit(
            affinities=_affinities(points, _perplexity(len(points), perplexity), seed),
            initialization=pca(points, random_state=seed),
        )
    return np.asarray(fitted, np.float32)


def project_later(
    points: Floats, old: Floats, old_places: Floats, *, perplexity: float | None = None, seed: int = 0
) -> Floats:
    """Return the places of later points on a t-SNE map, M, 2; the old places stay (Poličar et al. 2019).

    Args:
        points: M, A.
        old: N, A; the points of the map.
        old_places: N, 2.
        perplexity: of the map.
        seed: of the method.
    """
    from openTSNE import TSNEEmbedding

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        affinities = _affinities(old, _perplexity(len(old), perplexity), seed)
        embedding = TSNEEmbedding(np.asarray(old_places, np.float64), affinities, random_state=seed, n_jobs=cpu_count())
        places = embedding.transform(points, perplexity=min(LATER_PERPLEXITY, (len(old) - 1) / 3))
    # `transform` moves the old places so that their middle is the origin; ours stay where they were.
    middle = (old_places.max(axis=0) + old_places.min(axis=0)) / 2
    return np.asarray(places + middle, np.float32)


def check_method(method: str) -> None:
    """Check that there is such a method, and that its library is installed.

    Raises:
        ConfigError: one of the two is not so.
    """
    if method not in ("tsne", "umap"):
        raise ConfigError(f"method {method!r}: give tsne or umap")
    needed = {"tsne": "openTSNE", "umap": "umap"}[method]
    if find_spec(needed) is None:
        extra = {"tsne": "map", "umap": "umap"}[method]
        raise ConfigError(f"method {method}: {needed} is not installed; {install_command(extra)}")


def check_perplexity(n: int, perplexity: float | None) -> None:
    """Check that so many images can be placed with this perplexity.

    Raises:
        ConfigError: they cannot.
    """
    if n < FEWEST:
        raise ConfigError(f"{n} images: a map needs at least {FEWEST}")
    if perplexity is not None and not 1 < perplexity <= (n - 1) / 3:
        raise ConfigError(f"perplexity {perplexity:g}: give more than 1 and up to a third of the {n:,} images")


def _perplexity(n: int, perplexity: float | None) -> float:
    return min(perplexity or PERPLEXITY, (n - 1) / 3)


def _affinities(points: Floats, perplexity: float, seed: int) -> Any:
    from openTSNE.affinity import PerplexityBasedNN

    how = "exact" if len(points) < 2000 else "annoy"
    return PerplexityBasedNN(points, perplexity=perplexity, method=how, n_jobs=cpu_count(), random_state=seed)


def _umap(points: Floats, neighbours: int, seed: int) -> Floats:
    import umap

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = umap.UMAP(n_neighbors=max(2, neighbours), random_state=seed, n_jobs=1).fit_transform(points)
    return np.asarray(fitted, np.float32)
