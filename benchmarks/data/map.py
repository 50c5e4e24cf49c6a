"""A map of many points, ours beside scikit-learn's t-SNE: seconds, and how much of the neighbourhood is kept.

    python -m benchmarks map [--points 20000] [--classes 40]

The points lie like features of a network: 40 clouds of 64 dimensions, which overlap. Both get the same points, the same
perplexity and all cores. Trustworthiness (Venna & Kaski 2001; scikit-learn's own function, 12 neighbours, on 4,000 of
the points and their neighbours among these) is 1 where no two points are neighbours on the map that were none before.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
from sklearn.manifold import TSNE, trustworthiness

from tellapart.evaluation.projection import PERPLEXITY, project


def main() -> dict[str, Any]:
    """Measure and print; the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=20_000)
    parser.add_argument("--classes", type=int, default=40)
    given = parser.parse_args()
    dice = np.random.default_rng(0)
    centres = dice.normal(size=(given.classes, 64)) * 1.2
    which = dice.integers(given.classes, size=given.points)
    points = (centres[which] + dice.normal(size=(given.points, 64))).astype(np.float32)
    some = dice.permutation(given.points)[:4000]

    seconds, figures = [], {}
    for name in ("tellapart", "scikit-learn"):
        start = time.perf_counter()
        if name == "tellapart":
            found = project(points, "tsne")
        else:
            found = TSNE(perplexity=PERPLEXITY, random_state=0, n_jobs=-1).fit_transform(points)
        seconds.append(time.perf_counter() - start)
        kept = trustworthiness(points[some], found[some], n_neighbors=12)
        print(f"{name:<13} {seconds[-1]:7.1f} s   trustworthiness {kept:.4f}", flush=True)
        figures[name] = {"seconds": seconds[-1], "trustworthiness": float(kept)}
    print(f"{seconds[1] / seconds[0]:.2f} times scikit-learn's speed, {given.points:,} points")
    return figures | {"points": given.points, "ratio": seconds[1] / seconds[0]}
