"""The bundle: every byte is checked, a moved folder works, and an answer depends on its image alone."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import tellapart
from tellapart.core.errors import BundleError
from tellapart.core.image_io import decode
from tellapart.inference.bundle import CARD, GRAPH, Bundle
from tellapart.inference.manifest import FORMAT, MANIFEST
from tellapart.inference.prediction import Prediction
from tellapart.inference.predictor import load


@pytest.fixture(scope="module")
def shape_predictor(shape_bundle):
    return load(shape_bundle)


@pytest.fixture(scope="module")
def text_predictor(text_bundle):
    return load(text_bundle)


@pytest.fixture(scope="module")
def shape_files(shapes):
    return sorted(shapes.rglob("*.png"))


@pytest.fixture(scope="module")
def text_files(texts):
    return sorted(texts.glob("*.png"))


# --- the folder --------------------------------------------------------------------------------------


def test_written_and_opened_it_says_the_same(shape_bundle):
    bundle = Bundle.open(shape_bundle)
    assert bundle.path == shape_bundle
    assert bundle.task == "classify"
    assert bundle.labels == ["bar", "disc", "ring"]
    assert bundle.groups == {"bar": "straight", "disc": "round", "ring": "round"}
    assert bundle.preprocess.to_json() == bundle.manifest.to_json()["preprocess"]
    assert bundle.manifest.to_json()["format"] == FORMAT


def test_it_opens_from_its_run_too(text_run, text_bundle):
    one, other = Bundle.open(text_run), Bundle.open(str(text_bundle))
    assert one == other
    assert one.charset.characters == ("0", "1", "4", "7")
    assert (one.labels, one.groups) == ([], {})


def test_a_renamed_folder_still_works(shape_bundle, copied, shape_files, shape_predictor):
    moved = copied(shape_bundle, "ein anderer Name")
    assert load(moved).predict(shape_files[:4]) == shape_predictor.predict(shape_files[:4])


def test_figures_are_written_in(shape_bundle, copied):
    bundle = Bundle.open(copied(shape_bundle))
    figure = {"value": 0.5, "ci95": [0.4, 0.6], "n": 9}
    report = {"split": "test", "n": 9, "accuracy": figure, "per_class": {"bar": {"f1": 0.1}}, "model": "x"}
    bundle.with_metrics(report)
    before, again = bundle.manifest.to_json(), Bundle.open(bundle.path).manifest.to_json()
    assert again["metrics"] == {"split": "test", "accuracy": figure}
    # Nothing else but the card, which states them, is another.
    assert again["files"].pop(CARD) != before["files"].pop(CARD)
    assert {**again, "metrics": 0} == {**before, "metrics": 0}


def positions(data):
    """A place of each kind in ``bundle.json``: key, value, number, digest, whitespace, the last line's end."""
    text = data.decode("utf-8")
    return {
        "a key": text.index('"task"') + 2,
        "a label": text.index('"disc"') + 1,
        "a number": text.index('"height": 24') + 11,
        "a digest": text.index('"model.onnx": "') + 20,
        "the own digest": text.index('"sha256": "') + 14,
        "whitespace": text.index("\n  ") + 1,
        "the format": text.index('"format": 2') + 10,
        "the end": len(data) - 1,
    }


@pytest.mark.parametrize(
    "kind",
    ["a key", "a label", "a number", "a digest", "the own digest", "whitespace", "the format", "the end"],
)
def test_a_changed_byte_of_the_description_is_refused(kind, shape_bundle, copied):
    bundle = copied(shape_bundle)
    data = bytearray((bundle / MANIFEST).read_bytes())
    place = positions(bytes(data))[kind]
    data[place] = {ord(" "): ord("\t"), ord("\n"): ord(" "), ord("1"): ord("2")}.get(data[place], data[place] ^ 1)
    (bundle / MANIFEST).write_bytes(data)
    with pytest.raises(BundleError) as caught:
        Bundle.open(bundle)
    text = str(caught.value)
    if kind == "the format":
        assert text == f"{bundle}: format 3; this version reads 2: export it again"
    else:
        changed = f"{bundle / MANIFEST}: changed since it was written; export the run again"
        assert text == changed or text.startswith(f"{bundle / MANIFEST}: not readable as a bundle's description: ")


def test_a_changed_value_says_changed(shape_bundle, copied, refuses):
    bundle = copied(shape_bundle)
    text = (bundle / MANIFEST).read_text("utf-8")
    for old, new in (('"disc"', '"disk"'), ("\n  ", "\n   "), ("}\n", "}\n\n")):
        (bundle / MANIFEST).write_text(text.replace(old, new, 1), "utf-8")
        with refuses(BundleError, f"{bundle / MANIFEST}: changed since it was written; export the run again"):
            Bundle.open(bundle)
    (bundle / MANIFEST).write_text(text, "utf-8")
    Bundle.open(bundle)


@pytest.mark.parametrize("where", [0, 0.001, 0.5, 1])
def test_a_changed_byte_of_the_graph_is_refused(where, shape_bundle, copied, refuses):
    bundle = copied(shape_bundle)
    data = bytearray((bundle / GRAPH).read_bytes())
    data[min(int(where * len(data)), len(data) - 1)] ^= 1
    (bundle / GRAPH).write_bytes(data)
    with refuses(BundleError, f"{bundle / GRAPH}: changed since it was written; export the run again"):
        load(bundle)


@pytest.mark.parametrize("change", ["longer", "shorter", "empty"])
def test_a_graph_of_another_length_is_refused(change, shape_bundle, copied, refuses):
    bundle = copied(shape_bundle)
    data = (bundle / GRAPH).read_bytes()
    (bundle / GRAPH).write_bytes({"longer": data + b"\0", "shorter": data[:-1], "empty": b""}[change])
    with refuses(BundleError, f"{bundle / GRAPH}: changed since it was written; export the run again"):
        Bundle.open(bundle)


def test_a_missing_graph_is_said(shape_bundle, copied, refuses):
    bundle = copied(shape_bundle)
    (bundle / GRAPH).unlink()
    text = f"{bundle / GRAPH}: missing; copy the whole bundle folder or export the run again"
    with refuses(BundleError, text):
        Bundle.open(bundle)


def test_another_format_is_said(shape_bundle, copied, refuses):
    bundle = copied(shape_bundle)
    about = json.loads((bundle / MANIFEST).read_text("utf-8"))
    (bundle / MANIFEST).write_text(json.dumps(about | {"format": 7}), "utf-8")
    with refuses(BundleError, f"{bundle}: format 7; this version reads 2: export it again"):
        Bundle.open(bundle)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b'"x"', b"null", b"{}", b'{"sha256": ""}', b"\xff\xfe"])
def test_what_is_no_description_is_refused(content, shape_bundle, copied):
    bundle = copied(shape_bundle)
    (bundle / MANIFEST).write_bytes(content)
    with pytest.raises(BundleError) as caught:
        Bundle.open(bundle)
    assert str(caught.value).startswith(f"{bundle / MANIFEST}: not readable as a bundle's description: ")


def test_no_bundle_and_an_unfinished_run_are_told_apart(tmp_path, refuses):
    text = f"{tmp_path}: no bundle (a bundle is a folder with bundle.json and model.onnx)"
    with refuses(BundleError, text):
        load(tmp_path)
    (tmp_path / "config.yaml").write_text("task: read\n", "utf-8")
    text = (
        f"{tmp_path}: an unfinished run; run its train command again "
        "(a bundle is a folder with bundle.json and model.onnx)"
    )
    with refuses(BundleError, text):
        load(tmp_path)


# --- answers -----------------------------------------------------------------------------------------


def test_most_answers_are_right(shape_predictor, shape_files, text_predictor, text_files, texts):
    """The small models have learnt something, or the tests around them would compare nothing."""
    right = [
        p.answer == file.parent.name for p, file in zip(shape_predictor.predict(shape_files), shape_files, strict=True)
    ]
    assert sum(right) > 30
    truth = [line.split(",")[1] for line in (texts / "labels.csv").read_text("utf-8").splitlines()[1:]]
    assert sum(p.answer == text for p, text in zip(text_predictor.predict(text_files), truth, strict=True)) > 50


def test_a_classifiers_answer(shape_predictor, shape_files):
    answer = shape_predictor.predict(shape_files[0])[0]
    assert (answer.file, answer.task, answer.error) == (str(shape_files[0]), "classify", None)
    assert list(answer.probabilities) == ["bar", "disc", "ring"]
    assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert answer.confidence == max(answer.probabilities.values()) == answer.probabilities[answer.answer]
    assert answer.group == {"bar": "straight", "disc": "round", "ring": "round"}[answer.answer]
    row = answer.to_json()
    assert list(row) == ["file", "label", "confidence", "group", "probabilities"]
    assert json.loads(json.dumps(row)) == row


def test_a_readers_answer(text_predictor, text_files):
    answer = text_predictor.predict(text_files[0])[0]
    assert answer.answer == "".join(character for character, _ in answer.characters)
    assert answer.confidence == pytest.approx(np.prod([p for _, p in answer.characters]))
    row = answer.to_json()
    assert list(row) == ["file", "text", "confidence", "characters"]
    assert [item["character"] for item in row["characters"]] == list(answer.answer)
    assert all(0 < item["confidence"] <= 1 for item in row["characters"])


def test_without_groups_a_row_names_none():
    row = Prediction("a.png", "classify", "disc", 0.75, {"disc": 0.75, "bar": 0.25}).to_json()
    assert row == {"file": "a.png", "label": "disc", "confidence": 0.75, "probabilities": {"disc": 0.75, "bar": 0.25}}


def alike(one, other):
    assert (one.answer, one.error, one.group) == (other.answer, other.error, other.group)
    assert one.confidence == pytest.approx(other.confidence, abs=1e-6)
    assert dict(one.probabilities) == pytest.approx(dict(other.probabilities), abs=1e-6)
    assert [c for c, _ in one.characters] == [c for c, _ in other.characters]
    assert [p for _, p in one.characters] == pytest.approx([p for _, p in other.characters], abs=1e-6)


@pytest.mark.parametrize("which", ["shape", "text"])
def test_an_answer_does_not_depend_on_its_companions(which, request):
    predictor, files = request.getfixturevalue(f"{which}_predictor"), request.getfixturevalue(f"{which}_files")
    together = dict(zip(files, predictor.predict(files), strict=True))
    shuffled = [files[index] for index in np.random.default_rng(0).permutation(len(files))]
    for file, answer in zip(shuffled, predictor.predict(shuffled), strict=True):
        assert answer.file == str(file)
        alike(answer, together[file])
    for file in files[::9]:
        alike(predictor.predict(file)[0], together[file])
        alike(predictor.predict([files[1], file, files[2]])[1], together[file])


@pytest.mark.parametrize("which", ["shape", "text"])
def test_paths_bytes_and_arrays_are_alike(which, request):
    predictor, files = request.getfixturevalue(f"{which}_predictor"), request.getfixturevalue(f"{which}_files")[:5]
    contents = [file.read_bytes() for file in files]
    of_paths = predictor.predict(files)
    of_names = predictor.predict([str(file) for file in files])
    of_bytes = predictor.predict(contents)
    of_arrays = predictor.predict([decode(data) for data in contents])
    mixed = predictor.predict([str(files[0]), contents[1], decode(contents[2]), *files[3:]])
    for answers in (of_names, of_bytes, of_arrays, mixed):
        for one, other in zip(answers, of_paths, strict=True):
            alike(one, other)
    assert [answer.file for answer in of_names] == [str(file) for file in files]
    assert [answer.file for answer in of_bytes] == [f"image {number}" for number in range(5)]
    for single in (files[0], str(files[0]), contents[0], decode(contents[0])):
        (answer,) = predictor.predict(single)
        alike(answer, of_paths[0])


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "I;16", "1"])
def test_a_grey_reader_takes_any_kind_of_picture(mode, text_predictor, text_files):
    for file in text_files[:4]:
        grey = Image.open(file)
        if mode == "1":
            grey = grey.point(lambda value: 255 * (value > 128))
        picture = Image.fromarray(np.asarray(grey, np.uint16) * 257) if mode == "I;16" else grey.convert(mode)
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        as_grey = io.BytesIO()
        grey.save(as_grey, "PNG")
        alike(text_predictor.predict(buffer.getvalue())[0], text_predictor.predict(as_grey.getvalue())[0])


def test_bad_images_are_rows_with_errors_among_good_ones(shape_predictor, shape_files, tmp_path, fill):
    good = shape_files[0].read_bytes()
    (tmp_path / "cut.png").write_bytes(good[: len(good) // 2])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "note.png").write_text("I am a picture", "utf-8")
    items = [
        shape_files[0], tmp_path / "cut.png", tmp_path / "empty.png", tmp_path / "gone.png", shape_files[1],
        tmp_path / "note.png", tmp_path, np.zeros((4, 4)), np.zeros((0, 4, 3), np.uint8), good,
    ]  # fmt: skip
    answers = shape_predictor.predict(items)
    wanted = [
        None,
        f"the image is truncated after {len(good) // 2} bytes",
        "the file is empty",
        "there is no such file",
        None,
        "not an image of a known kind (known: JPEG, PNG, BMP, TIFF, WEBP, GIF)",
        "the file cannot be read: Is a directory",
        "an array must be RGB uint8 (height, width, 3), not float64 (4, 4)",
        "an array must be RGB uint8 (height, width, 3), not uint8 (0, 4, 3)",
        None,
    ]
    assert [answer.error for answer in answers] == wanted
    assert answers[1].to_json() == {"file": str(tmp_path / "cut.png"), "error": wanted[1]}
    alike(answers[0], shape_predictor.predict(shape_files[0])[0])
    alike(answers[9], answers[0])
    alike(answers[4], shape_predictor.predict(shape_files[1])[0])


def test_nothing_asked_nothing_answered(shape_predictor):
    assert shape_predictor.predict([]) == []


def test_a_stream_is_answered_before_it_ends(shape_predictor, shape_files):
    asked = []

    def endless():
        for number in range(10**9):
            asked.append(number)
            yield str(number), shape_files[number % len(shape_files)]

    answers = shape_predictor.stream(endless())
    assert [next(answers).file for _ in range(5)] == list("01234")
    assert len(asked) < 1000
    answers.close()


def test_threads_do_not_change_answers(shape_bundle, shape_files, shape_predictor):
    for one, other in zip(
        load(shape_bundle, threads=1).predict(shape_files), shape_predictor.predict(shape_files), strict=True
    ):
        alike(one, other)


# --- without torch -----------------------------------------------------------------------------------

LIGHT = """
import sys
import tellapart
from tellapart.cli import main

heavy = ("torch", "torchvision", "timm", "pytorch_lightning", "lightning", "onnx", "sklearn")
model, image, data = sys.argv[1:]
assert main(["--help"]) == 0
assert not {name for name in heavy + ("numpy",) if name in sys.modules}, "help"
tellapart.load(model).predict(image)
assert main(["predict", model, image, "--json"]) == 0
assert main(["evaluate", model, data, "--split", "all", "--json"]) == 0
loaded = sorted(name for name in heavy if name in sys.modules)
assert not loaded, loaded
"""


def test_predicting_and_evaluating_load_no_torch(shape_bundle, shape_files, shapes):
    words = [sys.executable, "-W", "error", "-c", LIGHT, str(shape_bundle), str(shape_files[0]), str(shapes)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_the_package_offers_load(shape_bundle, shape_files):
    assert tellapart.load(shape_bundle).predict(shape_files[0])[0].error is None
