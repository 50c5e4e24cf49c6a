"""A step of a list of augmentations: its range is checked, and the page of options says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tellapart.core.errors import ConfigError
from tellapart.training.augmentation_options import KINDS, AugmentStep
from tellapart.training.config import TrainConfig, make_config

PAGE = Path(__file__).parents[2] / "docs" / "training.md"


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"kind": "rotat"}, "augmentations: kind 'rotat' (did you mean 'rotate'?); there are: "),
        ({"kind": "rotate", "range": (5, -5)}, "augmentations: rotate: range [5, -5]: give the lower and the upper "
         "end, from -180 to 180 (degrees, counter-clockwise)"),
        ({"kind": "jpeg", "range": (0, 90)}, "augmentations: jpeg: range [0, 90]: give the lower and the upper end"),
        ({"kind": "flip", "range": (0, 1)}, "augmentations: flip: it has no range; leave it out"),
        ({"kind": "noise", "p": 1.5}, "augmentations: noise: p 1.5: give a share from 0 to 1"),
    ],
)  # fmt: skip
def test_what_no_image_could_be_changed_by_is_refused(step, words):
    with pytest.raises(ConfigError, match=f"^{re.escape(words)}"):
        AugmentStep(**step)
    with pytest.raises(ConfigError):
        make_config(options={"augmentations": [step]})


def test_a_list_goes_through_yaml_and_back():
    given = make_config(options={"augmentations": [{"kind": "rotate", "range": [-5, 5], "p": 0.5}, {"kind": "flip"}]})
    assert given.augmentations == [AugmentStep("rotate", (-5, 5), 0.5), AugmentStep("flip")]
    assert make_config(options=given.to_dict()) == given
    assert TrainConfig().augmentations is None


@pytest.mark.parametrize("options", [{"augmentations": []}, {"augmentations": [{"kind": "flip"}], "augment": "photo"}])
def test_a_list_and_a_preset_are_not_both(options, refuses):
    with refuses(ConfigError, "augmentations: give at least one, and no augment beside them"):
        make_config(options=options)


def test_the_page_says_what_each_kind_does():
    lines = [line.strip()[1:-1].split("|") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    table = {name.strip(" `"): [cell.strip() for cell in cells] for name, *cells in lines}
    for name, kind in KINDS.items():
        usual, allowed = (f"{low:g} to {high:g}" if high else "" for low, high in (kind.usual, kind.allowed))
        assert table[name] == [kind.description, usual, allowed], name
