"""The typed options of a training are those of its configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from tellapart.training.augmentation_options import AugmentStep
from tellapart.training.config import Stage, TrainConfig, make_config
from tellapart.training.options import AugmentStepOptions, ReaderOptions, StageOptions, TrainOptions

CONFIG, OPTIONS = get_type_hints(TrainConfig), get_type_hints(TrainOptions)
# What `make_config` turns into the type of the configuration.
WIDER = {
    "stages": (list[Stage], Sequence[Stage | StageOptions]),
    "augmentations": (list[AugmentStep], Sequence[AugmentStep | AugmentStepOptions]),
    "coarse_labels": (str, str | Path),
    "init_from": (str, str | Path),
    "weights": (str, str | Path),
}


def test_the_names_are_those_of_the_configuration():
    assert set(OPTIONS) == {item.name for item in fields(TrainConfig)}
    assert not TrainOptions.__required_keys__


@pytest.mark.parametrize("name", CONFIG)
def test_the_types_are_those_of_the_configuration(name):
    if name in WIDER:
        narrow, wide = WIDER[name]
        assert (CONFIG[name], OPTIONS[name]) == (narrow | None, wide | None)
    else:
        assert OPTIONS[name] == CONFIG[name]


def test_a_stage_has_the_fields_of_a_stage():
    assert get_type_hints(StageOptions) == get_type_hints(Stage)


def test_the_wider_types_are_accepted(tmp_path):
    config = make_config(options={"stages": [{"train": "head", "epochs": 2}, Stage("all")], "init_from": tmp_path})
    assert config.stages == [Stage("head", epochs=2), Stage("all")]
    assert config.init_from == str(tmp_path)
    assert make_config(options={"coarse_labels": Path("groups.yaml")}).coarse_labels == "groups.yaml"


def test_a_readers_options_leave_out_what_a_verb_decides():
    from tellapart.training.config import OF_CLASSIFIERS

    assert set(ReaderOptions.__annotations__) <= set(TrainOptions.__annotations__)
    readers = set(ReaderOptions.__annotations__)
    assert readers.isdisjoint({"task", "seed", "init_from", "pretrained", *OF_CLASSIFIERS})
    assert len(get_args(OPTIONS["effort"])) == 3
