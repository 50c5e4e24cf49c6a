"""Names of generators, trainers and desktops carry what their rule says; what a set's names leave open is asked."""

from __future__ import annotations

import hashlib
import uuid

import pytest

from tellapart.core.errors import CatalogError
from tellapart.data.name_rules import LABEL_RULES, are_counted, hold_no_labels, label_in_name, rule_of_names

TEXTS = ["slinking", "Dog", "apple9", "ab3d"] * 6


def md5(value):
    return hashlib.md5(str(value).encode()).hexdigest()


def named(pattern):
    """Names of 24 texts, by a function of the text and its number."""
    return [f"{pattern(text, number)}.png" for number, text in enumerate(TEXTS)]


def read(names, task="read"):
    rule = rule_of_names(names, task).rule
    return rule, [label_in_name(name, rule) for name in names]


@pytest.mark.parametrize(
    ("rule", "pattern"),
    [
        ("text-number", lambda t, n: f"{t}_{n}"),
        ("text-number", lambda t, n: f"{t}_{n:06}"),
        ("text-number", lambda t, n: f"{t}-{n}"),
        ("text-number", lambda t, n: f"{t}_{1_700_000_000 + 977 * n}"),
        ("text-number", lambda t, n: f"{t}_{n // 4}"),
        ("text-number", lambda t, n: f"{t}.{n}"),
        ("text-hash", lambda t, n: f"{t}_{md5(n)}"),
        ("text-hash", lambda t, n: f"{t}_{md5(n).upper()}"),
        ("text-hash", lambda t, n: f"{t}-{uuid.UUID(md5(n))}"),
        ("text-hash", lambda t, n: f"{t}_{md5(n)} (1)"),
        ("hash-text", lambda t, n: f"{md5(n)}_{t}"),
        ("number-text", lambda t, n: f"{n:05}_{t}"),
        ("number-text-number", lambda t, n: f"{7 * n + 3}_{t}_{977 * n % 90_000}"),
        ("text", lambda t, n: f"{t}"),
        ("text", lambda t, n: f"{t} ({n})"),
        ("text", lambda t, n: f"{t} - Copy"),
    ],
)
def test_a_set_follows_a_rule(rule, pattern):
    assert read(named(pattern)) == (rule, TEXTS)


def test_a_choice_is_said_with_both_ways():
    assert rule_of_names(named(lambda t, n: f"{t}_{n}"), "read").notes == (
        "every name ends in a number that is not taken for a label: 'slinking' from slinking_0.png "
        "(--label-from text-number; the whole name: --label-from text)",
    )
    assert rule_of_names(named(lambda t, n: t), "read").notes == ()


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([f"AB_{1000 + n * 7919 % 9000}.png" for n in range(24)], "may hold their text in several ways"),
        ([f"{n * 7 % 90}.{n * 13 % 100:02}.png" for n in range(40)], "may hold their text in several ways"),
        (
            [f"word_{n}.png" for n in range(1, 25)],
            "hold no labels: word_1.png, word_2.png, word_3.png and 21 more differ",
        ),
        ([f"{n:03}.png" for n in range(30)], "hold no text: 000.png, 001.png, 002.png and 27 more are running numbers"),
        ([f"{md5(n)}.png" for n in range(9)], "are hashes; give a table"),
        ([f"captcha_{md5(n)}.png" for n in range(9)], "differ only in what counts them"),
    ],
)
def test_names_that_leave_it_open_are_asked_for(names, text):
    with pytest.raises(CatalogError, match=text) as caught:
        rule_of_names(names, "read")
    assert "--label-from" in str(caught.value)


@pytest.mark.parametrize(
    "names",
    [
        [f"AB-{1000 + n * 7919 % 9000}.png" for n in range(24)],  # number plates
        [f"2024-{1 + n % 12:02}-{1 + n * 7 % 28:02}.png" for n in range(60)],  # dates
    ],
)
def test_numbers_behind_a_dash_are_read_whole_and_said(names):
    rule = rule_of_names(names, "read")
    assert [label_in_name(name, rule.rule) for name in names] == [name[:-4] for name in names]
    assert "is read whole" in rule.notes[0]
    assert "--label-from text-number" in rule.notes[0]


def test_few_names_are_read_as_they_stand():
    assert read(["a_1.png", "b_2.png"]) == ("text", ["a_1", "b_2"])
    assert read(["0042.png", "0042.1.png", "ab3kz.png"]) == ("text", ["0042", "0042", "ab3kz"])


@pytest.mark.parametrize(
    ("pattern", "rule", "labels"),
    [
        (lambda t, n: f"{t}.{n}", "prefix", TEXTS),
        (lambda t, n: f"{t}_{n}", "prefix", TEXTS),
        (lambda t, n: f"{len(t)}_{n}", "prefix", [str(len(t)) for t in TEXTS]),
        (lambda t, n: f"{n:04}_{t}", "number-text", TEXTS),
        (lambda t, n: f"{t}_{md5(n)}", "text-hash", TEXTS),
        (lambda t, n: f"{n}_{t}_{n + 40}", "number-text-number", TEXTS),
        (lambda t, n: f"{len(t)}_{t}_{n}", "prefix", [f"{len(t)}_{t}" for t in TEXTS]),
        (lambda t, n: f"dog_{n:04}", "prefix", ["dog"] * 24),
    ],
)
def test_classes_in_names(pattern, rule, labels):
    assert read(named(pattern), None) == (rule, labels)


@pytest.mark.parametrize(
    "name",
    ["ab3d (1)", "ab3d - Copy", "ab3d - Copy (2)", "ab3d copy", "ab3d copy 2", "ab3d - Kopie", "ab3d - 복사본 (3)",
     "ab3d 복사본", "ab3d_copy", "ab3d的副本", "ab3d - コピー", "ab3d (1) - Copy", "ab3d.1"],
)  # fmt: skip
def test_copies_of_a_desktop_have_the_text_of_their_original(name):
    assert label_in_name(f"{name}.png", "text") == "ab3d"


@pytest.mark.parametrize(
    "name", ["dog_01 (2)", "dog_01 - Copy", "dog - Copy", "dog (3)", "dog_01", "dog.12", "dog copy 2"]
)
def test_copies_of_a_desktop_have_the_class_of_their_original(name):
    assert label_in_name(f"{name}.jpg", "prefix") == "dog"


def test_every_rule_has_one_label():
    assert all("label" in rule.groupindex for rule in LABEL_RULES.values())


@pytest.mark.parametrize("names", [["0.png", "1.png"], ["img_7.png", "img_9.png"], [f"{md5(n)}.jpg" for n in range(4)]])
def test_names_that_only_count(names):
    assert are_counted(names)


@pytest.mark.parametrize("names", [["ab3k.png", "x9yz.png"], ["cat_1.png", "dog_1.png"], ["4821.png", "9034.png"]])
def test_names_that_may_say_something(names):
    assert not are_counted(names)


@pytest.mark.parametrize(
    ("names", "labelled", "none"),
    [
        (["1.jpg", "2.jpg"], ["cat.0.jpg", "dog.0.jpg"], True),
        (["img_7.jpg", "img_9.jpg"], ["cat.0.jpg", "dog.0.jpg"], True),
        (["d41d8cd98f00b204e9800998ecf8427e.png"], ["ab3k.png", "x9zz.png"], True),
        (["cat.7.jpg", "cat.9.jpg"], ["cat.0.jpg", "dog.0.jpg"], False),  # a test part of one class
        (["cat.7.jpg", "bird.9.jpg"], ["cat.0.jpg", "dog.0.jpg"], False),
        (["0042.png"], ["1234.png", "9999.png", "0001.png"], False),  # texts of digits
        (["1.png", "2.png"], ["3.png", "4.png"], False),
        (["ab12.png"], ["ab3k.png", "x9zz.png"], False),
    ],
)
def test_names_that_only_count_beside_names_that_say_something(names, labelled, none):
    assert hold_no_labels(names, labelled) is none


@pytest.mark.parametrize(
    "names",
    [
        [f"IMG_{n}.jpg" for n in range(9)], ["IMG_1.jpg", "DSC_2.jpg"], ["20230101_101112.jpg", "20230102_101113.jpg"],
        [f"Screenshot 2023-01-01 at 10.00.{n:02}.png" for n in range(9)], [f"frame_{n}.png" for n in range(9)],
        ["WhatsApp Image 2023-05-01 at 10.11.12.jpeg"], ["PXL_20230101_101112123.jpg"], ["image_00001.jpg"],
    ],
)  # fmt: skip
def test_names_that_only_count_images_hold_no_labels(names):
    with pytest.raises(CatalogError, match=r"^the names hold no labels: .* only count images; .*--label-from prefix"):
        rule_of_names(names, None)


def test_names_of_several_numbers_are_asked_about():
    names = [f"{label}_{n % 3}_{n}.png" for n in range(9) for label in ("cat", "dog")]
    with pytest.raises(CatalogError, match=r"^the names hold several numbers, and may mean '(cat|dog)' or '(cat|dog)_"):
        rule_of_names(names, None)
    assert rule_of_names([f"type_{n % 3}_{n}.png" for n in range(9)], None).rule == "prefix"  # types 0 to 2


def test_names_that_all_hold_the_same_sign_are_said_to_be_read_whole():
    names = ["ab3d_x7Kq2p.png", "k2fq_Qw9eRt.png", "zzt8_m1N2b3.png", "p0q1_Zx8cVb.png", "m3m3_aS4dF5.png"]
    assert rule_of_names(names, "read").notes == (
        "every name holds '_' and is read whole: 'ab3d_x7Kq2p' from ab3d_x7Kq2p.png; if a part of it is no text, say "
        "--label-from with a rule, as '([^_]+)_.*'",
    )


def test_endings_that_are_no_text():
    assert label_in_name("cat_1.jpg.jpg", "prefix") == label_in_name("cat_1.png.JPG", "prefix") == "cat"
    assert label_in_name("ab3d.png.jpg", "text") == "ab3d"
    assert label_in_name(f"cat_1_jpg.rf.{'0a' * 16}.jpg", "prefix") == "cat"
