"""Files, folders and standard input; a table, CSV and JSON."""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import tellapart
from tellapart.core.errors import BundleError, ConfigError, TextError
from tellapart.data.opening import open_catalog
from tellapart.inference.bundle import Bundle
from tellapart.inference.graph_session import GraphSession
from tellapart.inference.picture_view import AS_IS
from tellapart.inference.predict import to_csv
from tellapart.inference.prediction import Prediction
from tellapart.inference.reader_ensemble import ReaderEnsemble
from tellapart.inference.tta import TTA_VIEWS
from tellapart.synthesis.render import render
from tellapart.synthesis.scheme import Scheme


@pytest.fixture(scope="module")
def files(shapes):
    return sorted(shapes.rglob("*.png"))


def test_a_file_is_a_row(shape_bundle, files):
    (row,) = tellapart.predict(shape_bundle, files[0])
    assert (row.file, row.error) == (str(files[0]), None)
    assert row == tellapart.load(shape_bundle).predict(files[0])[0]
    assert tellapart.predict(str(shape_bundle), str(files[0])) == [row]


def test_what_was_guessed_to_read_an_image_is_said_once(shape_bundle, tmp_path, encode, capsys):
    deep = np.full((40, 40), 4095, np.uint16)
    deep[10:20] = 0
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_bytes(encode(deep))
    tellapart.predict(shape_bundle, [tmp_path / "a.png", tmp_path / "b.png", tmp_path / "a.png"])
    said = f"note: 2 images: 12 of 16 bits in use: 4,095 is white: {tmp_path}/a.png, {tmp_path}/b.png\n"
    assert capsys.readouterr().err == said


def test_files_keep_their_order(shape_bundle, files):
    asked = [files[7], files[0], files[7]]
    assert [row.file for row in tellapart.predict(shape_bundle, asked)] == [str(file) for file in asked]


def test_a_folder_is_its_images_at_any_depth_sorted(shape_bundle, files, tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    data = files[0].read_bytes()
    for name in ("b.png", "deep/er/a.PNG", "deep/c.png", "notes.txt", "._b.png", "deep/labels.csv"):
        (tmp_path / name).write_bytes(data)
    rows = tellapart.predict(shape_bundle, tmp_path)
    assert [Path(row.file).relative_to(tmp_path).as_posix() for row in rows] == ["b.png", "deep/c.png", "deep/er/a.PNG"]
    assert {row.answer for row in rows} == {tellapart.predict(shape_bundle, files[0])[0].answer}


def test_a_folder_without_images_is_refused(shape_bundle, tmp_path, refuses):
    (tmp_path / "notes.txt").write_text("no picture", "utf-8")
    text = f"{tmp_path}: no image in this folder (looked for JPEG, PNG, BMP, TIFF, WEBP, GIF)"
    with refuses(ConfigError, text):
        tellapart.predict(shape_bundle, tmp_path)


def test_an_image_on_standard_input(shape_bundle, files):
    (row,) = tellapart.predict(shape_bundle, "-", stdin=io.BytesIO(files[0].read_bytes()))
    expected = tellapart.predict(shape_bundle, files[0])[0]
    assert (row.file, row.answer, row.confidence) == ("-", expected.answer, expected.confidence)


def test_names_on_standard_input(shape_bundle, files, tmp_path):
    names = f"{files[3]}\n\n  {files[1]}  \r\n{tmp_path / 'gone.png'}\n"
    rows = tellapart.predict(shape_bundle, ["-"], stdin=io.BytesIO(names.encode()))
    assert [row.file for row in rows] == [str(files[3]), str(files[1]), str(tmp_path / "gone.png")]
    assert [row.error for row in rows] == [None, None, "there is no such file"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\0"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8"])
def test_lists_of_names_as_every_system_writes_them(shape_bundle, files, tmp_path, capsys, encoding, end):
    odd = tmp_path / " größe "
    odd.write_bytes(files[1].read_bytes())
    names = "".join(f"{name}{end}" for name in (files[3], odd))
    rows = tellapart.predict(shape_bundle, "-", stdin=io.BytesIO(names.encode(encoding)))
    assert [(row.file, row.error) for row in rows] == [(str(files[3]), None), (str(odd), None)]
    assert capsys.readouterr().err == ("read as: UTF-16 text (standard input)\n" if encoding == "utf-16" else "")


def test_standard_input_is_where_the_others_are(shape_bundle, files, monkeypatch):
    class Pipe:
        buffer = io.BytesIO(files[2].read_bytes())

    monkeypatch.setattr(sys, "stdin", Pipe)
    rows = tellapart.predict(shape_bundle, [files[0], "-", files[1]])
    assert [row.file for row in rows] == [str(files[0]), "-", str(files[1])]


@pytest.mark.parametrize("data", [b"", b" \n\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n", b"\xff\xfe"])
def test_nothing_on_standard_input_is_refused(data, shape_bundle, refuses):
    text = "-: standard input is empty; pipe in an image, or file names, one a line"
    with refuses(ConfigError, text):
        tellapart.predict(shape_bundle, "-", stdin=io.BytesIO(data))


def test_a_damaged_image_on_standard_input_is_a_row(shape_bundle, files):
    data = files[0].read_bytes()[:200]
    (row,) = tellapart.predict(shape_bundle, "-", stdin=io.BytesIO(data))
    assert (row.file, row.error) == ("-", "the image is truncated after 200 bytes")
    (row,) = tellapart.predict(shape_bundle, "-", stdin=io.BytesIO(b"\xfe\xed\0\1"))
    assert row.error == "not an image of a known kind (known: JPEG, PNG, BMP, TIFF, WEBP, GIF)"


def test_no_model_is_refused(tmp_path, files, refuses):
    with refuses(BundleError, f"{tmp_path}: no bundle (a bundle is a folder with bundle.json and model.onnx)"):
        tellapart.predict(tmp_path, files[0])


def test_csv_of_classes(shape_bundle, files, tmp_path):
    asked = [files[0], tmp_path / 'go"ne, or not.png']
    rows = tellapart.predict(shape_bundle, asked)
    read = list(csv.DictReader(io.StringIO(to_csv(rows))))
    assert read == [
        {
            "file": str(files[0]),
            "label": rows[0].answer,
            "confidence": f"{rows[0].confidence:.6f}",
            "error": "",
            "group": rows[0].group,
            "group_confidence": f"{rows[0].group_confidence:.6f}",
        },
        {
            "file": str(asked[1]),
            "label": "",
            "confidence": "",
            "error": "there is no such file",
            "group": "",
            "group_confidence": "",
        },
    ]


def test_csv_of_texts():
    rows = [Prediction("a.png", "read", "0042", 0.5), Prediction("b.png", "read", 'a,"b', 0.25)]
    assert to_csv(rows) == 'file,text,confidence,error\na.png,0042,0.500000,\nb.png,"a,""b",0.250000,\n'
    assert to_csv([]) == "file,label,confidence,error\n"
    with pytest.raises(ConfigError, match="a reader has none of whole texts"):
        to_csv(rows, probabilities=True)


def test_csv_has_groups_and_on_request_every_probability():
    rows = [
        Prediction("a.png", "classify", "cat", 0.4, {"cat": 0.4, "cup, red": 0.6}, group="pet", group_confidence=0.4),
        Prediction("b.png", "classify", error="gone"),
    ]
    assert to_csv(rows).splitlines() == [
        "file,label,confidence,error,group,group_confidence",
        "a.png,cat,0.400000,,pet,0.400000",
        "b.png,,,gone,,",
    ]
    assert to_csv(rows, probabilities=True).splitlines() == [
        'file,label,confidence,error,group,group_confidence,probability: cat,"probability: cup, red"',
        "a.png,cat,0.400000,,pet,0.400000,0.400000,0.600000",
        "b.png,,,gone,,,,",
    ]


def test_a_rule_constrains_a_readers_texts(text_bundle, texts, capsys):
    files = sorted(texts.rglob("*.png"))[:12]
    plain = tellapart.predict(text_bundle, files)
    known = tellapart.load(text_bundle).bundle.charset.characters
    one = known[0]
    assert {row.answer.replace(one, "") for row in tellapart.predict(text_bundle, files, alphabet=one)} == {""}
    for row in tellapart.predict(text_bundle, files, pattern=f"[{known[0]}{known[1]}]{{2}}"):
        assert len(row.answer) == 2
        assert set(row.answer) <= set(known[:2])
        assert row.answer == "".join(character for character, _ in row.characters)
    for row, free in zip(tellapart.predict(text_bundle, files, nbest=3), plain, strict=True):
        told = [row.answer, *(text for text, _ in row.alternatives)]
        assert len(set(told)) == 3
        assert free.answer in told
        assert [other["text"] for other in row.to_json()["alternatives"]] == told[1:]
    assert "alternatives" not in plain[0].to_json()
    capsys.readouterr()
    (nothing,) = tellapart.predict(text_bundle, files[0], pattern="[0-9]{200}")  # more than its picture has steps
    assert (nothing.answer, nothing.confidence, nothing.error) == ("", 0.0, None)
    said = "note: no text that fits '[0-9]{200}' was found in 1 picture: "
    assert capsys.readouterr().err.startswith(f"{said}{files[0]}")
    with pytest.raises(TextError, match=r"^pattern 'é': no text of the characters that the model may read begins so"):
        tellapart.predict(text_bundle, files[0], pattern="é")
    with pytest.raises(ConfigError, match=r"^the pattern is empty: write it as in"):
        tellapart.predict(text_bundle, files[0], pattern="")


def test_texts_of_one_length_teach_a_reader_its_length(text_bundle, texts, copied):
    """Unless a pattern says otherwise; what it leaves out makes it less sure."""
    files = sorted(texts.rglob("*.png"))[:12]
    assert Bundle.open(text_bundle).length == 3
    folder = copied(text_bundle)
    Bundle.write(folder, replace(Bundle.open(folder).manifest, length=2))
    assert "Every reading has 2 characters" in (folder / "README.md").read_text(encoding="utf-8")
    free = tellapart.predict(text_bundle, files, pattern=".*")
    short = tellapart.predict(folder, files)
    assert {len(row.answer) for row in short} == {2}
    assert all(
        row.confidence < other.confidence for row, other in zip(short, free, strict=True) if len(other.answer) > 2
    )
    assert any(len(other.answer) > 2 for other in free)
    assert [row.answer for row in tellapart.predict(folder, files, pattern=".*")] == [row.answer for row in free]


def _labelled(bundle, texts):
    catalog = open_catalog(texts, task="read")
    labels = catalog.column("label")
    answers = tellapart.load(bundle, tta=True).predict([data for _, data in catalog.read(catalog.rows())])
    return answers, [labels[row] for row in catalog.rows()]


def test_a_careful_reader_answers_each_picture_the_same_alone_and_among_others(text_bundle, texts, monkeypatch):
    monkeypatch.setattr("tellapart.inference.predictor.UNSURE", 0.9)  # it is quite sure of these
    files = sorted(texts.rglob("*.png"))[:12]
    together = tellapart.predict(text_bundle, files, tta=True)
    alone = [row for file in files for row in tellapart.predict(text_bundle, file, tta=True)]
    assert [row.answer for row in together] == [row.answer for row in alone]
    assert [row.confidence for row in together] == pytest.approx([row.confidence for row in alone], abs=1e-4)
    known = tellapart.load(text_bundle).bundle.charset.characters
    for row in tellapart.predict(text_bundle, files, tta=True, pattern=f"[{known[0]}{known[1]}]{{2}}", nbest=2):
        assert {len(row.answer), *(len(text) for text, _ in row.alternatives)} == {2}
    right = sum(row.answer == label for row, label in zip(*_labelled(text_bundle, texts), strict=True))
    assert tellapart.evaluate(text_bundle, texts, split="all", tta=True)["exact_match"]["value"] == right / 60


def test_a_careful_reader_looks_again_where_it_is_unsure_alone(text_bundle, texts, monkeypatch):
    files = sorted(texts.rglob("*.png"))
    plain = tellapart.predict(text_bundle, files)
    middle = float(np.median([row.confidence for row in plain]))
    unsure = [at for at, row in enumerate(plain) if row.confidence < middle]

    monkeypatch.setattr("tellapart.inference.predictor.UNSURE", middle)
    careful, seen = tellapart.load(text_bundle, tta=True), []
    monkeypatch.setattr(
        GraphSession,
        "run",
        lambda self, names, pixels, run=GraphSession.run: seen.append(len(pixels)) or run(self, names, pixels),
    )
    again = careful.predict(files)
    assert 0 < len(unsure) < len(files)
    assert sum(seen) == len(files) + len(careful.tta_members()) * len(unsure)
    for at, (one, other) in enumerate(zip(plain, again, strict=True)):
        assert at in unsure or one == other
    members = careful.tta_members()
    assert [member.view for member in members] == [AS_IS, *(view for view in TTA_VIEWS if view.scale == "usual")]
    together = list(ReaderEnsemble(members).stream((files[at].name, files[at]) for at in unsure))
    assert [again[at].answer for at in unsure] == [each.answer for each in together]


def test_a_picture_of_two_lines_is_named(tmp_path, capsys):
    scheme = Scheme("five", 130, 40, "0123456789", 5, 5, font_size=(28, 30))
    one, two = (render(scheme, 5, index)[0] for index in range(2))
    Image.fromarray(one).save(tmp_path / "one.png")
    Image.fromarray(np.concatenate([one, two])).save(tmp_path / "both.png")
    tellapart.predict("base", tmp_path)
    said = capsys.readouterr().err
    assert "both.png" in said
    assert "several lines of text, of which a reader reads one: cut them apart" in said
    assert "one.png" not in said


@pytest.mark.parametrize("rule", [{"pattern": "[0-9]+"}, {"tta": True}])
def test_a_rule_for_a_classifier_is_refused(shape_bundle, files, rule):
    with pytest.raises(ConfigError, match="a classifier; alphabet, pattern, nbest and tta are for a reader's texts"):
        tellapart.predict(shape_bundle, files[0], **rule)


@pytest.mark.parametrize("rule", [{"pattern": "[0-9]+"}, {"nbest": 2}, {"tta": True}])
def test_a_rule_for_a_server_is_refused(files, rule):
    with pytest.raises(ConfigError, match="it answers as its bundle does"):
        tellapart.predict("any", files[0], server="http://127.0.0.1:9", **rule)
