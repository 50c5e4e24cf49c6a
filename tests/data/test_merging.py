"""Several sources are one: what is in both, whose label holds, and what stays out of the training."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from tellapart.core.errors import CatalogError
from tellapart.data.catalog_file import read_catalog
from tellapart.data.merging import merge, open_sources
from tellapart.data.opening import open_catalog
from tellapart.data.split import split
from tellapart.serving.feedback_store import FeedbackStore


@pytest.fixture
def old(tmp_path, draw, encode):
    """Two classes of ten pictures, large enough that near-copies are known."""
    for number in range(20):
        path = tmp_path / "data" / "old" / ("cat" if number % 2 else "dog") / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(draw(number, 96, 72)))
    return tmp_path / "data" / "old"


@pytest.fixture
def corrections(tmp_path):
    """A server's folder of corrections."""
    return FeedbackStore(tmp_path / "data" / "corrections", "label")


def labels(catalog):
    return dict(zip(catalog.column("file"), catalog.column("label"), strict=True))


def test_one_source_is_opened_as_ever(old):
    assert open_sources([old]).table == open_catalog(old).table


def test_new_pictures_are_added_under_the_nearest_common_folder(old, corrections, draw, encode):
    corrections.put(encode(draw(100)), "new.png", "cat")
    merged = open_sources([old, corrections.folder])
    assert merged.root == old.parent
    assert (len(merged), merged.labels, merged.task) == (21, ("cat", "dog"), "classify")
    assert merged.source == f"{old} + {corrections.folder}"
    assert labels(merged)["old/cat/01.png"] == "cat"
    read = dict(merged.read(range(21)))
    assert read[1] == (old / "cat" / "03.png").read_bytes()
    assert read[20] == encode(draw(100))


def test_a_correction_wins_over_the_old_label_and_says_so(old, corrections, draw, encode):
    corrections.put(encode(draw(1, 96, 72), "BMP"), "any.bmp", "dog")  # the same pixels as old/cat/01.png
    corrections.put(encode(draw(3, 96, 72)), "any.png", "cat")
    merged = open_sources([old, corrections.folder])
    assert len(merged) == 20
    assert labels(merged)["old/cat/01.png"] == "dog"
    assert merged.notes == (
        f"{corrections.folder}: corrects the label of 1 picture: old/cat/01.png (cat, now dog)",
        f"{corrections.folder}: 1 picture of it stands there already; each is taken once",
    )


def test_of_two_corrections_of_a_picture_the_last_in_time_holds(old, tmp_path, draw, encode, monkeypatch):
    times = iter([2.0, 1.0])
    told = SimpleNamespace(time=lambda: next(times), time_ns=time.time_ns)
    monkeypatch.setattr("tellapart.serving.feedback_store.time", told)
    for number, label in enumerate(("cat", "dog")):  # two processes, whose files do not tell the order of their rows
        store = FeedbackStore(tmp_path / "data" / "corrections", "label")
        store._file = store.folder / f"{number}.parquet"
        store.put(encode(draw(0, 96, 72)), "a.png", label)
    merged = open_sources([old, tmp_path / "data" / "corrections"])
    assert labels(merged)["old/dog/00.png"] == "cat"
    again = merge([merged, open_catalog(tmp_path / "data" / "corrections")])  # as in the next night
    assert labels(again) == labels(merged)
    assert not [note for note in again.notes[len(merged.notes) :] if "corrects" in note]


def test_a_class_that_only_corrections_have_is_asked_for(old, corrections, draw, encode, refuses):
    corrections.put(encode(draw(100)), "new.png", "dogs")
    with refuses(
        CatalogError,
        f"{corrections.folder}: 1 class that {old} has not: dogs (did you mean 'dog'?); mend the label, or take it in "
        "with --new-labels true",
    ):
        open_sources([old, corrections.folder])
    assert open_sources([old, corrections.folder], new_labels=True).labels == ("cat", "dog", "dogs")


def test_sources_of_two_tasks_are_refused(old, tmp_path, fill, refuses):
    texts = open_catalog(fill(tmp_path / "texts", ["ab.png", "cd.png"]), task="read")
    with refuses(CatalogError, f"{texts.source}: labelled to read, but {old} to classify"):
        merge([open_catalog(old), texts])


def test_a_later_source_is_read_by_the_options_that_fit_it(tmp_path, fill, table):
    fill(tmp_path / "a", ["one.png", "two.png"])
    named = table(tmp_path / "a", "picture file,kind\none.png,x\ntwo.png,y\n")
    fill(tmp_path / "b", ["x/three.png", "y/four.png"])
    merged = open_sources([named, tmp_path / "b"], file_column="picture file", label_column="kind")
    assert labels(merged) == {"a/one.png": "x", "a/two.png": "y", "b/x/three.png": "x", "b/y/four.png": "y"}


def test_groups_reach_the_new_pictures(tmp_path, fill, corrections, draw, encode, refuses):
    fill(tmp_path / "data" / "old", ["pet/dog/1.png", "pet/dog/2.png", "thing/cup/1.png", "thing/cup/2.png"])
    corrections.put(encode(draw(100)), "new.png", "dog")
    corrections.put(encode(draw(101)), "newer.png", "fork")
    sources = [tmp_path / "data" / "old", corrections.folder]
    with refuses(
        CatalogError,
        f"{sources[0]} + {sources[1]}: in no group: fork; every class belongs to exactly one",
    ):
        open_sources(sources, new_labels=True)
    groups = {"pet": ["dog"], "thing": ["cup", "fork"]}
    merged = open_sources(sources, new_labels=True, coarse_labels=groups)
    assert merged.groups == {"dog": "pet", "cup": "thing", "fork": "thing"}


# --- parts -------------------------------------------------------------------------------------------


def test_without_a_split_all_are_split_together(old, corrections, draw, encode):
    corrections.put(encode(draw(100)), "new.png", "cat")
    assert set(open_sources([old, corrections.folder]).column("split")) == {None}


def test_a_split_stays_and_what_is_new_teaches(old, corrections, draw, encode, tmp_path):
    begun = split(old, out=tmp_path / "data" / "old.parquet")
    corrections.put(encode(draw(100)), "new.png", "cat")
    merged = open_sources([tmp_path / "data" / "old.parquet", corrections.folder])
    assert merged.column("split") == [*begun.column("split"), "train"]
    assert (merged.meta or {}).get("split") is None
    assert split(merged).column("split") == merged.column("split")


def test_no_copy_of_a_test_picture_teaches(old, corrections, encode):
    begun = split(old)
    row = begun.rows("test")[0]
    label, file = begun.column("label")[row], begun.column("file")[row]
    picture = Image.open(old / file)
    corrections.put(encode(picture.resize((150, 112)), "JPEG"), "grown.jpg", label)
    corrections.put((old / file).read_bytes(), "same.png", "cat" if label == "dog" else "dog")
    merged = merge([begun, open_catalog(corrections.folder)])
    assert merged.column("label")[row] != label  # the test picture itself is corrected where it stands
    assert merged.rows("test") == begun.rows("test")
    assert merged.rows("train") == begun.rows("train")
    assert merged.column("why")[-1] == f"a copy of old/{file}, which is in the test part"
    (note,) = [note for note in merged.notes if "left out" in note]
    assert note.startswith("1 picture is left out, as a copy stands in another part, mostly one that must not teach: ")


def test_a_merged_catalog_is_written_and_read(old, corrections, draw, encode, tmp_path):
    corrections.put(encode(draw(100)), "new.png", "cat")
    merged = split(open_sources([old, corrections.folder]))
    merged.write(tmp_path / "data" / "merged.parquet")
    moved = Path(tmp_path / "data").rename(tmp_path / "moved")
    again = read_catalog(moved / "merged.parquet")
    assert again.fingerprint == merged.fingerprint
    assert len(dict(again.read(again.rows()))) == 21
