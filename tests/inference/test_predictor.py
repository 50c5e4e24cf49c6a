"""An answer depends on its image alone, however the image is given; nothing loads torch."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import tellapart
from tellapart.core.errors import ConfigError
from tellapart.core.image_io import decode
from tellapart.inference.predictor import load


def test_most_answers_are_right(shape_predictor, shape_files, text_predictor, text_files, texts):
    """The small models have learnt something, or the tests around them would compare nothing."""
    right = [
        p.answer == file.parent.name for p, file in zip(shape_predictor.predict(shape_files), shape_files, strict=True)
    ]
    assert sum(right) > 30
    truth = [line.split(",")[1] for line in (texts / "labels.csv").read_text("utf-8").splitlines()[1:]]
    assert sum(p.answer == text for p, text in zip(text_predictor.predict(text_files), truth, strict=True)) > 50


def test_a_model_says_what_it_answers(shape_predictor):
    assert (shape_predictor.task, shape_predictor.labels, shape_predictor.characters) == (
        "classify",
        ["bar", "disc", "ring"],
        "",
    )
    assert repr(shape_predictor).endswith("/bundle: task='classify', labels=['bar', 'disc', 'ring']>")
    reader = load("small")
    assert (reader.task, reader.labels) == ("read", [])
    assert set("09azAZ") <= set(reader.characters)
    assert repr(reader).startswith("<Predictor small: task='read', characters='")


def alike(one, other):
    assert (one.answer, one.error, one.group) == (other.answer, other.error, other.group)
    assert one.confidence == pytest.approx(other.confidence, abs=1e-6)
    assert dict(one.probabilities) == pytest.approx(dict(other.probabilities), abs=1e-6)
    assert [c for c, _ in one.characters] == [c for c, _ in other.characters]
    assert [p for _, p in one.characters] == pytest.approx([p for _, p in other.characters], abs=1e-6)


def test_a_classifiers_answer(shape_predictor, shape_files):
    answer = shape_predictor.predict(shape_files[0])[0]
    assert (answer.file, answer.task, answer.error) == (str(shape_files[0]), "classify", None)
    assert list(answer.probabilities) == ["bar", "disc", "ring"]
    assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert answer.confidence == max(answer.probabilities.values()) == answer.probabilities[answer.answer]
    assert answer.group == {"bar": "straight", "disc": "round", "ring": "round"}[answer.answer]
    row = answer.to_json()
    assert list(row) == ["file", "label", "confidence", "group", "group_confidence", "probabilities"]
    assert json.loads(json.dumps(row)) == row


def test_a_readers_answer(text_predictor, text_files):
    answer = text_predictor.predict(text_files[0])[0]
    assert answer.answer == "".join(character for character, _ in answer.characters)
    assert answer.confidence == pytest.approx(np.prod([p for _, p in answer.characters]))
    row = answer.to_json()
    assert list(row) == ["file", "text", "confidence", "characters"]
    assert [item["character"] for item in row["characters"]] == list(answer.answer)
    assert all(0 < item["confidence"] <= 1 for item in row["characters"])


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
    (tmp_path / "no images").mkdir()
    items = [
        shape_files[0], tmp_path / "cut.png", tmp_path / "empty.png", tmp_path / "gone.png", shape_files[1],
        tmp_path / "note.png", tmp_path / "no images", np.zeros((4, 4)), np.zeros((0, 4, 3), np.uint8), good,
    ]  # fmt: skip
    answers = shape_predictor.predict(items)
    wanted = [
        None,
        f"the image is truncated after {len(good) // 2} bytes",
        "the file is empty",
        "there is no such file",
        None,
        "not an image of a known kind (known: JPEG, PNG, BMP, TIFF, WEBP, GIF)",
        "no image in this folder",
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


@pytest.mark.parametrize("tta", [False, True])
def test_an_image_of_one_colour_holds_no_text(text_predictor, text_files, tta):
    dice = np.random.default_rng(0)
    flat = [np.full((40, 120, 3), level, np.uint8) for level in (0, 128, 255)]
    nearly = (200 + dice.integers(0, 6, (40, 120, 3))).astype(np.uint8)
    reader = load(text_predictor.bundle.path, tta=tta)
    answers = reader.predict([*flat, nearly])
    assert [(each.answer, each.confidence, each.error) for each in answers] == [("", 0.0, None)] * 4
    assert reader.predict([text_files[0], flat[0]])[0].answer == reader.predict(text_files[0])[0].answer


def test_an_unknown_option_is_named_with_its_neighbour(refuses):
    with refuses(ConfigError, "unknown option 'alphabt' (did you mean 'alphabet'?)"):
        load("base", alphabt="abc")
    with refuses(ConfigError, "unknown option 'nbset' (did you mean 'nbest'?)"):
        tellapart.predict("base", "a.png", nbset=2)
