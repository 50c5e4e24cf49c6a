"""The map of a set: each image a dot, alike ones near each other, as a network sees them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tellapart.core.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tellapart.data.catalog import Catalog

THUMBNAIL = 32  # px; of few images larger
LARGE = 64
FEW = 8192  # images that get large thumbnails


def map(  # noqa: A001
    model: str | Path,
    data: str | Path | Catalog,
    *,
    out: str | Path,
    method: Literal["tsne", "umap"] = "tsne",
    colour: Literal["label", "group", "split"] | None = None,
    split: str | None = None,
    perplexity: float | None = None,
    on: str | Path | None = None,
    seed: int = 0,
    **options: Any,
) -> dict[str, Any]:
    """Draw the map of a set: a page, a picture, and a file on which later images find their place.

    Args:
        model: a run, a bundle, or a timm backbone by its name with ImageNet weights, for a map without any training.
        data: see `tellapart.data.opening.open_catalog`.
        out: the page, ``.html``; beside it lie the same as ``.png`` and the map as ``.parquet``.
        method: t-SNE, or UMAP where it is installed.
        colour: what colours say; by default the groups where there are any, else the labels; of texts how long they
            are.
        split: train, val, test: only these images.
        perplexity: about how many neighbours count.
        on: an older map's ``.parquet``, on which these images are placed; nothing else of it moves.
        options: how to read the data.

    Returns:
        ``page``, ``picture``, ``map`` (files) and ``n``.

    Raises:
        ConfigError: too few images, or a map of another network.
        BundleError: no bundle, or one of an earlier version, without features.
        CatalogError: data that cannot be used.
    """
    import numpy as np

    from tellapart.core.files import atomic_file, check_target
    from tellapart.core.progress import log
    from tellapart.data.opening import open_catalog
    from tellapart.evaluation.embedding_map import EmbeddingMap
    from tellapart.evaluation.features_of import extract_features
    from tellapart.evaluation.map_page import page, sheets
    from tellapart.evaluation.projection import check_method, check_perplexity, project, project_later
    from tellapart.metrics.pca import PCA
    from tellapart.pipelines.feature_extractor import feature_extractor
    from tellapart.viz.embedding_png import draw_embedding
    from tellapart.viz.palette import class_colours

    out = Path(out)
    check_target(out, ".html", ".htm")
    check_method(method)
    _check_neighbours(out, on)
    look = feature_extractor(model)
    catalog = open_catalog(data, task=look.task, progress=True, **options)
    rows = catalog.rows(split)
    old = EmbeddingMap.open(on) if on is not None else None
    if old is None:
        check_perplexity(len(rows), perplexity)
    elif method != "tsne" or old.about["method"] != "tsne":
        raise ConfigError("on: only a map of t-SNE can take later images")
    elif not rows:
        raise ConfigError(f"{catalog.source}: no image to place")
    if old is not None and old.about["network"] != look.name:
        raise ConfigError(f"{on}: a map of another network ({old.about['network']}); this one is {look.name}")
    what = _coloured(catalog, colour)
    files, labels = [catalog.column("file")[row] for row in rows], [what[row] for row in rows]
    parts = [catalog.column("split")[row] for row in rows]
    features = extract_features(look, catalog, rows)
    log(f"placing {len(rows):,} images")
    if old is None:
        reduction = PCA.of(features)
        points = reduction(features)
        at = project(points, method, perplexity=perplexity, seed=seed)
        new = [False] * len(rows)
    else:
        reduction, own = old.reduction, old.reduction(features)
        before = project_later(own, old.points, old.places, perplexity=old.about["perplexity"], seed=seed)
        points, at = np.concatenate([old.points, own]), np.concatenate([old.places, before])
        new = [False] * len(old.files) + [True] * len(rows)
        files, labels, parts = [*old.files, *files], [*old.labels, *labels], [*[None] * len(old.files), *parts]
    about = {
        "network": look.name,
        "method": method,
        "perplexity": perplexity,
        "seed": seed,
        "data": catalog.fingerprint,
    }
    atlas = EmbeddingMap(files, labels, points, at, reduction, about if old is None else old.about)
    atlas.write(out.with_suffix(".parquet"))
    chosen = class_colours(sorted(set(labels)))
    title = f"Map of {Path(str(catalog.source)).name or 'data'}"
    how = {"tsne": "t-SNE", "umap": "UMAP"}[method]
    notes = [
        f"{how} of the features of {model}. Near each other stands what the network finds alike; sizes and distances "
        "of clumps mean little."
    ]
    draw_embedding(
        out.with_suffix(".png"), f"{title}\n{how}, {Path(str(model)).name}", at, labels, chosen, new if old else ()
    )
    side = LARGE if len(files) <= FEW else THUMBNAIL
    thumbnails = _thumbnails(catalog, rows, side)
    blank = np.full((side, side, 3), 224, np.uint8)
    cells = chain([blank] * (len(files) - len(rows)), thumbnails)
    text = page(title, at, files, labels, parts, chosen, sheets(cells, side), side, notes, new if old else ())
    with atomic_file(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return {
        "page": str(out),
        "picture": str(out.with_suffix(".png")),
        "map": str(out.with_suffix(".parquet")),
        "n": len(rows),
    }


def _check_neighbours(out: Path, on: str | Path | None) -> None:
    """The picture and the map beside the page replace nothing but those of an older map.

    Raises:
        ConfigError: they would.
    """
    from tellapart.evaluation.embedding_map import EmbeddingMap

    atlas, picture = out.with_suffix(".parquet"), out.with_suffix(".png")
    if on is not None and atlas.resolve() == Path(on).resolve():
        raise ConfigError(f"{on}: the map that these images are placed on; name another --out, or it would be replaced")
    if atlas.exists():
        try:
            EmbeddingMap.open(atlas)
        except ConfigError as error:
            raise ConfigError(f"{atlas}: there already and not a map; name another --out") from error
    elif picture.exists():
        raise ConfigError(f"{picture}: there already and not of a map; name another --out")


def _coloured(catalog: Catalog, colour: str | None) -> list[str]:
    """What each row's colour stands for."""
    if colour not in (None, "label", "group", "split"):
        raise ConfigError(f"colour {colour!r}: give label, group or split")
    if colour == "group" and not catalog.groups:
        raise ConfigError("colour group: the data has no groups; name them with --coarse-labels")
    if colour == "split":
        return [part or "no part" for part in catalog.column("split")]
    label = catalog.column("label")
    if catalog.task == "read" and colour is None:  # a colour for each text would tell nothing
        return [f"{len(text)} characters" for text in label]
    if colour == "label" or not catalog.groups:
        return list(label)
    return [catalog.groups.get(each, each) for each in label]


def _thumbnails(catalog: Catalog, rows: list[int], side: int) -> Iterator[npt.NDArray[np.uint8]]:
    """``uint8`` side, side, 3 of each row, in the middle of a white square, in the order of the rows."""
    import numpy as np
    from PIL import Image

    from tellapart.core.image_io import decode
    from tellapart.core.parallel import map_threads

    def make(item: tuple[int, bytes]) -> tuple[int, npt.NDArray[np.uint8]]:
        row, data = item
        image = Image.fromarray(decode(data, at_least=side))
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        square = Image.new("RGB", (side, side), "white")
        square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        return row, np.asarray(square)

    made = dict(map_threads(make, catalog.read(rows)))
    for row in rows:
        yield made.pop(row)
