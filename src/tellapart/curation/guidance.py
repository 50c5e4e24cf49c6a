"""Texts of the pages about each check: what it asks, what to do, how urgent that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tellapart.curation.checks.registry import CHECKS
from tellapart.curation.findings import Finding

MEND, LOOK, KNOW = "mend", "look", "know"
BADGES = {MEND: "mend first", LOOK: "look at these", KNOW: "good to know"}
TRUSTED_ACCURACY = 0.6  # a model that agrees with fewer labels knows too little to be trusted about them


@dataclass(frozen=True)
class Guidance:
    """The texts of a check.

    Args:
        what: what the check looks for, as a noun in the plural.
        asks: the question that it answers.
        do: what a person should do about its findings.
        level: `MEND`, `LOOK` or `KNOW`.
        threshold: what the threshold means, with a place for the number; empty where there is none.
    """

    what: str
    asks: str
    do: str
    level: str = LOOK
    threshold: str = ""


# In the order in which a person should decide: what makes figures lie, what teaches wrong things, what wastes time.
GUIDANCE = {
    "unreadable": Guidance(
        "images that cannot be decoded",
        "Can every file be decoded as an image?",
        "Fetch these files again or delete them; training leaves them out.", MEND,
    ),
    "split_leaks": Guidance(
        "copies across the given split",
        "Does the test part hold copies of what is learnt from?",
        "Split anew with tellapart split, which keeps copies on one side; figures from the old split are too good.",
        MEND,
    ),
    "conflicting_labels": Guidance(
        "copies whose labels disagree",
        "Do copies of one picture carry different labels?",
        "At least one label of each group is wrong, or the classes overlap: decide for one label, or put all aside.",
        MEND,
    ),
    "unemittable": Guidance(
        "texts too long for their picture",
        "Is each picture wide enough for its text? A reader gives one character a step, from left to right.",
        "Train with a larger --height, or check whether text and picture belong together.", MEND,
        "judged at a height of {:.0f} px",
    ),
    "label_errors": Guidance(
        "labels that look wrong",
        "Does each label fit the picture? A model that learnt from the other images judges each one; it can be wrong.",
        "Look from the top: give a new label where the picture says so, and stop where the model is wrong more often "
        "than right.", LOOK, "flagged from a doubt of {:.2f}, where 0 is sure of the label and 1 of another",
    ),
    "tag_errors": Guidance(
        "tags that look wrong",
        "Does each picture show what its tags say, and nothing else of them? A model that learnt from the other images "
        "judges each tag alone; it can be wrong.",
        "Look from the top: mend the table where the picture says so, and stop where the model is wrong more often "
        "than right.", LOOK, "flagged from a doubt of {:.2f}, where 0 is sure of the tag and 1 of the contrary",
    ),
    "off_domain": Guidance(
        "pictures of another kind",
        "Is there a minority made in another way: photos among drawings, or drawings and screenshots among photos?",
        "Put them aside if the images to be recognised later are never of that kind; keep them if they are.", LOOK,
        "flagged from a likelihood of {:.0%}",
    ),
    "exact_duplicates": Guidance(
        "exact copies",
        "Is the very same picture there more than once, pixel for pixel?",
        "Keep one of each group; copies add weight but no knowledge.", LOOK,
    ),
    "near_duplicates": Guidance(
        "near-copies",
        "Is a picture there again, scaled, recompressed, mirrored, turned, cropped, lighter or grey?",
        "Keep the first of each group, unless the others were made on purpose; a split must keep them together.", LOOK,
        "one picture from a likeness of {:.2f}",
    ),
    "low_information": Guidance(
        "blank pictures",
        "Is there anything to be seen?",
        "Put blank pictures aside; keep those that are simple by nature, such as a dot or a line.", LOOK,
        "flagged up to {:g} bits a pixel",
    ),
    "hardly_any_content": Guidance(
        "pictures with hardly any content left",
        "Does anything stand out from its ground? What is transparent, faint or scaled wrongly may be lost.",
        "Look at the file itself: export it again on a plain ground, or with 8 bits, and put aside what stays empty.",
        LOOK, "flagged when at most {:.1%} of a picture stands out",
    ),
    "one_source": Guidance(
        "classes of one source",
        "Does a class come in a file format and size of its own? A network then learns the format and not the subject.",
        "Add images of these classes from elsewhere, or save all images in one format and size.", LOOK,
        "flagged when {:.0%} of a class share what is rare elsewhere",
    ),
    "tiny_classes": Guidance(
        "tiny classes",
        "Has every class enough images to learn from and to be tested on?",
        "Collect more images of these classes, merge them with a neighbour, or leave them out.", LOOK,
        "flagged below {:.0f} images",
    ),
    "rare_characters": Guidance(
        "rare characters",
        "Does every character occur often enough to be learnt?",
        "Add texts with these characters, or check whether they are slips of the labels.", LOOK,
        "flagged below {:.0f} occurrences",
    ),
    "bright": Guidance(
        "nearly white pictures",
        "Is a picture burnt out: nearly white, with hardly any contrast?",
        "Put aside what you cannot recognise yourself.", KNOW, "flagged from a mean brightness of {:.0%}",
    ),
    "dark": Guidance(
        "nearly black pictures",
        "Is a picture nearly black?",
        "Put aside what you cannot recognise yourself.", KNOW, "flagged from a mean darkness of {:.0%}",
    ),
    "blurry": Guidance(
        "blurred pictures",
        "Is a picture blurred far beyond what is usual in this set?",
        "Keep what you can recognise yourself: a little blur makes a network sturdier.", KNOW,
        "flagged from {power:.0f} times less fine detail than usual",
    ),
    "odd_size": Guidance(
        "odd sizes",
        "Is a picture far larger or smaller than the rest?",
        "Check the smallest ones for thumbnails and icons; large ones do no harm.", KNOW,
        "flagged from {:g} robust deviations",
    ),
    "odd_aspect": Guidance(
        "odd shapes",
        "Is a picture far wider or taller than the rest?",
        "Such pictures are scaled until they fit, then padded: check that the subject stays large enough.", KNOW,
        "flagged from {:g} robust deviations",
    ),
    "grey_among_colour": Guidance(
        "grey pictures among coloured ones",
        "Are there a few grey pictures among coloured ones?",
        "Fine if each class has some; if only one class has them, a network may learn that grey means this class.",
        KNOW, "a minority up to {:.0%} is flagged",
    ),
    "class_imbalance": Guidance(
        "classes of very different size",
        "Have all classes about as many images?",
        "Train with class weights, or collect more images of the small classes.", KNOW,
        "flagged from {:g} times as many in the largest as in the smallest",
    ),
    "odd_length": Guidance(
        "odd lengths",
        "Is a text far longer or shorter than the others?",
        "Check these texts for slips.", KNOW, "flagged when fewer than {:.1%} of the texts are as long",
    ),
}  # fmt: skip
TITLES = {check.name: check.title for check in CHECKS}


def has_findings(check: Finding) -> bool:
    """Return whether a check found something that deserves a section of its own."""
    flag = check.facts.get("classes") if check.check == "one_source" else check.facts.get("flag")
    return bool(check.why or check.groups or flag)


def check_title(check: str) -> str:
    """Return a check's title; an unknown check gets one made of its name.

    >>> check_title("near_duplicates"), check_title("some_new_check")
    ('Near-copies', 'Some new check')
    """
    return TITLES.get(check, check.replace("_", " ").capitalize())


def check_subject(check: Finding) -> str:
    """Return what a check looks for, to stand in a sentence.

    >>> check_subject(Finding("dark", "")), check_subject(Finding("some_new_check", ""))
    ('nearly black pictures', 'some new check')
    """
    return GUIDANCE[check.check].what if check.check in GUIDANCE else check_title(check.check).lower()


def check_level(check: Finding) -> str:
    """Return how urgent a finding is: `MEND`, `LOOK` or `KNOW`.

    Doubts of a model that agrees with few labels are only good to know.

    >>> check_level(Finding("unreadable", "")), check_level(Finding("label_errors", "", facts={"accuracy": 0.3}))
    ('mend', 'know')
    """
    if check.check == "label_errors" and check.facts.get("accuracy", 1.0) < TRUSTED_ACCURACY:
        return KNOW
    return GUIDANCE[check.check].level if check.check in GUIDANCE else LOOK


def urgency(check: Finding) -> tuple[int, int]:
    """Return a sort key of findings: the most urgent has the smallest."""
    names = list(GUIDANCE)
    return list(BADGES).index(check_level(check)), names.index(check.check) if check.check in names else len(names)


def short_reason(check: Finding, row: int) -> str:
    """Return why a row is flagged, without what holds for all flagged rows of the check."""
    return f"{check.score.get(row, 0):.0%} likely" if check.check == "off_domain" else check.why[row]


def number_copies(why: str, files: Sequence[str]) -> str:
    """Return what was done to a copy, with a number instead of each file that stands beside it.

    Args:
        why: the reason of a check on copies.
        files: the files beside each other. The first need not be named.

    >>> number_copies("like b.png: mirrored", ["a.png", "b.png"]), number_copies("like a.png: mirrored", ["a.png"])
    ('like number 2: mirrored', 'mirrored')
    """
    for number, file in enumerate(files, 1):
        if why == f"the same pixels as {file}":
            return "the same pixels" if number == 1 else f"the same pixels as number {number}"
        if why.startswith(f"an exact copy of {file}, "):
            return f"an exact copy of number {number}"
        if why.startswith(start := f"like {file}: "):
            return ("" if number == 1 else f"like number {number}: ") + why.removeprefix(start)
    return why
