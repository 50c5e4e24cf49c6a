"""Each usual cause of a bad training, brought about by a real one, is named; a good training is left in peace."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

import tellapart
from tellapart.core.errors import ConfigError
from tellapart.pipelines.diagnose import diagnose, poor
from tellapart.training.run_folder import Run

SMALL = {"task": "classify", "backbone": "small", "batch_size": 16, "device": "cpu", "precision": "float32"}


def trained(data, out, epochs=4, lr=5e-3, schedule="cosine", **options):
    stages = [{"train": "all", "epochs": epochs, "lr": lr, "schedule": schedule}]
    return Run.open(tellapart.train(data, out=out, stages=stages, **SMALL | options)["run"])


def told(run):
    return {cause.name: cause for cause in diagnose(run)}


def labelled(root, rows, *more):
    """A table of labels beside the images."""
    with (root / "labels.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([("file", "label", *more), *rows])
    return root


def given_split(root, part):
    """A table that says for each image which part it stands in, by its number in its class folder."""
    files = sorted(root.rglob("*.png")) + sorted(root.rglob("*.jpg"))
    rows = [(file.relative_to(root).as_posix(), file.parent.name, part(file)) for file in files]
    return labelled(root, rows, "split")


def by_number(file):
    number = int(file.stem)
    return "train" if number < 12 else "val" if number < 16 else "test"


@pytest.fixture
def shapes_of(tmp_path, draw_shapes):
    return lambda each: draw_shapes(tmp_path / "data", each=each, grouped=False)


# --- good ones ---------------------------------------------------------------------------------------


def test_a_good_classifier_is_left_in_peace(shapes_of, tmp_path):
    run = trained(shapes_of(30), tmp_path / "run")
    assert not poor(run)
    assert diagnose(run) == []


def test_a_good_reader_is_left_in_peace(text_run):
    run = Run.open(text_run)
    assert not poor(run)
    assert diagnose(run) == []


# --- bad ones ----------------------------------------------------------------------------------------


def shuffled(data):
    """The same pictures, their labels shuffled in a table, their names numbers."""
    files = sorted(data.rglob("*.png"))
    labels = np.random.default_rng(0).permutation([file.parent.name for file in files]).tolist()
    for number, file in enumerate(files):
        file.rename(data / f"{number}.png")
    for folder in {file.parent for file in files}:
        folder.rmdir()
    return labelled(data, [(f"{number}.png", label) for number, label in enumerate(labels)])


def test_shuffled_labels(shapes_of, tmp_path):
    run = trained(shuffled(shapes_of(40)), tmp_path / "run", epochs=6)
    assert poor(run)
    causes = told(run)
    assert causes.keys() == {"labels shuffled"}
    evidence = causes["labels shuffled"].evidence
    assert "(0.33), while the training loss went from 1.2" in evidence
    assert "the pictures fall into kinds, but no features tell the labels better than shuffled ones" in evidence
    assert "and chance is 33%" in evidence


def test_labels_out_of_step_with_the_names_of_their_files(shapes_of, tmp_path):
    data = shapes_of(20)
    files = sorted(data.rglob("*.png"))
    labels = np.random.default_rng(1).permutation([file.parent.name for file in files]).tolist()
    labelled(data, [(file.relative_to(data), label) for file, label in zip(files, labels, strict=True)])
    run = trained(data, tmp_path / "run", epochs=2)
    causes = told(run)
    assert causes.keys() == {"labels shuffled"}
    assert "the names of the files say each class as often as the labels do, but of 60 only" in (
        causes["labels shuffled"].evidence
    )


def test_hard_labels_are_not_called_shuffled(tmp_path):
    """Whether a picture has an even number of dots: no classifier of shapes tells, and the labels are right."""
    dice = np.random.default_rng(0)
    for number in range(120):
        image = Image.new("RGB", (24, 24), tuple(dice.integers(150, 255, 3).tolist()))
        pen = ImageDraw.Draw(image)
        dots = number % 6 + 3
        for place in dice.permutation(16)[:dots].tolist():
            x, y = 2 + place % 4 * 6, 2 + place // 4 * 6
            pen.rectangle((x, y, x + 1, y + 1), fill=(0, 0, 0))
        folder = tmp_path / "data" / ("odd" if dots % 2 else "even")
        folder.mkdir(parents=True, exist_ok=True)
        image.save(folder / f"{number}.png")
    run = trained(tmp_path / "data", tmp_path / "run", epochs=2)
    assert poor(run)
    assert not {"labels shuffled", "learning rate too low", "learning rate too high"} & told(run).keys()


@pytest.mark.parametrize("rare", [2, 8])
def test_a_set_nearly_all_of_one_class(draw_shapes, tmp_path, rare):
    data = draw_shapes(tmp_path / "data", each=100, classes=("disc", "ring"), grouped=False)
    for number in range(rare, 100):
        (data / "ring" / f"{number:02d}.png").unlink()
    run = trained(data, tmp_path / "run", epochs=1)
    causes = told(run)
    assert {"one class predicted", "too few images"} == causes.keys()
    trained_of = [run.catalog().column("label")[row] for row in run.catalog().rows("train")].count("ring")
    assert causes["too few images"].evidence.endswith(f"; classes with under 20: ring ({trained_of})")


def test_a_short_training_is_no_low_rate(shapes_of, tmp_path):
    run = trained(shapes_of(30), tmp_path / "run", epochs=1, lr=1e-3)
    assert poor(run)
    causes = told(run)
    assert "too few epochs" in causes
    assert not {"learning rate too low", "learning rate too high", "labels shuffled"} & causes.keys()
    assert causes["too few epochs"].evidence.startswith("the weights took 4 steps")


def test_a_test_part_whose_labels_mean_something_else(shapes_of, tmp_path):
    data = shapes_of(30)
    turned = {"bar": "disc", "disc": "ring", "ring": "bar"}
    rows = []
    for file in sorted(data.rglob("*.png")):
        number, name = int(file.stem), file.parent.name
        part = "train" if number < 16 else "val" if number < 23 else "test"
        rows.append((file.relative_to(data).as_posix(), turned[name] if part == "test" else name, part))
    run = trained(labelled(data, rows, "split"), tmp_path / "run", epochs=8)
    causes = told(run)
    assert causes.keys() == {"test part unlike the training part"}
    assert causes["test part unlike the training part"].evidence == (
        "of the validation images 100% are answered right, of the test images 0%"
    )


def test_a_rate_too_high(shapes_of, tmp_path):
    run = trained(shapes_of(20), tmp_path / "run", lr=100.0, schedule="constant")
    assert poor(run)
    causes = told(run)
    assert "learning rate too high" in causes
    assert not {"learning rate too low", "labels shuffled", "too few images"} & causes.keys()
    assert "an lr between 0.0001 and 0.003 instead of 100" in causes["learning rate too high"].advice


def test_the_usual_rate_is_that_of_the_optimiser(shapes_of, tmp_path):
    """0.05 is far above AdamW's and usual of plain gradient descent."""
    run = trained(shapes_of(20), tmp_path / "run", epochs=1, lr=0.05, optimizer="sgd")
    assert "learning rate too high" not in told(run)


def test_a_rate_too_low(shapes_of, tmp_path):
    run = trained(shapes_of(30), tmp_path / "run", epochs=3, lr=1e-7)
    assert poor(run)
    causes = told(run)
    assert "learning rate too low" in causes
    assert not {"learning rate too high", "labels shuffled", "too few images"} & causes.keys()
    assert causes["learning rate too low"].evidence.startswith(
        "the highest rate is 1e-07, where 0.0001 is little; in 3 epochs the training loss went from "
    )


def test_too_few_images(shapes_of, tmp_path):
    data = given_split(shapes_of(20), lambda file: {0: "train", 1: "val"}.get(int(file.stem) // 2, "test"))
    run = trained(data, tmp_path / "run", epochs=15, augment="none", dropout=0.0)
    assert poor(run)
    causes = told(run)
    assert "too few images" in causes
    assert not {"learning rate too high", "learning rate too low", "labels shuffled"} & causes.keys()
    evidence = causes["too few images"].evidence
    assert evidence.startswith("of its 6 training images it answers 100% right, of new ones ")
    assert evidence.endswith("; classes with under 20: ring (2), disc (2), bar (2)")


def test_one_class_for_all(shapes_of, tmp_path):
    data = shapes_of(20)
    for number in range(2, 12):  # of the training part, only the bars stay as they were
        for name in ("disc", "ring"):
            (data / name / f"{number:02d}.png").unlink()
    run = trained(given_split(data, by_number), tmp_path / "run", epochs=1, lr=1e-3)
    assert poor(run)
    causes = told(run)
    assert causes["one class predicted"].evidence == (
        "100% of the answers are 'bar', which 33% of the test images are; of the other 8 images 0 are found. Training "
        "images of the others: disc (2), ring (2)"
    )


@pytest.mark.parametrize("noise", [0, 2])
def test_images_all_alike(shapes_of, shape, tmp_path, noise):
    data = shapes_of(20)
    for number, file in enumerate(sorted(data.rglob("*.png"))):
        dice = np.random.default_rng(number)
        grain = dice.integers(0, noise + 1, (24, 24, 3), dtype=np.uint8)
        Image.fromarray(shape("disc", 0) // 2 + grain).save(file)
    run = trained(given_split(data, by_number), tmp_path / "run", epochs=1)
    assert poor(run)
    (cause,) = diagnose(run)
    assert cause.name == "images all alike"
    said = "steps of brightness" if noise else "60 of 60 images are one and the same"
    assert said in cause.evidence


def test_copies_across_a_given_split_are_told_of_a_good_training_too(shapes_of, tmp_path):
    data = shapes_of(20)
    for file in sorted(data.rglob("*.png")):  # large enough that near-copies can be told
        Image.open(file).resize((96, 96), Image.Resampling.BICUBIC).save(file)
    for name in ("bar", "disc"):
        (data / name / "16.png").write_bytes((data / name / "00.png").read_bytes())
        Image.open(data / name / "01.png").resize((80, 80)).save(data / name / "17.jpg", quality=85)
        (data / name / "17.png").unlink()
    run = trained(given_split(data, by_number), tmp_path / "run", epochs=8, height=24, width=24)
    assert not poor(run)
    (cause,) = diagnose(run)
    assert cause.name == "leakage"
    assert cause.evidence == (
        "4 of 12 test images also stand, the same or nearly so, among those that the training saw: "
        "bar/16.png and bar/00.png, bar/17.jpg and bar/01.png, disc/16.png and disc/00.png and 1 more"
    )


# --- readers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lr", "name"),
    [(1e-7, "learning rate too low"), (5e-4, "nothing read"), (100.0, "learning rate too high")],
)
def test_a_reader(texts, tmp_path, text_options, lr, name):
    stages = [{"train": "all", "epochs": 2, "lr": lr}]
    run = Run.open(tellapart.train(texts, out=tmp_path / "run", **text_options | {"stages": stages})["run"])
    assert poor(run)
    assert name in told(run)


def test_pictures_too_narrow_for_their_texts(tmp_path, text_options):
    data = tmp_path / "data"
    data.mkdir()
    dice = np.random.default_rng(0)
    for index in range(40):
        Image.fromarray(dice.integers(0, 255, (24, 24), dtype=np.uint8)).save(data / f"{index:02}.png")
    labelled(data, [(f"{index:02}.png", "".join(dice.permutation(list("014789")))) for index in range(40)])
    stages = [{"train": "all", "epochs": 1, "lr": 1e-3}]
    run = Run.open(tellapart.train(data, out=tmp_path / "run", **text_options | {"stages": stages})["run"])
    cause = told(run)["width too small for the text"]
    assert cause.evidence == (
        "28 of 28 training pictures are so narrow for their text that a letter has under 1.5 steps of 4 px, and the "
        "tightest has 1.3"
    )
    assert "raise the height from 24 px" in cause.advice


def test_characters_that_no_training_text_has(draw_texts, tmp_path, text_options):
    data = draw_texts(tmp_path / "data")
    rows = list(csv.reader((data / "labels.csv").read_text(encoding="utf-8").splitlines()))[1:]
    parts = ["test" if "7" in text else "val" if place % 5 == 0 else "train" for place, (_, text) in enumerate(rows)]
    labelled(data, [(*row, part) for row, part in zip(rows, parts, strict=True)], "split")
    run = Run.open(tellapart.train(data, out=tmp_path / "run", **text_options)["run"])
    tested = parts.count("test")
    assert told(run)["alphabet mismatch"].evidence == (
        f"{tested} of {tested} test texts hold characters that no training text has: '7'"
    )


def test_labels_whose_case_the_pictures_do_not_show(text_run, copied):
    run = Run.open(copied(text_run))
    figures = run.metrics() | {"exact_match": {"value": 0.1, "ci95": [0, 0.3], "n": 9}}
    figures |= {"exact_match_folded": {"value": 0.9, "ci95": [0.7, 1], "n": 9}}
    (run.path / "metrics.json").write_text(json.dumps(figures), encoding="utf-8")
    assert told(run)["case of the labels"].evidence == (
        "10% of the test texts are read exactly, but 90% if case is ignored"
    )


# --- what counts as poor -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accuracy", "counts", "is_poor"),
    [
        (0.70, [[50, 0], [0, 50]], True),  # of two even classes, half are right by chance
        (0.80, [[50, 0], [0, 50]], False),
        (0.85, [[85, 0], [0, 15]], True),  # as good as always the same answer
        (0.55, [[10, 0]] * 20, False),  # of twenty classes
    ],
)
def test_poor_is_measured_from_the_most_frequent_answer(shape_run, copied, accuracy, counts, is_poor):
    run = Run.open(copied(shape_run))
    figures = {
        "split": "test",
        "accuracy": {"value": accuracy, "ci95": [0, 1], "n": 100},
        "confusion": {"counts": counts},
    }
    (run.path / "metrics.json").write_text(json.dumps(figures), encoding="utf-8")
    assert poor(run) is is_poor


def test_a_run_without_figures(shape_run, copied, refuses):
    run = Run.open(copied(shape_run))
    (run.path / "metrics.json").unlink()
    assert not poor(run)
    with refuses(ConfigError, f"{run.path}: not finished yet; run its train command again"):
        diagnose(run)
