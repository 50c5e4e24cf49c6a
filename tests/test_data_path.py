"""From any layout to a split that no copy crosses: the promises that everything after stands on."""

from __future__ import annotations

import io
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tellapart.catalog import open_catalog
from tellapart.config import Stage, TrainConfig, make_config
from tellapart.errors import CatalogError, ConfigError
from tellapart.plan import plan, scale_epochs
from tellapart.preprocess import Preprocess
from tellapart.split import split


def labels_of(catalog):
    return dict(zip(catalog.column("file"), catalog.column("label"), strict=True))


# --- layouts ---------------------------------------------------------------------------------------


def test_class_folders(class_folders, tree):
    before = tree(class_folders)
    catalog = open_catalog(class_folders)
    assert labels_of(catalog)["cat/0.png"] == "cat"
    assert (len(catalog), catalog.labels, catalog.task) == (12, ("cat", "cup", "dog"), "classify")
    assert tree(class_folders) == before


def test_group_and_split_folders(tmp_path, fill):
    fill(tmp_path / "a", ["animal/cat/1.png", "animal/dog/1.png", "object/cup/1.png"])
    assert open_catalog(tmp_path / "a").groups == {"cat": "animal", "cup": "object", "dog": "animal"}
    fill(tmp_path / "b", [f"{part}/{label}/{n}.png" for part in ("train", "test") for label in "xy" for n in range(9)])
    given_split = open_catalog(tmp_path / "b")
    assert set(given_split.column("split")) == {"train", "test"}
    made = split(given_split)
    moved = {(a, b) for a, b in zip(given_split.column("split"), made.column("split"), strict=True) if a != b}
    assert moved == {("train", "val")}


def test_names_carry_labels(tmp_path, fill):
    fill(tmp_path, ["dog_01.jpg", "2_10067.png", "grand_piano_7.png", "cup (3).png"])
    assert sorted(open_catalog(tmp_path, task="classify").column("label")) == ["2", "cup", "dog", "grand_piano"]


def test_texts_in_names_stay_text(tmp_path, fill):
    fill(tmp_path, ["0042.png", "0042.1.png", "ab3kz.png"])
    assert sorted(open_catalog(tmp_path, task="read").column("label")) == ["0042", "0042", "ab3kz"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.csv", "file,label\na.png,0042\nb.png,no\n"),
        ("labels.csv", "\ufefffile;label\na.png;0042\nb.png;no\n"),
        ("labels.tsv", "image\ttext\na.png\t0042\nb.png\tno\n"),
        ("metadata.jsonl", '{"file_name": "a.png", "label": "0042"}\n{"file_name": "b.png", "label": "no"}\n'),
    ],
)
def test_tables(tmp_path, fill, name, text):
    fill(tmp_path, ["a.png", "b.png"])
    (tmp_path / name).write_text(text, encoding="utf-8")
    for data in (tmp_path, tmp_path / name):
        assert labels_of(open_catalog(data)) == {"a.png": "0042", "b.png": "no"}


def test_shards_give_the_right_bytes_in_any_order(tmp_path, draw, encode):
    pictures = [encode(draw(number)) for number in range(10)]
    for shard in range(2):
        part = pictures[shard * 5 : shard * 5 + 5]
        table = pa.table({"image": [{"bytes": data, "path": None} for data in part], "label": [0, 1, 0, 1, 0]})
        features = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(features)})
        pq.write_table(table, tmp_path / f"{shard}.parquet", row_group_size=2)
    for data in (tmp_path, tmp_path / "*.parquet"):
        catalog = open_catalog(data)
        assert catalog.labels == ("cat", "dog")
        assert dict(catalog.read([7, 0, 9, 3])) == {row: pictures[row] for row in (7, 0, 9, 3)}


def test_a_catalog_opens_again_where_both_were_moved(tmp_path, fill):
    fill(tmp_path / "old" / "set", [f"{label}/{n}.png" for label in "ab" for n in range(3)])
    open_catalog(tmp_path / "old" / "set").write(tmp_path / "old" / "data.parquet")
    shutil.move(tmp_path / "old", tmp_path / "new")
    again = open_catalog(tmp_path / "new" / "data.parquet")
    assert len(list(again.read(range(6)))) == 6


def test_what_cannot_be_used_is_counted_and_named(class_folders):
    (class_folders / "cat" / "0.png").write_bytes(b"")
    (class_folders / "notes.txt").write_text("x")
    catalog = open_catalog(class_folders)
    assert catalog.notes == (
        "1 files are not images by name and were left out: 1 .txt",
        "1 images cannot be used and are left out: cat/0.png (unreadable: the file is empty)",
    )
    assert len(catalog.rows()) == 11


def test_bad_tables_are_refused(tmp_path, fill, refuses):
    fill(tmp_path, ["a.png", "b.png"])
    table = tmp_path / "labels.csv"

    def write(text):
        table.write_text(text)
        return table

    with refuses(CatalogError, f"{table}: row 3 (b.png) has an empty label; fill the 'label' column or drop the row"):
        open_catalog(write("file,label\na.png,x\nb.png,\n"))
    with refuses(CatalogError, f"{table}: 1 of 2 files are missing: c.png; paths are relative to {tmp_path}"):
        open_catalog(write("file,label\na.png,x\nc.png,y\n"))
    with refuses(CatalogError, f"{table}: a.png is labelled both 'x' and 'y'; keep one of the rows"):
        open_catalog(write("file,label\na.png,x\na.png,y\n"))
    with refuses(CatalogError, f"{table}: no label column; it has: what; name the right one with --label-column"):
        open_catalog(write("file,what\na.png,x\n"))
    assert open_catalog(write("file,label\na.png,x\na.png,x\nb.png,y\n")).notes == (
        "1 rows of labels.csv repeat another row and count once: a.png",
    )


def test_groups_name_the_class_at_fault(class_folders, tmp_path):
    def groups(text):
        (tmp_path / "groups.yaml").write_text(text)
        return {"data": class_folders, "groups": tmp_path / "groups.yaml"}

    assert set(open_catalog(**groups("animal: [cat, dog]\nobject: [cup]\n")).groups.values()) == {"animal", "object"}
    with pytest.raises(CatalogError, match="in no group: cup; every class belongs to exactly one"):
        open_catalog(**groups("animal: [cat, dog]\n"))
    with pytest.raises(CatalogError, match="in more than one group: cat; every class belongs to exactly one"):
        open_catalog(**groups("animal: [cat, dog]\nobject: [cup, cat]\n"))


def test_case_twins_are_noted(tmp_path, fill):
    fill(tmp_path, ["Cat/1.png", "cat/1.png", "dog/1.png"])
    assert "1 labels differ from another only in case: Cat/cat" in open_catalog(tmp_path).notes


# --- split -----------------------------------------------------------------------------------------


def test_shares_strata_and_seeds(tmp_path, fill):
    fill(tmp_path, [f"{label}/{n}.png" for label in "abc" for n in range(40)])
    one, two, other = split(tmp_path), split(tmp_path), split(tmp_path, seed=1)
    for label in "abc":
        parts = [part for part, mine in zip(one.column("split"), one.column("label"), strict=True) if mine == label]
        assert [parts.count(part) for part in ("train", "val", "test")] == [28, 6, 6]
    assert one.column("split") == two.column("split") != other.column("split")


def test_renaming_changes_nothing(tmp_path, fill):
    fill(tmp_path / "a", [f"{label}/{n}.png" for label in "ab" for n in range(20)])
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for path in sorted((tmp_path / "b").rglob("*.png")):
        path.rename(path.with_name(f"z{99 - int(path.stem)}.png"))
    parts = [
        dict(zip(c.column("sha256"), c.column("split"), strict=True))
        for c in map(split, (tmp_path / "a", tmp_path / "b"))
    ]
    assert parts[0] == parts[1]


@settings(max_examples=8)
@given(st.lists(st.integers(0, 14), min_size=12, max_size=30), st.integers(0, 3))
def test_copies_never_cross(tmp_path_factory, draw, encode, sources, seed):
    root = tmp_path_factory.mktemp("copies")
    for number, source in enumerate([*range(15), *sources]):
        image = Image.fromarray(draw(source, 160, 120))
        small = image.resize((128, 96)) if number % 2 else image
        path = root / f"{source % 2}" / f"{number}.{'jpg' if number % 3 else 'png'}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode(small, "JPEG" if number % 3 else "PNG"))
    catalog = split(root, seed=seed)
    where = dict(zip(catalog.column("file"), catalog.column("split"), strict=True))
    for number, source in enumerate([*range(15), *sources]):
        name = next(file for file in where if file.split("/")[1].split(".")[0] == str(number))
        first = next(file for file in where if file.split("/")[1].split(".")[0] == str(source))
        assert where[name] == where[first]


def test_different_texts_are_never_copies(tmp_path, encode):
    (tmp_path / "img").mkdir()
    lines = ["file,label"]
    for number in range(30):
        pixels = np.full((60, 160, 3), 255, np.uint8)
        pixels[20:40, 30:90] = 0
        pixels[0, 0] = number
        (tmp_path / "img" / f"{number}.png").write_bytes(encode(pixels))
        lines.append(f"img/{number}.png,{number:04d}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    assert set(split(tmp_path, task="read").column("split")) == {"train", "val", "test"}
    with pytest.raises(CatalogError, match=r"1 separate images \(duplicates counted once\) cannot be split"):
        split(tmp_path, task="classify")


def test_together_stays_together(tmp_path, fill):
    fill(tmp_path, [f"{n}.png" for n in range(40)])
    rows = [f"{n}.png,{'ab'[n % 2]},person {n % 8}" for n in range(40)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label,person", *rows]))
    made = split(tmp_path, together="person")
    sides = {}
    for person, part in zip(made.column("together"), made.column("split"), strict=True):
        sides.setdefault(person, set()).add(part)
    assert all(len(parts) == 1 for parts in sides.values())


def test_fractions_are_checked(class_folders):
    with pytest.raises(ConfigError, match="give three shares for train, val and test that sum to 1"):
        split(class_folders, fractions=(0.9, 0.3, 0.1))


# --- preprocessing and plan --------------------------------------------------------------------------


@given(st.integers(1, 1500), st.integers(1, 700), st.sampled_from([None, 64]), st.sampled_from([1, 3]))
@settings(max_examples=60)
def test_the_canvas_is_as_announced_and_nothing_is_cropped(width, height, fixed, channels):
    spec = Preprocess(48, fixed, channels, pad="edge" if fixed is None else "grey")
    pixels = np.full((height, width, 3), 200, np.uint8)
    made = spec.apply(pixels)
    assert made.shape == (48, spec.canvas_width(width, height), channels)
    inside = spec.fitted(width, height)
    assert (made == 200).sum() >= inside[0] * inside[1] * channels
    if min(inside) > 8:
        assert inside[0] / inside[1] == pytest.approx(width / height, rel=0.15)
    assert Preprocess.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_later_options_win(tmp_path):
    (tmp_path / "c.yaml").write_text("epochs: 4\nbackbone: resnet18\n")
    config = make_config("animal-object", tmp_path / "c.yaml", {"epochs": 7})
    assert (config.task, config.backbone, config.epochs) == ("classify", "resnet18", 7)


def test_the_plan_follows_the_data(tmp_path, fill):
    fill(tmp_path / "large", [f"{label}/{n}.png" for label in "ab" for n in range(10)], 200, 150)
    fill(tmp_path / "small", [f"{label}/{n}.png" for label in "ab" for n in range(10)], 30, 22)
    large, small = (plan(TrainConfig(), split(tmp_path / name)) for name in ("large", "small"))
    assert (large.backbone, large.colour, large.augment) == ("tf_efficientnet_lite0", "rgb", "photo")
    assert (small.backbone, small.height, small.width, small.augment) == ("small", 24, 32, "glyph")


@given(st.lists(st.integers(1, 20), min_size=1, max_size=4), st.integers(1, 60))
def test_scaled_epochs_add_up(epochs, total):
    scaled = scale_epochs([Stage("all", n, 1e-3) for n in epochs], total)
    assert sum(stage.epochs for stage in scaled) == total


def test_bytes_that_are_grey_are_seen_as_grey(tmp_path):
    for label in "ab":
        (tmp_path / label).mkdir()
        for number in range(10):
            pixels = np.random.default_rng(number + ord(label)).integers(0, 256, (24, 24), dtype=np.uint8)
            buffer = io.BytesIO()
            Image.fromarray(pixels).convert("RGB").save(buffer, "JPEG")
            (tmp_path / label / f"{number}.jpg").write_bytes(buffer.getvalue())
    assert plan(TrainConfig(), split(tmp_path)).colour == "grey"
