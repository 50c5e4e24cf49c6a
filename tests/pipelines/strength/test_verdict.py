"""The verdict names the weakest attack that breaks a CAPTCHA, and the advice follows from the figures."""

from __future__ import annotations

import pytest

from tellapart.pipelines.strength.verdict import advice, verdict


def step(labels, value, **more):
    figure = {"value": value, "ci95": [max(0, value - 0.05), min(1, value + 0.05)], "n": 100}
    return {"labels": labels, "seconds": 12.0, "exact_match": figure, **more}


def result_of(*curve, changes=(), characters=(), drawn=False):
    broken = next((each["labels"] for each in curve if each["exact_match"]["ci95"][0] > 0.01), None)
    return {"curve": list(curve), "changes": list(changes), "characters": list(characters), "drawn": drawn,
            "broken_with": broken, "broken_from": 0.01}  # fmt: skip


@pytest.mark.parametrize(
    ("curve", "words"),
    [
        ([step(0, 0.9), step(50, 0.95)], "does: the shipped reader as it is reads 90.0 % of the texts"),
        ([step(0, 0.0), step(0, 0.5, pictures=800)], "does: a reader that taught itself on 800 pictures reads 50.0 %"),
        ([step(0, 0.0), step(50, 0.3), step(100, 0.6)], "does: a reader that learnt from 50 labels reads 30.0 %"),
        (
            [step(0, 0.0), step(50, 0.3), step(100, 0.6)],
            "The strongest, a reader that learnt from 100 labels, reads 60",
        ),
        (
            [step(0, 0.0), step(50, 0.02)],
            "Not shown to be broken, nor to be strong: of the attacks the strongest, a re",
        ),
        ([], "It was not attacked."),
    ],
)
def test_the_weakest_attack_that_breaks_it_is_named(curve, words):
    assert words in verdict(result_of(*curve))


def test_a_weakest_attack_that_is_the_strongest_is_named_once():
    assert "strongest" not in verdict(result_of(step(0, 0.9), step(50, 0.8)))


def test_advice_for_real_pictures_counts_attempts_and_says_how_to_learn_more():
    said = advice(result_of(step(0, 0.0), step(50, 0.26), characters=[{"character": "q", "missed": 5}]))
    assert "one attempt in 4, on the mean, gets through" in said[0]
    assert said[1] == "A change of the scheme costs this attacker 50 new labels and 12 s of training."
    assert "tellapart generate --like PICTURES" in said[2]
    assert said[3].startswith("Misread most often: q.")


def test_a_single_misreading_says_nothing_of_its_character():
    missed = [{"character": "q", "missed": 7}, {"character": "e", "missed": 1}]
    assert "Misread most often: q. Whether" in advice(result_of(step(0, 0.9), characters=missed))[-1]
    assert not any("Misread" in each for each in advice(result_of(step(0, 0.9), characters=missed[1:])))


def test_advice_for_what_is_read_without_labels_and_for_what_is_not_read():
    said = advice(result_of(step(0, 1.0)))
    assert "nearly every attempt gets through" in said[0]
    assert "No label was needed" in said[1]
    assert advice(result_of(step(50, 0.0), drawn=True)) == []
    assert advice(result_of()) == []


def test_of_a_scheme_the_best_change_is_the_advice():
    changes = [{"change": name, **step(200, value)} for name, value in (("as it is", 0.5), ("lines", 0.2))]
    said = advice(result_of(step(50, 0.5), changes=changes, drawn=True))
    assert said[-1] == "Of what was tried, “lines” costs the attacker most: 50.0 % become 20.0 %."
