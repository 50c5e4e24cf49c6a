"""Labels that a reader cannot be judged by, and what is said of them."""

from __future__ import annotations

import pytest

import tellapart
from tellapart.core.errors import TextError
from tellapart.evaluation.label_checks import check_known
from tellapart.inference.base_model import small_reader
from tellapart.inference.bundle import Bundle


@pytest.mark.parametrize(("texts", "remedy"), [
    (["cat|sofa", "cat"], "they look like tags, which a reader does not answer in: give a model trained with "
     "--task tag"),
    (["cat|sofa", "c|"], "leave those texts out, or train a reader on labels that hold them"),
])  # fmt: skip
def test_tags_are_told_from_texts_with_unknown_characters(texts, remedy):
    with pytest.raises(TextError) as caught:
        check_known(Bundle.open(small_reader()), texts, "t.csv")
    assert str(caught.value).endswith(f"; {remedy}")


def test_folder_names_that_nothing_reads_are_perhaps_classes(fill, tmp_path, capsys):
    data = fill(tmp_path / "more", ["ant/1.png", "ant/2.png", "bee/1.png"])
    note = (
        "note: no text was read, and the texts are the names of folders (ant, bee): where they are classes, give a "
        "model trained with --task classify"
    )
    assert note in tellapart.evaluate("small", data)["notes"]
    assert note in capsys.readouterr().err.splitlines()
    (tmp_path / "labels.csv").write_text("file,label\nmore/ant/1.png,ant\nmore/bee/1.png,anton\n")
    assert note not in tellapart.evaluate("small", tmp_path / "labels.csv")["notes"]
