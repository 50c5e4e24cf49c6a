"""The map of a set: each image a dot, alike ones near each other, as a network sees them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from tellapart.core.errors import ConfigError
from tellapart.core.tasks import check_task
from tellapart.data.source_options import LabelOptions

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tellapart.data.catalog import Catalog
    from tellapart.evaluation.embedding_map import EmbeddingMap
    from tellapart.evaluation.feature_extraction import FeatureExtractor, Floats

Method = Literal["tsne", "umap"]
METHOD_NAMES: dict[Method, str] = {"tsne": "t-SNE", "umap": "UMAP"}
THUMBNAIL = 32  # px
LARGE_THUMBNAIL = 64  # px
MAX_LARGE = 8192  # images that a map may have and still show large thumbnails


class MapResult(TypedDict):
    """What `map` answers: the files written, and how many images of the data are on the map."""

    page: str
    picture: str
    map: str
    n: int


def map(  # noqa: A001
    model: str | Path,
    data: str | Path | Catalog,
    *,
    out: str | Path,
    method: Method = "tsne",
    colour: Literal["label", "group", "split"] | None = None,
    split: str | None = None,
    perplexity: float | None = None,
    on: str | Path | None = None,
    seed: int = 0,
    coarse_labels: str | Path | None = None,
    **options: Unpack[LabelOptions],
) -> MapResult:
    """Draw the map of a set: a page, a picture, and a file on which later images find their place.

    Args:
        model: a run, a bundle, or a timm backbone by its name with ImageNet weights, for a map without any training.
        data: any source, or a catalog.
        out: the page, ``.html``; beside it lie the same as ``.png`` and the map as ``.parquet``.
        method: t-SNE, or UMAP where it is installed.
        colour: what colours say; by default the groups where there are any, else the labels; of texts how long they
            are.
        split: train, val, test: only these images.
        perplexity: about how many neighbours count.
        on: an older map's ``.parquet``, on which these images are placed; nothing else of it moves.
        seed: of the method.
        coarse_labels: YAML file, group → list of classes.
        options: how to read the data, see `tellapart.data.opening.open_catalog`.

    Returns:
        ``page``, ``picture``, ``map`` (files) and ``n``.

    Raises:
        ConfigError: too few images, or a map of another network.
        BundleError: no bundle, or one of an earlier version, without features.
        CatalogError: data that cannot be used.

    Example:
        tellapart.map("runs/photos", "photos", out="map.html")
    """
    from tellapart.core.files import check_target
    from tellapart.core.progress import log
    from tellapart.data.opening import check_source, open_catalog
    from tellapart.evaluation.feature_extraction import extract_features
    from tellapart.evaluation.projection import check_method
    from tellapart.pipelines.feature_extractor import feature_extractor

    out = Path(out)
    check_target(out, ".html", ".htm")
    check_method(method)
    check_source(data, coarse_labels)
    _check_neighbours(out, on)
    extractor = feature_extractor(model)
    check_task(extractor.task or "classify", model, "map")
    catalog = open_catalog(data, task=extractor.task, coarse_labels=coarse_labels, progress=True, **options)
    check_task(catalog.task, catalog.source, "map")
    rows = catalog.rows(split)
    old = _open_old(on, catalog, rows, method, perplexity, extractor)
    values, names = _coloured(catalog, colour), catalog.column("file")
    files, labels = [names[row] for row in rows], [values[row] for row in rows]
    features = extract_features(extractor, catalog, rows)
    log(f"placing {len(rows):,} images")
    if old is None:
        about = {
            "network": extractor.name,
            "method": method,
            "perplexity": perplexity,
            "seed": seed,
            "data": catalog.fingerprint,
        }
        atlas = _new_map(files, labels, features, about)
    else:
        atlas = _extend(old, files, labels, features, seed)
    atlas.write(out.with_suffix(".parquet"))
    _draw(out, atlas, catalog, rows, model, METHOD_NAMES[method])
    return {
        "page": str(out),
        "picture": str(out.with_suffix(".png")),
        "map": str(out.with_suffix(".parquet")),
        "n": len(rows),
    }


def _open_old(
    on: str | Path | None,
    catalog: Catalog,
    rows: list[int],
    method: str,
    perplexity: float | None,
    extractor: FeatureExtractor,
) -> EmbeddingMap | None:
    """The map on which the rows are placed, or None for a new one.

    Raises:
        ConfigError: too few images for a new map, none for an old one, or a map that cannot take these.
    """
    from tellapart.evaluation.embedding_map import EmbeddingMap
    from tellapart.evaluation.projection import check_perplexity

    if on is None:
        check_perplexity(len(rows), perplexity)
        return None
    old = EmbeddingMap.open(on)
    if method != "tsne" or old.about["method"] != "tsne":
        raise ConfigError("on: only a map of t-SNE can take later images")
    if not rows:
        raise ConfigError(f"{catalog.source}: no image to place")
    if old.about["network"] != extractor.name:
        raise ConfigError(f"{on}: a map of another network ({old.about['network']}); this one is {extractor.name}")
    return old


def _new_map(files: list[str], labels: list[str], features: Floats, about: dict[str, Any]) -> EmbeddingMap:
    """A map of features N, F by the method, perplexity and seed of ``about``."""
    from tellapart.evaluation.embedding_map import EmbeddingMap
    from tellapart.evaluation.projection import project
    from tellapart.metrics.pca import PCA

    reduction = PCA.of(features)
    points = reduction(features)
    places = project(points, about["method"], perplexity=about["perplexity"], seed=about["seed"])
    return EmbeddingMap(files, labels, points, places, reduction, about)


def _extend(old: EmbeddingMap, files: list[str], labels: list[str], features: Floats, seed: int) -> EmbeddingMap:
    """The old map with later images behind its own, whose places stay."""
    import numpy as np

    from tellapart.evaluation.embedding_map import EmbeddingMap
    from tellapart.evaluation.projection import project_later

    points = old.reduction(features)
    places = project_later(points, old.points, old.places, perplexity=old.about["perplexity"], seed=seed)
    return EmbeddingMap(
        [*old.files, *files],
        [*old.labels, *labels],
        np.concatenate([old.points, points]),
        np.concatenate([old.places, places]),
        old.reduction,
        old.about,
    )


def _draw(out: Path, atlas: EmbeddingMap, catalog: Catalog, rows: list[int], model: str | Path, method: str) -> None:
    """Write the picture and the page of a map whose last images are the rows of the catalog."""
    import numpy as np

    from tellapart.core.files import atomic_file
    from tellapart.evaluation.map_page import MapPoints, Thumbnails, page, sheets
    from tellapart.viz.embedding_png import draw_embedding
    from tellapart.viz.palette import class_colours

    n_old = len(atlas.files) - len(rows)
    is_new = [False] * n_old + [True] * len(rows) if n_old else ()
    colours = class_colours(sorted(set(atlas.labels)))
    title = f"Map of {Path(str(catalog.source)).name or 'data'}"
    heading = f"{title}\n{method}, {Path(str(model)).name}"
    draw_embedding(out.with_suffix(".png"), heading, atlas.places, atlas.labels, colours, is_new)
    notes = [
        f"{method} of the features of {model}. Near each other stands what the network finds alike; sizes and "
        "distances of clumps mean little."
    ]
    side = LARGE_THUMBNAIL if len(atlas.files) <= MAX_LARGE else THUMBNAIL
    blank = np.full((side, side, 3), 224, np.uint8)
    cells = chain([blank] * n_old, _thumbnails(catalog, rows, side))
    parts = [*[None] * n_old, *(catalog.column("split")[row] for row in rows)]
    points = MapPoints(atlas.places, atlas.files, atlas.labels, parts, is_new)
    text = page(title, points, colours, Thumbnails(sheets(cells, side), side), notes)
    with atomic_file(out) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _check_neighbours(out: Path, on: str | Path | None) -> None:
    """The picture and the map beside the page replace nothing but those of an older map, and the older one is there.

    Raises:
        ConfigError: they would, or it is not.
    """
    from tellapart.evaluation.embedding_map import EmbeddingMap

    atlas, picture = out.with_suffix(".parquet"), out.with_suffix(".png")
    if on is not None and atlas.resolve() == Path(on).resolve():
        raise ConfigError(f"{on}: the map that these images are placed on; name another --out, or it would be replaced")
    if on is not None:
        EmbeddingMap.open(on)
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
