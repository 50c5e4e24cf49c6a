"""The split: shares, strata, repeatability, and that nothing which belongs together is ever parted."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from tellapart.core.errors import CatalogError, ConfigError
from tellapart.data.catalog import SCHEMA, SPLITS, Catalog
from tellapart.data.duplicates.hashing import connected_components
from tellapart.data.opening import open_catalog
from tellapart.data.split import FRACTIONS, near_duplicates, split


def made(labels, *, task="classify", digests=None, size=1000, **columns):
    """A catalog without files; each row has bytes of its own, unless said, and a hash far from any other's."""
    n = len(labels)
    digests = [str(row) for row in range(n)] if digests is None else digests
    shas = [hashlib.sha256(str(digest).encode()).hexdigest() for digest in digests]
    values = {
        "file": [f"{row}.png" for row in range(n)],
        "label": [str(label) for label in labels],
        "keep": [True] * n,
        "width": [size] * n,
        "height": [size] * n,
        "sha256": shas,
        "pixels": shas,
        "hash": [hashlib.sha256(sha.encode()).digest()[:16] for sha in shas],
    }
    values = {name: columns.get(name, values.get(name, [None] * n)) for name in SCHEMA.names}
    return Catalog(pa.table(values, schema=SCHEMA), Path("nowhere"), task, "here")


def parts(catalog):
    """Split → how many rows."""
    return Counter(catalog.column("split"))


def by_bytes(catalog):
    return dict(zip(catalog.column("sha256"), catalog.column("split"), strict=True))


def crossing(catalog, keys):
    """The keys whose rows stand in more than one part."""
    seen = defaultdict(set)
    for key, part, keep in zip(keys, catalog.column("split"), catalog.column("keep"), strict=True):
        if key is not None and keep:
            seen[key].add(part)
    return [key for key, where in seen.items() if len(where) > 1]


# --- shares


def test_balanced_data_is_split_70_15_15_in_every_class():
    result = split(made([row % 5 for row in range(500)]))
    assert parts(result) == {"train": 350, "val": 75, "test": 75}
    for label in result.labels:
        rows = [row for row, each in enumerate(result.column("label")) if each == label]
        assert Counter(result.column("split")[row] for row in rows) == {"train": 70, "val": 15, "test": 15}
    assert result.notes == ()
    assert result.meta == {"split": {"seed": 0, "fractions": [0.7, 0.15, 0.15]}}


@settings(max_examples=50)
@given(counts=st.lists(st.integers(3, 60), min_size=1, max_size=4), seed=st.integers(0, 9))
def test_every_class_has_its_shares_within_one_image(counts, seed):
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    result = split(made(labels), seed=seed)
    for label, count in enumerate(counts):
        got = Counter(
            part
            for part, each in zip(result.column("split"), result.column("label"), strict=True)
            if each == str(label)
        )
        for part, share in zip(SPLITS, FRACTIONS, strict=True):
            assert got[part] >= 1
            # Of three images each part has one, which is as near as can be.
            assert abs(got[part] - share * count) <= (1 if count > 3 else 1.2)


def test_a_reading_set_is_one_stratum():
    result = split(made([str(row) for row in range(100)], task="read"))
    assert parts(result) == {"train": 70, "val": 15, "test": 15}


@pytest.mark.parametrize(
    ("fractions", "expected"),
    [
        ((0.5, 0.25, 0.25), {"train": 50, "val": 25, "test": 25}),
        ((0.8, 0.2, 0), {"train": 80, "val": 20}),
        ((0.9, 0, 0.1), {"train": 90, "test": 10}),
        ((1, 0, 0), {"train": 100}),
    ],
)
def test_other_shares(fractions, expected):
    result = split(made([0] * 100), fractions=fractions)
    assert parts(result) == expected
    assert result.meta["split"]["fractions"] == list(fractions)


def test_a_test_part_that_was_not_wanted_is_not_taken_from_train_later():
    assert parts(split(split(made([0] * 100), fractions=(0.8, 0.2, 0)))) == {"train": 80, "val": 20}
    assert parts(split(split(made([0] * 100), fractions=(1, 0, 0)))) == {"train": 85, "val": 15}
    assert parts(split(made([0] * 100, split=["train"] * 80 + ["val"] * 20)))["test"] > 0


@pytest.mark.parametrize("fractions", [(0.7, 0.3), (0.7, 0.2, 0.2), (1.1, -0.1, 0), (0, 0.5, 0.5), ()])
def test_shares_that_are_none(refuses, fractions):
    with refuses(ConfigError, f"fractions {fractions}: give three shares for train, val and test that sum to 1"):
        split(made([0] * 10), fractions=fractions)


# --- repeatable


def test_the_same_seed_gives_the_same_split_and_another_seed_another():
    data = made([row % 3 for row in range(90)])
    first = split(data, seed=1)
    assert first.column("split") == split(data, seed=1).column("split")
    others = [tuple(split(data, seed=seed).column("split")) for seed in range(8)]
    assert len(set(others)) == 8
    assert all(parts(split(data, seed=seed)) == parts(first) for seed in range(8))


def test_over_seeds_every_image_is_tested():
    data = made([0] * 40)
    tested = Counter(row for seed in range(120) for row in split(data, seed=seed).rows("test"))
    assert set(tested) == set(range(40))
    assert max(tested.values()) < 40, "each is expected 18 times"


def test_order_and_names_change_nothing():
    data = made([row % 3 for row in range(90)], digests=[row // 2 for row in range(90)])
    order = np.random.default_rng(0).permutation(90)
    names = pa.array([f"other {row}.jpg" for row in range(90)])
    table = data.table.take(order).set_column(0, SCHEMA.field(0), names)
    shuffled = Catalog(table, Path("elsewhere"), "classify", "there")
    assert by_bytes(split(shuffled, seed=4)) == by_bytes(split(data, seed=4))


def test_another_class_changes_nothing_for_the_others():
    labels = [row % 3 for row in range(90)]
    before, after = by_bytes(split(made(labels))), by_bytes(split(made([*labels, *["new"] * 10])))
    assert {digest: after[digest] for digest in before} == before


def test_rows_that_are_not_kept_stand_nowhere():
    keep = [row % 4 > 0 for row in range(80)]
    sizes = [64 if kept else None for kept in keep]
    result = split(made([0] * 80, keep=keep, width=sizes, height=sizes, split=["train"] * 80))
    assert [part is not None for part in result.column("split")] == keep
    assert sum(parts(result)[part] for part in SPLITS) == 60


# --- what belongs together


@settings(max_examples=100)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 30), st.none() | st.sampled_from("abcdef"), st.booleans()),
        min_size=12, max_size=80,
    ),
    seed=st.integers(0, 3),
)  # fmt: skip
def test_copies_and_what_is_bound_together_never_cross(rows, seed):
    labels, digests, bound, keep = zip(*rows, strict=True)
    data = made(labels, digests=digests, together=list(bound), keep=list(keep))
    try:
        result = split(data, seed=seed)
    except CatalogError as error:
        assume("cannot be split" not in str(error))
        raise
    assert crossing(result, digests) == []
    assert crossing(result, bound) == []
    assert [part is not None for part in result.column("split")] == list(keep)


def test_chains_of_what_belongs_together_move_as_one():
    # 0-1 by bytes, 1-2 by site, 2-3 by bytes: one cluster
    data = made([0] * 24, digests=["a", "a", "b", "b", *range(20)], together=[None, "s", "s", None, *[None] * 20])
    for seed in range(10):
        result = split(data, seed=seed)
        assert len(set(result.column("split")[:4])) == 1
    assert result.notes == ("4 images are duplicates or near-duplicates in 1 groups; none crosses a split",)


def test_the_largest_cluster_goes_to_train():
    data = made([0] * 40, together=["big"] * 20 + [None] * 20)
    for seed in range(5):
        result = split(data, seed=seed)
        assert set(result.column("split")[:20]) == {"train"}
        assert parts(result) == {"train": 28, "val": 6, "test": 6}


# --- near-duplicates, on pictures


def copy_of(draw, encode, seed, kind):
    """A picture as somebody else would have it, and how its file would end."""
    image = Image.fromarray(draw(seed, 160, 120))
    if kind == "half":
        return encode(image.resize((80, 60), Image.Resampling.LANCZOS)), "png"
    if kind == "larger":
        return encode(image.resize((231, 173), Image.Resampling.BICUBIC)), "png"
    if kind == "jpeg":
        return encode(image, "JPEG", quality=50), "jpg"
    if kind == "webp":
        return encode(image.resize((120, 90)), "WEBP", quality=60), "webp"
    if kind == "grey":
        return encode(image.convert("L")), "png"
    if kind == "brighter":
        return encode(image.point(lambda value: min(value + 40, 255))), "png"
    if kind == "mirrored":
        return encode(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)), "png"
    if kind == "turned":
        return encode(image.rotate(5, Image.Resampling.BICUBIC, fillcolor="white")), "png"
    if kind == "cropped":
        return encode(image.crop((5, 4, 155, 114))), "png"
    return encode(image), "png"


KINDS = ("same", "half", "larger", "jpeg", "webp", "grey", "brighter", "mirrored", "turned", "cropped")


@pytest.fixture(scope="module")
def copies(draw, encode):
    return {(seed, kind): copy_of(draw, encode, seed, kind) for seed in range(8) for kind in KINDS}


def written(root, copies, chosen, label=lambda n: "x"):
    root.mkdir(parents=True, exist_ok=True)
    for n, key in enumerate(chosen):
        data, ending = copies[key]
        (root / f"{label(n)}_{n:03}.{ending}").write_bytes(data)
    return open_catalog(root, task="classify")


def seeds_of(data, chosen):
    return [chosen[int(file.split("_")[1][:3])][0] for file in data.column("file")]


@settings(max_examples=30)
@given(
    chosen=st.lists(st.tuples(st.integers(0, 7), st.sampled_from(KINDS)), min_size=8, max_size=16).filter(
        lambda keys: len({seed for seed, _ in keys}) >= 3
    ),
    labels=st.integers(1, 3),
    seed=st.integers(0, 3),
)
def test_near_duplicates_never_cross(tmp_path_factory, copies, chosen, labels, seed):
    root = tmp_path_factory.mktemp("set")
    chosen = [*chosen, *((number, "same") for number in sorted({number for number, _ in chosen}))]
    data = written(root, copies, chosen, lambda n: "abc"[n % labels])
    result = split(data, seed=seed)
    pictures = seeds_of(data, chosen)
    assert crossing(result, pictures) == []
    pairs = near_duplicates(data, data.rows())
    assert {pictures[a] == pictures[b] for a, b in pairs} <= {True}
    several = sum(count for count in Counter(pictures).values() if count > 1)
    assert [note for note in result.notes if "duplicates" in note] == (
        [
            f"{several} images are duplicates or near-duplicates in "
            f"{sum(count > 1 for count in Counter(pictures).values())} groups; none crosses a split"
        ]
        if several
        else []
    )


def test_a_nearly_square_picture_is_found_again_when_it_is_square(tmp_path, draw, encode):
    for n, size in enumerate(((400, 397), (397, 400), (100, 100), (50, 50))):
        (tmp_path / f"x_{n}.png").write_bytes(encode(Image.fromarray(draw(0, 400, 400)).resize(size)))
    data = open_catalog(tmp_path)
    assert near_duplicates(data, data.rows()) == list(combinations(range(4), 2))


def test_a_tall_picture_is_no_copy_of_a_wide_one(tmp_path, draw, encode):
    for n, size in enumerate(((200, 90), (90, 200))):
        (tmp_path / f"x_{n}.png").write_bytes(encode(Image.fromarray(draw(0, 200, 200)).resize(size)))
    data = open_catalog(tmp_path)
    assert near_duplicates(data, data.rows()) == []


def test_pictures_that_only_hash_alike_are_apart(tmp_path, encode):
    steps = np.arange(9).repeat(20)[None, :].repeat(160, axis=0)
    steep, flat = (steps * 28).astype(np.uint8), (steps * 3 + 100).astype(np.uint8)
    for n, grey in enumerate((steep, flat)):
        (tmp_path / f"x_{n}.png").write_bytes(encode(grey))
    data = open_catalog(tmp_path)
    assert data.column("hash")[0] == data.column("hash")[1]
    assert near_duplicates(data, data.rows()) == []


def test_in_a_reading_set_different_texts_are_never_joined(tmp_path, draw, encode):
    """Pictures of one scheme hash alike; what tells them apart is the text."""
    image = Image.fromarray(draw(0, 160, 60))
    for n in range(6):
        for text in ("ab", "cd"):
            marked = image.copy()
            marked.putpixel((n, 0 if text == "ab" else 1), (255, 0, 0))
            (tmp_path / f"{text}.{n}.png").write_bytes(encode(marked))
    reading = open_catalog(tmp_path, task="read")
    assert len(set(reading.column("hash"))) == 1
    assert len(set(reading.column("sha256"))) == 12
    texts = reading.column("label")
    pairs = near_duplicates(reading, reading.rows())
    assert pairs == [(a, b) for a, b in combinations(range(12), 2) if texts[a] == texts[b]]
    classes = open_catalog(tmp_path, task="classify", label_from="text")
    assert connected_components(near_duplicates(classes, classes.rows())) == [list(range(12))]


def test_a_reading_set_of_lookalikes_can_be_split(tmp_path, draw, encode):
    image = Image.fromarray(draw(0, 160, 60))
    for n in range(40):
        marked = image.copy()
        marked.putpixel((n, 0), (255, 0, 0))
        (tmp_path / f"t{n}.png").write_bytes(encode(marked))
    result = split(tmp_path, task="read")
    assert parts(result) == {"train": 28, "val": 6, "test": 6}
    assert result.notes == ()


def test_small_images_are_compared_by_their_bytes_alone(tmp_path, draw, encode):
    for n in range(10):
        pixels = draw(0, 39, 60).copy()
        pixels[n, 0] = 0
        (tmp_path / f"x_{n}.png").write_bytes(encode(pixels))
        (tmp_path / f"x_{n + 10}.png").write_bytes(encode(pixels))
    result = split(tmp_path)
    assert result.notes == (
        "20 images are under 40 px on a side: only their exact copies are kept together",
        "20 images are duplicates or near-duplicates in 10 groups; none crosses a split",
    )
    assert crossing(result, result.column("sha256")) == []


# --- a split that the data brings along


def test_a_whole_split_is_kept():
    given_parts = [("train", "val", "test")[row % 3] for row in range(30)]
    result = split(made([0] * 30, split=given_parts), seed=5)
    assert result.column("split") == given_parts


def test_a_test_set_alone_stays_one():
    assert parts(split(made([0] * 30, split=["test"] * 30))) == {"test": 30}


@pytest.mark.parametrize(("brought", "missing"), [("test", "val"), ("val", "test")])
def test_the_missing_part_is_taken_from_train_alone(brought, missing):
    given_parts = ["train"] * 120 + [brought] * 40
    result = split(made([row % 2 for row in range(160)], split=given_parts))
    assert result.column("split")[120:] == [brought] * 40
    for label in (0, 1):
        assert Counter(result.column("split")[label:120:2]) == {"train": 51, missing: 9}


def test_train_alone_is_split_as_if_nothing_was_said():
    labels = [row % 2 for row in range(80)]
    assert split(made(labels, split=["train"] * 80)).column("split") == split(made(labels)).column("split")


def test_rows_without_a_part_join_train_and_what_is_taken_from_it():
    result = split(made([0] * 100, split=["train"] * 40 + [None] * 40 + ["test"] * 20))
    assert parts(result)["test"] == 20
    assert parts(result)["train"] + parts(result)["val"] == 80
    assert 11 <= parts(result)["val"] <= 13


def test_split_folders_are_kept(tmp_path, fill):
    root = fill(
        tmp_path, [f"{part}/{label}/{n}.png" for part in ("train", "test") for label in "ab" for n in range(10)]
    )
    result = split(root)
    tested = [file for file, part in zip(result.column("file"), result.column("split"), strict=True) if part == "test"]
    assert sorted(tested) == sorted(f"test/{label}/{n}.png" for label in "ab" for n in range(10))
    assert 2 <= parts(result)["val"] <= 4


# --- few images


def test_tiny_classes_are_noted():
    result = split(made(["a"] * 20 + ["b"] * 2 + ["c"] + ["d"] * 3))
    assert result.notes == (
        "2 classes have fewer than 3 separate images and stand in train alone or in train and test: b, c",
    )
    where = defaultdict(list)
    for label, part in zip(result.column("label"), result.column("split"), strict=True):
        where[label].append(part)
    assert sorted(where["b"]) == ["test", "train"]
    assert where["c"] == ["train"]
    assert sorted(where["d"]) == ["test", "train", "val"]


def test_a_class_of_copies_is_tiny():
    result = split(made(["a"] * 20 + ["b"] * 9, digests=[*range(20), *["same"] * 9]))
    assert result.notes[-1].startswith("1 class has fewer than 3 separate images and stands in")
    assert set(result.column("split")[20:]) == {"train"}


@pytest.mark.parametrize(
    ("count", "data"),
    [
        (2, {"labels": "ab"}),
        (1, {"labels": "abab", "digests": [0, 0, 0, 0]}),
        (0, {"labels": "ab", "keep": [False] * 2}),
    ],
)
def test_too_few_images_cannot_be_split(refuses, count, data):
    with refuses(
        CatalogError,
        f"here: {count} separate images (duplicates counted once) cannot be split into train, val and test; at least 3 "
        "are needed, and some tens a class to learn anything",
    ):
        split(made(**data))


# --- from a source to a file


def test_a_source_is_split_and_written_and_stays_as_it_was(class_folders, tmp_path, tree):
    before = tree(class_folders)
    result = split(class_folders, out=tmp_path / "s.parquet", seed=3)
    assert tree(class_folders) == before
    again = open_catalog(tmp_path / "s.parquet")
    assert again.column("split") == result.column("split")
    assert again.meta == {"split": {"seed": 3, "fractions": [0.7, 0.15, 0.15]}}
    assert split(again, seed=9).column("split") == result.column("split"), "a split once made is kept"
    assert all({"train", "val", "test"} == {
        part for part, each in zip(result.column("split"), result.column("label"), strict=True) if each == label
    } for label in result.labels)  # fmt: skip


# --- several labels an image -----------------------------------------------------------------------


def test_every_tag_stands_in_every_part_by_its_share():
    sets = [("a|b", "a", "b", "a|c", "|")[row % 5] for row in range(200)]
    catalog = split(made(sets, task="tag"))
    for tag, whole in (("a", 120), ("b", 80), ("c", 40)):
        counts = Counter(
            part
            for label, part in zip(catalog.column("label"), catalog.column("split"), strict=True)
            if tag in label.split("|")
        )
        for part, share in zip(SPLITS, FRACTIONS, strict=True):
            assert abs(counts[part] - share * whole) <= 1.5
    assert catalog.notes == ()


def test_copies_of_tagged_images_stay_together_and_rare_tags_are_said():
    labels = ["a"] * 30 + ["a|rare", "a|b", "a|b"]
    catalog = split(made(labels, task="tag", digests=[*range(30), 30, 31, 31]))
    assert catalog.column("split")[31] == catalog.column("split")[32]
    assert "2 tags have fewer than 3 separate images, so that a part is without them: b, rare" in catalog.notes


def test_another_seed_gives_another_split_of_tags_and_the_same_the_same():
    catalog = made([("a|b", "a", "b")[row % 3] for row in range(60)], task="tag")
    one, again, other = (split(catalog, seed=seed).column("split") for seed in (0, 0, 1))
    assert one == again != other
