"""Is a picture in the set already? And the set grows."""

from __future__ import annotations

import shutil

import pytest
from PIL import Image

import tellapart
from tellapart.core.errors import CatalogError
from tellapart.curation.audit import run_audit
from tellapart.curation.image_index import SURVEY
from tellapart.curation.lookup import lookup


@pytest.fixture
def index(golden, tmp_path):
    run_audit(golden, out=tmp_path / "index")
    return tmp_path / "index"


def test_copies_are_known_and_others_are_new(index, drawing, tmp_path):
    new = tmp_path / "new"
    new.mkdir()
    drawing(6, "disc").save(new / "same.webp", lossless=True)
    drawing(8, "disc").resize((100, 75), Image.Resampling.LANCZOS).save(new / "small.jpg", quality=80)
    drawing(500, "disc").save(new / "other.png")
    (new / "bad.png").write_bytes(b"\x89PNG nothing")
    found = lookup(index, [new])
    images = {file.rsplit("/", 1)[1]: answer for file, answer in found["images"].items()}
    assert images["same.webp"] == {"known": True, "like": [{"file": "disc/03.png", "how": "the same pixels"}]}
    assert [like["file"] for like in images["small.jpg"]["like"]] == ["disc/04.png"]
    assert images["other.png"] == {"known": False, "like": []}
    assert images["bad.png"]["error"].startswith("unreadable: ")
    assert found["added"] == 0


def test_the_index_grows(index, drawing, tmp_path):
    drawing(500, "disc").save(tmp_path / "new.png")
    before = lookup(index, [tmp_path / "new.png"], add=True)
    assert before["added"] == 1
    after = lookup(index, [tmp_path / "new.png"], add=True)
    assert after["images"][str(tmp_path / "new.png")]["like"][0]["how"] == "the same pixels"
    assert (after["index"], after["added"]) == (before["index"], 0)


def test_the_images_of_the_set_may_be_gone(golden, drawing, tmp_path, fill):
    root = fill(tmp_path / "set", [f"a/{number}.png" for number in range(3)])
    run_audit(root, out=tmp_path / "index")
    data = (root / "a" / "1.png").read_bytes()
    for path in (root / "a").iterdir():
        path.unlink()
    (tmp_path / "again.png").write_bytes(data)
    assert lookup(tmp_path / "index", [tmp_path / "again.png"])["images"][str(tmp_path / "again.png")]["known"]


def test_refusals(tmp_path, index, refuses):
    (tmp_path / "nothing").mkdir()
    with refuses(CatalogError, "no picture was named; give image files or folders of them"):
        lookup(index, [tmp_path / "nothing"])
    with pytest.raises(CatalogError, match="no audit here"):
        lookup(tmp_path / "nothing", [tmp_path / "x.png"])


@pytest.fixture
def audited(class_folders, tmp_path):
    out = tmp_path / "audit"
    tellapart.audit(class_folders, out=out, pretrained=False)
    return out


def _part(audited):
    (part,) = (audited / SURVEY).glob("*/part-*")
    return part


def _harm(path, how):
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: 0 if how == "empty" else path.stat().st_size // 2])


@pytest.mark.parametrize("how", ["gone", "empty", "cut off"])
def test_a_damaged_index_says_what_to_do(class_folders, audited, refuses, how):
    path = _part(audited) / "thumbs.npy"
    _harm(path, how)
    with refuses(CatalogError, f"{path}: missing or damaged; run tellapart audit again"):
        lookup(audited, class_folders / "cat" / "0.png")
    (place,) = (audited / SURVEY).glob("*/place.npy")
    place.write_bytes(b"")
    with refuses(CatalogError, f"{place.parent}: no survey here; run tellapart audit again"):
        lookup(audited, class_folders / "cat" / "0.png")


def test_what_was_added_is_never_replaced(audited, tmp_path, draw, refuses):
    pictures = [tmp_path / f"{number}.png" for number in range(4)]
    for number, path in enumerate(pictures):
        Image.fromarray(draw(1000 + number)).save(path)
    for path in pictures[:3]:
        lookup(audited, path, add=True)
    shutil.rmtree(audited / "known" / "part-000000")
    lookup(audited, pictures[3], add=True)
    answers = lookup(audited, pictures)["images"]
    assert [answers[str(path)]["known"] for path in pictures] == [False, True, True, True]
    part = audited / "known" / "part-000002"
    _harm(part / "thumbs.npy", "cut off")
    with refuses(CatalogError, f"{part}: damaged; remove this folder and add its pictures again"):
        lookup(audited, pictures[0])
