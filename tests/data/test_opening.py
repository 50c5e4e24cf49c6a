"""Opening a source: the facts of every image, notes on what is odd; the user's files stay as they are."""

from __future__ import annotations

import hashlib
import re
import threading
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tellapart.core.errors import CatalogError, ConfigError
from tellapart.data.catalog import SCHEMA
from tellapart.data.duplicates.hashing import picture_hash, thumbnail
from tellapart.data.opening import catalog, open_catalog, open_unlabelled, open_with_defaults
from tellapart.data.split import split


def test_a_row_holds_the_facts_of_its_image(class_folders):
    opened = open_catalog(class_folders)
    assert opened.table.schema == SCHEMA
    assert (len(opened), opened.task, opened.root, opened.source) == (12, "classify", class_folders, str(class_folders))
    assert opened.labels == ("cat", "cup", "dog")
    assert opened.groups == {}
    assert opened.notes == ()
    assert opened.rows() == list(range(12))
    assert opened.rows("train") == []
    for row, file in enumerate(opened.column("file")):
        data = (class_folders / file).read_bytes()
        pixels = np.asarray(Image.open(class_folders / file))
        assert opened.column("sha256")[row] == hashlib.sha256(data).hexdigest()
        assert opened.column("hash")[row] == picture_hash(thumbnail(pixels))
    assert set(zip(opened.column("width"), opened.column("height"), strict=True)) == {(64, 48)}
    assert opened.column("keep") == [True] * 12
    assert opened.column("why") == opened.column("split") == opened.column("shard") == [None] * 12


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_of_mutated_pictures_each_is_read_or_named(tmp_path, draw, encode):
    """Rows in are rows kept and rows named, whatever bytes were changed."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(draw(0)).resize((24, 18))
    clear = image.convert("RGBA")
    clear.putalpha(image.getchannel(0))
    wholes = [encode(image, kind) for kind in ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF")]
    wholes += [encode(clear, "PNG"), encode(np.asarray(image)[..., 0].astype(np.uint16) * 16)]
    for number in range(320):
        data = bytearray(wholes[number % len(wholes)])
        for at in rng.integers(0, len(data), rng.integers(0, 4)):
            data[at] = rng.integers(256)
        path = tmp_path / "ab"[number % 2] / f"{number:03}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(data[: rng.integers(9, len(data))] if number % 5 == 0 else data))
    opened = open_catalog(tmp_path, task="classify")
    assert len(opened) == 320
    kept = opened.rows()
    whys = [why for why, keep in zip(opened.column("why"), opened.column("keep"), strict=True) if not keep]
    assert 100 < len(kept) < 300
    assert len(kept) + len(whys) == 320
    assert all(why.startswith("unreadable: ") for why in whys)
    assert any(f"{len(whys)} images cannot be used" in note for note in opened.notes)


def test_sizes_are_of_the_upright_picture(tmp_path, draw, encode):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.jpg").write_bytes(encode(draw(0), "JPEG", exif=exif))
    opened = open_catalog(tmp_path)
    assert (opened.column("width"), opened.column("height")) == ([48], [64])


def test_what_was_guessed_is_a_note_and_leaves_nothing_out(class_folders, encode):
    white = Image.new("RGBA", (64, 48), (255, 255, 255, 0))
    white.paste((255, 255, 255, 255), (10, 10, 30, 30))
    (class_folders / "cat" / "0.png").write_bytes(encode(white))
    (class_folders / "dog" / "1.png").write_bytes(encode(white.resize((40, 40))))
    opened = open_catalog(class_folders)
    assert all(opened.column("keep"))
    assert opened.notes == ("2 images: light on a transparent ground: laid on black: cat/0.png, dog/1.png",)


def test_unreadable_images_keep_their_rows(class_folders, fill):
    (class_folders / "cat" / "0.png").write_bytes(b"")
    (class_folders / "cat" / "1.png").write_bytes(b"no picture")
    whole = (class_folders / "dog" / "3.png").read_bytes()
    (class_folders / "dog" / "3.png").write_bytes(whole[:1000])
    opened = open_catalog(class_folders)
    assert len(opened) == 12
    bad = {opened.column("file")[row]: row for row in range(12) if not opened.column("keep")[row]}
    known = "known: JPEG, PNG, BMP, TIFF, WEBP, GIF"
    reasons = {
        "cat/0.png": "unreadable: the file is empty",
        "cat/1.png": f"unreadable: not an image of a known kind ({known})",
        "dog/3.png": "unreadable: the image is truncated after 1,000 bytes",
    }
    assert {file: opened.column("why")[row] for file, row in bad.items()} == reasons
    assert opened.column("width")[bad["cat/0.png"]] is None
    assert opened.column("sha256")[bad["cat/1.png"]] == hashlib.sha256(b"no picture").hexdigest()
    assert set(opened.rows()) == set(range(12)) - set(bad.values())
    assert opened.notes == (
        "3 images cannot be used and are left out: " + ", ".join(f"{file} ({why})" for file, why in reasons.items()),
    )


def test_a_class_of_unreadable_images_is_no_class(tmp_path, fill):
    fill(tmp_path, ["cat/1.png", "dog/1.png"])
    (tmp_path / "dog" / "1.png").write_bytes(b"")
    assert open_catalog(tmp_path).labels == ("cat",)


def test_labels_that_differ_in_case_are_noted(tmp_path, fill):
    fill(tmp_path, ["A/1.png", "a/2.png", "STRASSE/4.png", "straße/5.png", "b/6.png"])
    assert open_catalog(tmp_path, task="classify").notes == (
        "2 labels differ from another only in case: A/a, STRASSE/straße",
    )
    assert open_catalog(tmp_path, task="read").notes == ()


def test_notes_of_the_source_come_first(class_folders):
    (class_folders / "a.txt").touch()
    (class_folders / "cat" / "0.png").write_bytes(b"")
    assert open_catalog(class_folders).notes == (
        "1 file is no image by name and was left out: 1 .txt",
        "1 image cannot be used and is left out: cat/0.png (unreadable: the file is empty)",
    )


@pytest.mark.parametrize(
    ("labels", "task"),
    [
        ([str(n) for n in range(30)], "read"),
        ([str(n // 3) for n in range(30)], "classify"),
        ([str(n % 6) for n in range(30)], "classify"),
        ([str(n) for n in range(19)], "classify"),
    ],
)
def test_the_task_is_guessed_from_how_often_labels_repeat(tmp_path, fill, labels, task, table):
    fill(tmp_path, [f"{n}.png" for n in range(len(labels))], 8, 8)
    path = table(tmp_path, "file,label\n" + "".join(f"{n}.png,{label}\n" for n, label in enumerate(labels)))
    assert open_catalog(path).task == task
    assert open_catalog(path, task="read").task == "read"
    assert open_catalog(path, task="classify").task == "classify"


def test_an_unknown_task_is_refused(class_folders, refuses):
    with refuses(CatalogError, "task 'detect': known are classify, read, tag"):
        open_catalog(class_folders, task="detect")


def test_labels_are_texts(tmp_path, fill, table):
    fill(tmp_path, ["a.png", "b.png", "c.png"])
    path = table(tmp_path, "file,label\na.png,0042\nb.png,1e5\nc.png,true\n")
    opened = open_catalog(path)
    assert opened.column("label") == ["0042", "1e5", "true"]
    again = open_catalog(opened.write(tmp_path / "out" / "c.parquet"))
    assert again.column("label") == ["0042", "1e5", "true"]


def test_names_and_labels_that_are_not_unicode_are_refused(tmp_path, fill, refuses, table):
    fill(tmp_path, ["a.png"])
    path = table(tmp_path, '{"file": "a.png", "label": "\\ud800"}', "l.jsonl")
    with refuses(CatalogError, r"'\ud800': not valid Unicode; rename the file or mend the table"):
        open_catalog(path)


def test_any_file_name_will_do(tmp_path, fill):
    names = ["고양이/사진 1.png", "고양이/🐈.png", "with space/a  b.png", "with space/#1?.png", "a'b\"/[x]*.png"]
    fill(tmp_path / "set", names)
    opened = open_catalog(tmp_path / "set")
    assert sorted(opened.column("file")) == sorted(names)
    again = open_catalog(opened.write(tmp_path / "목록.parquet"))
    assert dict(again.read(again.rows())) == {
        row: (tmp_path / "set" / file).read_bytes() for row, file in enumerate(again.column("file"))
    }


def test_shards_are_catalogued_with_their_class_names(shards):
    folder, contents = shards
    for data in (folder, f"{folder}/*.parquet"):
        opened = open_catalog(data, task="classify")
        assert opened.column("label") == ["cat", "dog", "cat", "dog", "cat"]
        assert opened.column("shard") == ["a.parquet"] * 2 + ["b.parquet"] * 3
        assert opened.column("row") == [0, 1, 0, 1, 2]
        assert opened.column("keep") == [True, True, True, False, True]
        assert opened.column("sha256") == [hashlib.sha256(data).hexdigest() for data in contents]
    one = open_catalog(folder / "b.parquet")
    assert one.column("file") == ["b.parquet#0/2.png", "b.parquet#1/2.png", "b.parquet#2/2.png"]


def test_a_shard_is_read_a_batch_at_a_time(tmp_path, draw, encode, monkeypatch):
    small = encode(draw(0, 8, 8))
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"image": pa.array([small] * 700, pa.binary()), "label": ["x", "y"] * 350}), path)
    sizes = []
    iter_batches = pq.ParquetFile.iter_batches

    def spy(self, **options):
        for batch in iter_batches(self, **options):
            sizes.append((batch.schema.names, len(batch)))
            yield batch

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", spy)
    monkeypatch.setattr(pq, "read_table", None)
    assert len(open_catalog(path)) == 700
    assert {tuple(names) for names, _ in sizes} == {("label",), ("image",)}
    assert max(length for names, length in sizes if names == ["image"]) <= 128


def test_images_are_looked_at_in_a_bounded_window(tmp_path, fill, monkeypatch):
    fill(tmp_path, [f"x_{n}.png" for n in range(600)], 4, 4)
    from tellapart.core import image_io as images

    held, most, lock = set(), [0], threading.Lock()
    read_bytes, picture = images.read_bytes, images.picture

    def read(path):
        held.add(path.name)
        most[0] = max(most[0], len(held))
        return read_bytes(path)

    def look(data, file, **rest):
        time.sleep(0.001)  # slower than reading, so that an unbounded window would grow
        with lock:
            held.discard(file)
        return picture(data, file, **rest)

    monkeypatch.setattr(images, "read_bytes", read)
    monkeypatch.setattr(images, "picture", look)
    assert len(open_catalog(tmp_path)) == 600
    assert most[0] <= 256


def test_a_catalog_is_a_source_with_another_task_or_groups(class_folders, tmp_path):
    path = open_catalog(class_folders).write(tmp_path / "c.parquet")
    assert open_catalog(path, task="read").task == "read"
    assert open_catalog(path, coarse_labels={"all": ["cat", "cup", "dog"]}).groups == dict.fromkeys(
        ("cat", "cup", "dog"), "all"
    )
    opened = open_catalog(path)
    assert open_catalog(opened) is opened


def test_the_same_picture_in_two_encodings_has_one_digest(tmp_path, draw, encode):
    pixels = draw(0, 64, 48)
    (tmp_path / "x_0.png").write_bytes(encode(pixels))
    (tmp_path / "x_1.bmp").write_bytes(encode(pixels, "BMP"))
    (tmp_path / "x_2.png").write_bytes(encode(pixels.transpose(1, 0, 2)))
    opened = open_catalog(tmp_path)
    one, same, turned = opened.column("pixels")
    assert one == same != turned
    assert len(set(opened.column("sha256"))) == 3


def test_nothing_of_the_users_is_changed(class_folders, shards, tmp_path, tree):
    (class_folders / "cat" / "0.png").write_bytes(b"no picture")
    for data in (class_folders, shards[0]):
        before = tree(data)
        catalog(data, out=tmp_path / "out" / "c.parquet", task="classify")
        assert tree(data) == before


@pytest.mark.parametrize(
    "options", [{"label_from": "prefix"}, {"label_column": "x"}, {"file_column": "x"}, {"group_by": "x"}]
)
def test_a_catalog_takes_no_options_of_sources(class_folders, tmp_path, refuses, options):
    path = open_catalog(class_folders).write(tmp_path / "c.parquet")
    (name, value), *_ = options.items()
    said = f"--{name.replace('_', '-')} {value}: a catalog holds its labels already; leave it out"
    for data in (path, open_catalog(path)):
        with pytest.raises(CatalogError, match=re.escape(said)):
            open_catalog(data, **options)
    assert len(open_catalog(path, label_from="auto", label_column=None)) == 12


def test_options_of_another_source_hold_as_far_as_they_fit(class_folders, tmp_path):
    defaults = {"label_from": r"(\d+)", "label_column": "kind", "group_by": None}
    assert open_with_defaults(class_folders, defaults, task="read").labels == ("0", "1", "2", "3")
    catalog = open_with_defaults(open_catalog(class_folders), defaults)
    assert catalog.labels == ("cat", "cup", "dog")
    with pytest.raises(CatalogError, match="--label-column mine: cannot be used with folders of images"):
        open_with_defaults(class_folders, defaults, label_column="mine")
    path = class_folders / "t.csv"
    path.write_text("file,kind\ncat/0.png,k7\n", encoding="utf-8")
    assert open_with_defaults(path, {"label_from": "text", "label_column": "kind"}).labels == ("k7",)


# --- what is lost


def pointers(root, names):
    for number, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{number:064x}\nsize 9\n")


def test_why_many_images_cannot_be_used_is_counted(tmp_path, fill):
    pointers(tmp_path, [f"a/{n}.jpg" for n in range(6)])
    fill(tmp_path, ["b/1.png", "b/2.png"])
    (tmp_path / "b" / "3.png").write_bytes(b"")
    opened = open_catalog(tmp_path)
    reason = "unreadable: a Git LFS pointer and not the image; fetch the images with git lfs pull"
    assert opened.notes[1:] == (
        f"why: 6 {reason}, 1 unreadable: the file is empty",
        "1 class without a usable image: a (6 unreadable)",
    )
    assert opened.meta == {"lost_classes": {"a": "6 unreadable"}}


def test_a_set_without_a_usable_image_says_why(tmp_path, refuses):
    pointers(tmp_path, [f"{name}/{n}.jpg" for name in "ab" for n in range(6)])
    with refuses(
        CatalogError,
        f"{tmp_path}: none of 12 images can be used: 12 unreadable: a Git LFS pointer and not the image; fetch the "
        "images with git lfs pull",
    ):
        split(open_catalog(tmp_path))


def test_lost_classes_stay_known_in_the_written_catalog(class_folders, tmp_path):
    (class_folders / "owl").mkdir()
    opened = open_catalog(class_folders)
    assert opened.meta == {"lost_classes": {"owl": "empty"}}
    assert open_catalog(opened.write(tmp_path / "c.parquet")).meta == opened.meta
    assert open_catalog(class_folders, task="read").meta is None


def test_unlabelled_images_have_no_label_whatever_their_names_say(tmp_path, fill, refuses):
    folder = fill(tmp_path / "pool", ["cat/1.png", "dog_2.png", "x.png"])
    (folder / "labels.csv").write_text("file,label\nx.png,cat\n", encoding="utf-8")
    (folder / "broken.png").write_bytes(b"")
    opened = open_unlabelled(folder, "read")
    assert opened.task == "read"
    assert opened.column("file") == ["broken.png", "cat/1.png", "dog_2.png", "x.png"]
    assert opened.column("label") == [""] * 4
    assert opened.rows() == [1, 2, 3]
    assert opened.notes == ("1 image cannot be used and is left out: broken.png (unreadable: the file is empty)",)
    assert [opened.column(name)[3] for name in ("width", "height")] == [64, 48]
    table = open_unlabelled(folder / "labels.csv", "classify")
    assert (table.column("file"), table.column("label"), table.groups) == (["x.png"], [""], {})
    (tmp_path / "empty").mkdir()
    with refuses(CatalogError, f"{tmp_path / 'empty'}: no images found (looked for JPEG, PNG, BMP, TIFF, WEBP, GIF)"):
        open_unlabelled(tmp_path / "empty", "classify")
    with refuses(CatalogError, f"{tmp_path / 'gone'}: there is no such file or folder"):
        open_unlabelled(tmp_path / "gone", "classify")


def test_an_unknown_option_is_named_with_its_neighbour(class_folders, refuses):
    with refuses(ConfigError, "unknown option 'label_form' (did you mean 'label_from'?)"):
        open_catalog(class_folders, label_form="folder")
