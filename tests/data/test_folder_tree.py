"""A folder's images, other files and folders are told apart; what a system left is counted by kind."""

from __future__ import annotations

from tellapart.data.folder_tree import read_tree, tree_of


def test_images_others_and_folders(tmp_path, fill, encode, draw):
    fill(tmp_path, ["cat/1.png", "cat/more/2.jpg"])
    (tmp_path / "cat" / "3").write_bytes(encode(draw(0), "JPEG"))
    (tmp_path / "cat" / "notes.txt").touch()
    (tmp_path / "dog").mkdir()
    tree = read_tree(tmp_path)
    assert tree.images == [("cat", "1.png"), ("cat", "3"), ("cat", "more", "2.jpg")]
    assert tree.others == [("cat", "notes.txt")]
    assert tree.folders == [("cat",), ("cat", "more"), ("dog",)]
    assert tree.notes == []


def test_what_systems_leave_is_counted_by_kind(tmp_path, fill):
    fill(
        tmp_path,
        ["cat/1.png", "cat/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg", "dog/@eaDir/x.jpg", ".ipynb_checkpoints/a.png"],
    )
    for name in ("._1.png", "._2.png", "._3.png", "Thumbs.db"):
        (tmp_path / "cat" / name).touch()
    tree = read_tree(tmp_path)
    assert tree.images == [("cat", "1.png")]
    assert tree.notes == [
        "hidden, or left behind by a system, and left out: 3 ._ (AppleDouble), 2 @eaDir, 1 .ipynb_checkpoints, "
        "1 Thumbs.db"
    ]


def test_a_listing_of_names_is_the_same_tree(tmp_path, fill):
    fill(tmp_path, ["cat/1.png", "cat/more/2.jpg", "@eaDir/x.png", "a.png"])
    (tmp_path / "cat" / "notes.txt").touch()
    names = [path.relative_to(tmp_path).parts for path in tmp_path.rglob("*") if path.is_file()]
    assert tree_of(tmp_path, names) == read_tree(tmp_path)
