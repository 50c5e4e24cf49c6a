"""What only a reader suffers from is named where the data and its readings show it, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tellapart.data.opening import open_catalog
from tellapart.data.split import split
from tellapart.pipelines.diagnose_reading import reading_causes
from tellapart.pipelines.run_evidence import RunEvidence
from tellapart.training.config import TrainConfig
from tellapart.training.run_folder import Run


def figure(value):
    return {"value": value, "ci95": [0.0, 1.0], "n": 9}


@pytest.fixture
def read(tmp_path):
    """The names of the causes for drawn texts that were read in some way; nothing is trained."""

    def judge(answers, *, colour="grey", inks=((0, 0, 0), (0, 0, 0)), exact=0.0, folded=0.0, width=100):
        data = tmp_path / "data"
        data.mkdir()
        dice, font, rows = np.random.default_rng(0), ImageFont.load_default(22), ["file,label"]
        for number in range(30):
            label = "".join(dice.choice(list("AKHX"), 4))
            image = Image.new("RGB", (width, 40), "white")
            for place, letter in enumerate(label):
                corner = (4 + place * 24, 4 + int(dice.integers(0, 3)))
                ImageDraw.Draw(image).text(corner, letter, fill=inks[place % 2], font=font)
            image.save(data / f"{number:02}.png")
            rows.append(f"{number:02}.png,{label}")
        (data / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
        catalog = split(open_catalog(data, task="read"), seed=0)
        run = Run.create(
            tmp_path / "run", catalog, TrainConfig(task="read", height=48, colour=colour, backbone="small")
        )
        metrics = {"exact_match": figure(exact), "exact_match_folded": figure(folded), "cer": figure(1.0)}
        facts = RunEvidence(run, metrics)
        facts.predictions = [answers(label) for label in facts.sample_labels]
        return {cause.name: cause for cause in reading_causes(facts)}

    return judge


RED_AND_GREEN = ((220, 0, 0), (0, 112, 0))


def test_colour_that_a_grey_reader_does_not_see(read):
    causes = read(lambda label: label[::-1], inks=RED_AND_GREEN)
    assert causes.keys() == {"colour not seen"}
    assert causes["colour not seen"].evidence.endswith("; even of the training images 5% are answered right")
    assert "--colour rgb" in causes["colour not seen"].advice


@pytest.mark.parametrize(
    "options",
    [
        {"inks": RED_AND_GREEN, "colour": "rgb"},  # it is seen
        {"inks": ((200, 0, 0), (200, 0, 0))},  # one ink
        {},
    ],
)
def test_colour_is_not_blamed_where_it_is_seen_or_says_nothing(read, options):
    assert read(lambda label: label[::-1], **options) == {}


def test_colour_is_not_blamed_of_a_reader_that_has_learnt_its_pictures(read):
    assert read(lambda label: label, inks=RED_AND_GREEN) == {}


@pytest.mark.parametrize(("answer", "shown"), [("", "nothing at all"), ("A", "'A'")])
def test_a_reader_that_always_answers_the_same(read, answer, shown):
    causes = read(lambda label: answer)
    assert causes.keys() == {"nothing read"}
    assert f"are read as {shown}; the character error rate is 1.00" in causes["nothing read"].evidence


def test_pictures_too_narrow(read):
    assert read(lambda label: label[::-1], width=18).keys() == {"width too small for the text"}


def test_right_but_for_case(read):
    assert read(str.lower, exact=0.1, folded=0.9).keys() == {"case of the labels"}
