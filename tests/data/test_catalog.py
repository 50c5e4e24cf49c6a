"""The catalog: bytes of its rows, decisions as columns, the fingerprint."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from tellapart.core.errors import ImageError
from tellapart.data.catalog import Catalog
from tellapart.data.opening import open_catalog


def test_files_come_in_the_order_asked_for(class_folders):
    opened = open_catalog(class_folders)
    wanted = [7, 0, 11, 3]
    files = opened.column("file")
    assert list(opened.read(wanted)) == [(row, (class_folders / files[row]).read_bytes()) for row in wanted]


def test_a_file_that_has_gone_is_an_image_error(class_folders, refuses):
    opened = open_catalog(class_folders)
    (class_folders / "cat" / "0.png").unlink()
    with refuses(ImageError, f"{class_folders}/cat/0.png: there is no such file"):
        list(opened.read([0]))


def test_shuffled_rows_of_shards_give_the_right_bytes(shards):
    folder, contents = shards
    opened = open_catalog(folder)
    for wanted in ([4, 0, 2, 1], [3], [1, 4], []):
        assert dict(opened.read(wanted)) == {row: contents[row] for row in wanted}


def test_writing_fails_whole(class_folders, tmp_path, monkeypatch):
    opened = open_catalog(class_folders)
    path = opened.write(tmp_path / "out" / "c.parquet")
    before = path.read_bytes()

    def half(made, where):
        where.write_bytes(before[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", half)
    with pytest.raises(OSError, match="No space left"):
        opened.write(path)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["c.parquet"]


def test_a_decision_is_a_column_of_a_copy(class_folders):
    opened = open_catalog(class_folders)
    left = opened.with_column("keep", [label != "cup" for label in opened.column("label")])
    assert left.labels == ("cat", "dog")
    assert len(left.rows()) == 8
    assert len(left) == 12
    assert opened.labels == ("cat", "cup", "dog"), "the first is as it was"
    parts = left.with_column("split", ["train", "val", "test"] * 4)
    assert parts.rows("val") == [row for row in left.rows() if row % 3 == 1]


def test_the_fingerprint_ignores_order_and_names(class_folders, tmp_path, table):
    first = open_catalog(class_folders, task="classify")
    shuffled = Catalog(first.table.take(np.random.default_rng(0).permutation(12)), first.root, first.task, "x")
    assert shuffled.fingerprint == first.fingerprint
    for n, path in enumerate(sorted(class_folders.glob("*/*.png"))):
        path.rename(path.with_name(f"renamed {12 - n}.png"))
    assert open_catalog(class_folders).fingerprint == first.fingerprint
    rows = "".join(f"{path},{path.parent.name}\n" for path in class_folders.glob("*/*.png"))
    assert open_catalog(table(tmp_path, "file,label\n" + rows), task="classify").fingerprint == first.fingerprint


def test_the_fingerprint_sees_bytes_labels_groups_splits_and_keep(class_folders, draw, encode):
    first = open_catalog(class_folders)
    prints = {first.fingerprint}
    for name, value in (
        ("label", "owl"),
        ("group", "animal"),
        ("split", "test"),
        ("keep", False),
        ("sha256", "0" * 64),
    ):
        prints.add(first.with_column(name, [value, *first.column(name)[1:]]).fingerprint)
    (class_folders / "cat" / "0.png").write_bytes(encode(draw(99)))
    prints.add(open_catalog(class_folders).fingerprint)
    (class_folders / "cat" / "0.png").unlink()
    prints.add(open_catalog(class_folders).fingerprint)
    assert len(prints) == 8


def test_a_catalog_shows_itself_with_pictures_and_is_a_data_frame(class_folders):
    (class_folders / "dog" / "0.png").write_bytes(b"not a picture")
    catalog = open_catalog(class_folders)
    html = catalog._repr_html_()
    assert f"{class_folders}: 11 of 12 images, 3 labels (classify)" in html
    assert "<th>label</th><th>images</th>" in html
    assert "<td>cat</td><td>4</td>" in html
    assert html.count("<img") == 3
    parts = catalog.with_column("split", ["train", "val", "test"] * 4)._repr_html_()
    assert "<th>label</th><th>train</th><th>val</th><th>test</th>" in parts
    pytest.importorskip("pandas")
    frame = catalog.to_pandas()
    assert len(frame) == 12
    assert set(frame["label"]) == {"cat", "cup", "dog"}
