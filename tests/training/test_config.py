"""Options: who overrides whom, and the words for what is not one."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tellapart.core.errors import ConfigError
from tellapart.training import config as room
from tellapart.training.config import (
    Stage,
    TrainConfig,
    make_config,
)
from tellapart.training.recipes import recipe_names, recipe_part, recipe_text


@pytest.fixture
def written(tmp_path):
    """A function that writes a configuration file."""

    def write(text):
        path = tmp_path / "config.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


# --- who overrides whom


def test_nothing_said_is_the_defaults():
    assert make_config() == TrainConfig()
    assert make_config(options={}) == TrainConfig()


def test_a_file_overrides_a_recipe_and_an_option_overrides_both(written, monkeypatch):
    monkeypatch.setattr(room, "recipe_text", lambda name: "seed: 1\nepochs: 1\nbatch_size: 1\n")
    path = written("epochs: 2\nbatch_size: 2\n")
    made = make_config("any", path, {"batch_size": 3})
    assert (made.seed, made.epochs, made.batch_size) == (1, 2, 3)
    assert make_config("any", path) == TrainConfig(seed=1, epochs=2, batch_size=2)
    assert make_config("any") == TrainConfig(seed=1, epochs=1, batch_size=1)
    assert make_config(config=str(path), options={"seed": 9}) == TrainConfig(seed=9, epochs=2, batch_size=2)


def test_none_overrides_too(written):
    assert make_config(config=written("epochs: 2\n"), options={"epochs": None}).epochs is None
    assert make_config(config=written("epochs:\n")).epochs is None


def test_every_option_can_stand_in_a_file(written):
    whole = TrainConfig(
        task="read", seed=3, coarse_labels="g.yaml", label_from="text", file_column="f", label_column="l", group_by="t",
        backbone="small", pretrained=False, height=48, width=64, colour="grey",
        stages=[Stage("head", 1, 0.1, 0.5), Stage("last:3", 2)], epochs=5, batch_size=7, augment="none",
        class_weights="balanced", label_smoothing=0.0, dropout=0.0, patience=2, device="cpu", precision="float32",
        cache_gb=0.5,
    )  # fmt: skip
    default = TrainConfig()
    named = [item.name for item in fields(TrainConfig)]
    known_here = [name for name in named if getattr(whole, name) != getattr(default, name)]
    assert len(known_here) >= 23
    assert make_config(config=written(yaml.safe_dump(whole.to_dict()))) == whole
    assert make_config(options=whole.to_dict()) == whole


@given(st.fixed_dictionaries({}, optional={
    "seed": st.integers(0, 2**31), "epochs": st.none() | st.integers(1, 500), "height": st.none() | st.integers(8, 512),
    "dropout": st.floats(0, 0.99), "label_from": st.text(min_size=1), "group_by": st.none() | st.just("who"),
    "colour": st.sampled_from(["auto", "grey", "rgb"]), "pretrained": st.booleans(),
}))  # fmt: skip
def test_what_is_given_is_what_is_had(options):
    assert make_config(options=options) == TrainConfig(**options)


def test_a_path_may_name_the_groups(tmp_path):
    assert make_config(options={"coarse_labels": tmp_path / "g.yaml"}).coarse_labels == str(tmp_path / "g.yaml")


# --- what is no option


@pytest.mark.parametrize(
    ("key", "hint"),
    [("epoch", " (did you mean 'epochs'?)"), ("batchsize", " (did you mean 'batch_size'?)"), ("zzz", "")],
)
def test_an_unknown_key_is_named_with_its_neighbour(written, refuses, key, hint):
    with refuses(ConfigError, f"unknown option {key!r}{hint}"):
        make_config(options={key: 3})
    file = written(f"{key}: 3\n")
    with refuses(ConfigError, f"{file}: unknown option {key!r}{hint}"):
        make_config(config=file)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", "many"), ("epochs", 2.5), ("seed", "x"), ("pretrained", "perhaps"),
        ("task", "detect"), ("colour", "sepia"), ("device", "tpu"), ("dropout", "half"), ("stages", "head"),
        ("stages", [3]), ("cache_gb", "all"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_is_named_with_its_key(key, value):
    with pytest.raises(ConfigError) as caught:
        make_config(options={key: value})
    assert key in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_value_of_the_wrong_kind_in_plain_words(refuses):
    for key, value, kind in (
        ("epochs", "many", "a whole number"),
        ("seed", "many", "a whole number"),
        ("dropout", "half", "a number"),
        ("pretrained", "perhaps", "true or false"),
        ("stages", "head", "a list"),
        ("task", "detect", "'classify' or 'read' or 'tag'"),
    ):
        with refuses(ConfigError, f"option {key}: {value!r} does not fit; give {kind}"):
            make_config(options={key: value})
    with refuses(ConfigError, "stages: give at least one, or leave them out"):
        make_config(options={"stages": []})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"epochs": 0}, "epochs 0: give at least 1"),
        ({"batch_size": -1}, "batch_size -1: give at least 1"),
        ({"patience": 0}, "patience 0: give at least 1"),
        (
            {"preprocess": "darkest largest"},
            "preprocess: 'largest' is no preprocessing of a training; give its pictures a height",
        ),
        ({"height": 7}, "height 7: give at least 8"),
        ({"width": 0}, "width 0: give at least 8"),
        ({"dropout": 1.0}, "label_smoothing and dropout: give a number from 0 up to, but not including, 1"),
        ({"label_smoothing": -0.1}, "label_smoothing and dropout: give a number from 0 up to, but not including, 1"),
        ({"dropout": float("nan")}, "label_smoothing and dropout: give a number from 0 up to, but not including, 1"),
        ({"cache_gb": -1.0}, "cache_gb -1.0: give 0 or more"),
        ({"seed": -1}, "seed -1: give a whole number from 0 to 4294967295"),
        ({"seed": 2**32}, "seed 4294967296: give a whole number from 0 to 4294967295"),
        ({"seed": None}, "option seed: null says nothing; give a value, or leave it out"),
        ({"mixup": None}, "option mixup: null says nothing; give a value, or leave it out"),
    ],
)
def test_values_out_of_range(refuses, options, words):
    with refuses(ConfigError, words):
        make_config(options=options)
    with refuses(ConfigError, words):
        TrainConfig(**options)


def test_files_that_cannot_be_used(written, tmp_path, refuses):
    with refuses(ConfigError, f"{tmp_path}/no.yaml: cannot be read: No such file or directory"):
        make_config(config=tmp_path / "no.yaml")
    path = written("epochs: [")
    with pytest.raises(ConfigError, match=r"config\.yaml: not YAML: "):
        make_config(config=path)
    for text in ("- epochs", "epochs", "3"):
        with refuses(ConfigError, f"{written(text)}: write one option a line, as `key: value`"):
            make_config(config=path)
    assert make_config(config=written("# nothing\n")) == TrainConfig()


# --- stages


def test_stages_from_yaml(written):
    path = written("stages:\n  - {train: head, epochs: 2, lr: 0.003}\n  - train: last:6\n    lr_factor: 0.3\n")
    assert make_config(config=path).stages == [Stage("head", 2, 0.003), Stage("last:6", 10, 1e-3, 0.3)]


def test_stages_as_stages_mappings_or_both():
    stages = [Stage("head", 2), Stage("all", 3, 1e-4)]
    for given_stages in (stages, tuple(stages), [stages[0], {"train": "all", "epochs": 3, "lr": 1e-4}]):
        made = make_config(options={"stages": given_stages}).stages
        assert made == stages
        assert all(type(stage) is Stage for stage in made)


@pytest.mark.parametrize(
    "train", ["", "heads", "last", "last:", "last:0", "last:-1", "last:x", "last:1:2", "all:2", "head:1", "last:²"]
)
def test_what_learns_must_be_something(refuses, train):
    for make in (lambda: Stage(train), lambda: make_config(options={"stages": [{"train": train}]})):
        with refuses(ConfigError, f"stage: train {train!r}: give solve, head, last:N or all"):
            make()


@pytest.mark.parametrize("values", [{"epochs": 0}, {"epochs": -1}, {"lr": 0.0}, {"lr": -1e-3}])
def test_a_stage_must_learn(written, refuses, values):
    words = "stage 'last:2': epochs must be at least 1, lr above 0, lr_factor 0 or more"
    with refuses(ConfigError, words):
        Stage("last:2", **values)
    file = written(yaml.safe_dump({"stages": [{"train": "last:2", **values}]}))
    with refuses(ConfigError, f"{file}: {words}"):
        make_config(config=file)


def test_a_stage_with_nothing_said_where_something_must_be(written, refuses):
    file = written("stages: [{train: all, epochs: null}]")
    with refuses(ConfigError, f"{file}: option epochs: null says nothing; give a value, or leave it out"):
        make_config(config=file)


def test_an_unknown_key_of_a_stage_is_named(refuses):
    with refuses(ConfigError, "option stages: it knows no 'rate'"):
        make_config(options={"stages": [{"train": "all", "rate": 3}]})


# --- recipes


def test_every_recipe_is_a_configuration():
    assert {"animal-object", "captcha-characters", "captcha-text"} <= set(recipe_names())
    assert recipe_names() == sorted(recipe_names())
    for name in recipe_names():
        assert make_config(name).task in ("classify", "read")
        assert make_config(name, options={"seed": 77}).seed == 77
        assert recipe_text(name).startswith("# ")


def test_a_recipe_may_draw_its_own_data():
    assert recipe_part("captcha-text", "generate") == yaml.safe_load(recipe_text("captcha-text"))["generate"]
    assert recipe_part("animal-object", "generate") is None


def test_an_unknown_recipe_is_named_with_its_neighbour(refuses):
    there = ", ".join(recipe_names())
    with refuses(ConfigError, f"no recipe 'captcha-tex' (did you mean 'captcha-text'?); there are: {there}"):
        make_config("captcha-tex")
    with refuses(ConfigError, f"no recipe '../config'; there are: {there}"):
        recipe_text("../config")


# --- schedules, averages, members


@pytest.mark.parametrize(
    ("schedule", "steps"),
    [("cosine", ("cosine", 0, 1.0)), ("constant", ("constant", 0, 1.0)), ("step:2:0.9", ("step", 2, 0.9)),
     ("plateau:10:.5", ("plateau", 10, 0.5)), ("step:1:1", ("step", 1, 1.0)), ("step:3:1.0", ("step", 3, 1.0))],
)  # fmt: skip
def test_a_schedule_is_read(schedule, steps):
    assert Stage(schedule=schedule).steps() == steps
    assert make_config(options={"stages": [{"schedule": schedule}]}).stages == [Stage(schedule=schedule)]


@pytest.mark.parametrize(
    "schedule",
    ["", "linear", "cosine:2", "step", "step:2", "step:0:0.9", "step:-1:0.9", "step:2:0", "step:2:0.0", "step:2:1.1",
     "step:2:nan", "step:x:0.5", "plateau:2", "plateau:0:0.5", "step:2:0.9:1", " step:2:0.9", "step:2:0.9\n",
     "Step:2:0.9", "step:²:0.9", "step:２:0.9"],
)  # fmt: skip
def test_another_schedule_is_refused(schedule, refuses):
    words = (
        f"stage 'all': schedule {schedule!r}: give cosine, constant, step:N:F or plateau:N:F with epochs N and a "
        "factor F, such as step:2:0.9"
    )
    with refuses(ConfigError, words):
        Stage(schedule=schedule)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mixup": -0.1}, "mixup -0.1: give 0 or more"),
        ({"views": -1}, "views -1: give 0 or more"),
        ({"cache_gb": -1.0}, "cache_gb -1.0: give 0 or more"),
        ({"ema": 1.0}, "ema 1.0: give a decay from 0 up to, but not including, 1"),
        ({"ema": -0.5}, "ema -0.5: give a decay from 0 up to, but not including, 1"),
        ({"ensemble": 0}, "ensemble: give at least 1; cv_folds: give 0 or at least 2"),
        ({"cv_folds": 1}, "ensemble: give at least 1; cv_folds: give 0 or at least 2"),
        ({"cv_folds": -2}, "ensemble: give at least 1; cv_folds: give 0 or at least 2"),
        ({"ensemble": 2, "cv_folds": 2}, "ensemble and cv_folds: give one of the two"),
        ({"augment": "faces"},
         "option augment: 'faces' does not fit; "
         "give 'photo' or 'glyph' or 'text' or 'hues' or 'face' or 'trivial' or 'robust' or 'none'"),
        ({"class_weights": "even"},
         "option class_weights: 'even' does not fit; give 'none' or 'balanced' or 'sampling' or a mapping"),
        ({"class_weights": {"cat": 0}}, "class_weights: cat: 0.0: give a factor above 0"),
        ({"class_weights": {"cat": "much"}},
         "option class_weights: \"{'cat': 'much'}\" does not fit; "
         "give 'none' or 'balanced' or 'sampling' or a number"),
        ({"lr": 0.0}, "lr 0.0: give a rate above 0, such as 0.001"),
        ({"weight_decay": -1.0}, "weight_decay -1.0: give 0 or more"),
        ({"momentum": 1.0}, "momentum and beta2: give a number from 0 up to, but not including, 1"),
        ({"optimizer": "sgd"},
         "optimizer sgd: give a --lr too, such as 0.05; the usual rates are those of adamw"),
        ({"limit": 0}, "limit 0: give at least 1"),
        ({"mixup": math.nan}, "mixup nan: give 0 or more"),
        ({"mixup": math.inf}, "mixup inf: give 0 or more"),
        ({"cache_gb": math.nan}, "cache_gb nan: give 0 or more"),
        ({"ema": math.nan}, "ema nan: give a decay from 0 up to, but not including, 1"),
        ({"abstain": math.nan}, "abstain nan: give a share above 0 and up to 1, such as 0.99"),
    ],
)  # fmt: skip
def test_numbers_and_words_out_of_range_are_refused(options, words, refuses):
    with refuses(ConfigError, words):
        make_config(options=options)


def test_what_is_wrong_in_a_file_is_said_with_its_name(tmp_path, refuses):
    file = tmp_path / "options.yaml"
    for text, words in (("epochs: three", "option epochs: 'three' does not fit; give a whole number"),
                        ("epoks: 3", "unknown option 'epoks' (did you mean 'epochs'?)"),
                        ("stages: [3]", "option stages: '[3]' does not fit; give another kind of value"),
                        ("lr: -1", "lr -1.0: give a rate above 0, such as 0.001")):  # fmt: skip
        file.write_text(text, encoding="utf-8")
        with refuses(ConfigError, f"{file}: {words}"):
            make_config(config=file)
    file.write_text("epochs: 3", encoding="utf-8")
    with refuses(ConfigError, "seed -1: give a whole number from 0 to 4294967295"):
        make_config(config=file, options={"seed": -1})
