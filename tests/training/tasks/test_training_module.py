"""One stage: what is frozen, the optimiser, its rate and its schedule."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from tellapart.inference.preprocess import Preprocess
from tellapart.training.config import Stage, TrainConfig
from tellapart.training.models.classifier import Classifier
from tellapart.training.tasks.classification import ClassificationModule

SPEC = Preprocess(height=24, width=24, channels=3, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))

LABELS = ["bar", "disc", "ring"]

TARGETS = torch.tensor([0, 1, 2, 1, 0, 2, 1, 1])


def classify(stage="all", weights=None, **options):
    config = TrainConfig(**{"augment": "none", **options})
    torch.manual_seed(0)
    return ClassificationModule(
        Classifier(3, "small"), SPEC, config, Stage(stage), 0, targets=TARGETS, labels=LABELS, weights=weights
    )


def modes(task):
    return {name for name, module in task.model.named_modules() if module.training and not list(module.children())}


@pytest.mark.parametrize("stage", ["head", "last:1", "all"])
def test_what_is_frozen_evaluates_and_what_learns_trains(stage):
    task = classify(stage)
    task.trainer = SimpleNamespace(current_epoch=0)
    task.on_fit_start()
    task.on_train_epoch_start()
    learning = {name for name, parameter in task.model.named_parameters() if parameter.requires_grad}
    everything = {name for name, _ in task.model.named_parameters()}
    leaves = {name for name, module in task.model.named_modules() if not list(module.children())}
    assert "dropout" in modes(task)
    if stage == "all":
        assert learning == everything
        assert modes(task) == leaves
    else:
        parts = ("head", "dropout") if stage == "head" else ("head", "dropout", "backbone.blocks.6.")
        assert learning == {name for name in everything if name.startswith(parts)}
        assert modes(task) == {name for name in leaves if name.startswith(parts)}
    task.on_validation_epoch_start()
    assert modes(task) == set()


def test_the_dice_of_an_epoch_are_its_own():
    def dice(epoch, number=0, seed=0):
        task = classify(seed=seed)
        task.number = number
        task.trainer = SimpleNamespace(current_epoch=epoch)
        task.on_train_epoch_start()
        return float(torch.rand(1)), float(torch.rand(1, generator=task.dice))

    assert dice(3) == dice(3)
    every = [dice(*which) for which in ((0,), (1,), (2,), (0, 1), (1, 1), (0, 0, 1), (1, 0, 1))]
    assert len({value for pair in every for value in pair}) == 2 * len(every)


def optimiser(task, steps=20):
    task.trainer = SimpleNamespace(estimated_stepping_batches=steps)
    made = task.configure_optimizers()
    return made["optimizer"], made["lr_scheduler"]


def test_the_backbone_learns_slower_and_norms_do_not_decay():
    config = TrainConfig(augment="none")
    stage = Stage("all", lr=1e-2, lr_factor=0.1)
    task = ClassificationModule(Classifier(3, "small"), SPEC, config, stage, 0, targets=TARGETS, labels=LABELS)
    made, schedule = optimiser(task)
    assert schedule["interval"] == "step"
    names = {id(parameter): name for name, parameter in task.model.named_parameters()}
    seen = []
    for group in made.param_groups:
        for parameter in group["params"]:
            name = names[id(parameter)]
            seen.append(name)
            assert group["initial_lr"] == pytest.approx(1e-2 if name.startswith("head.") else 1e-3)
            assert group["weight_decay"] == (0.02 if parameter.ndim > 1 else 0.0)
    assert sorted(seen) == sorted(names.values())


@pytest.mark.parametrize(
    ("options", "kind", "numbers"),
    [
        ({}, "AdamW", {"betas": (0.9, 0.999), "weight_decay": 0.02}),
        ({"optimizer": "adam"}, "Adam", {"betas": (0.9, 0.999), "weight_decay": 0.0}),
        ({"weight_decay": 0.1, "momentum": 0.8, "beta2": 0.99}, "AdamW", {"betas": (0.8, 0.99), "weight_decay": 0.1}),
        ({"optimizer": "sgd", "lr": 0.1, "weight_decay": 0.001}, "SGD",
         {"momentum": 0.9, "nesterov": True, "weight_decay": 0.001}),
        ({"optimizer": "sgd", "lr": 0.1, "momentum": 0.0}, "SGD", {"momentum": 0.0, "nesterov": False}),
    ],
)  # fmt: skip
def test_the_optimiser_is_the_one_that_was_asked_for(options, kind, numbers):
    made, _ = optimiser(classify(**options))
    assert type(made).__name__ == kind
    (weights,) = [group for group in made.param_groups if group["params"][0] is classify_weight(made)]
    assert {name: weights[name] for name in numbers} == numbers


def classify_weight(made):
    """The first parameter that decays."""
    return next(group["params"][0] for group in made.param_groups if group["params"][0].ndim > 1)


def test_only_what_learns_is_given_to_the_optimiser():
    made, _ = optimiser(classify("head"))
    given = {id(parameter) for group in made.param_groups for parameter in group["params"]}
    task = classify("head")
    made, _ = optimiser(task)
    given = {id(parameter) for group in made.param_groups for parameter in group["params"]}
    assert given == {id(parameter) for parameter in task.model.head.parameters()}


def rates(schedule, epochs=10, steps=5, lr=0.01):
    """The rate at every step of a stage."""
    config = TrainConfig(augment="none")
    stage = Stage("all", epochs=epochs, lr=lr, schedule=schedule)
    task = ClassificationModule(Classifier(3, "small"), SPEC, config, stage, 0, targets=TARGETS, labels=LABELS)
    made, schedule = optimiser(task, epochs * steps)
    assert schedule["interval"] == "step"
    seen = []
    for _ in range(epochs * steps):
        seen.append(made.param_groups[0]["lr"])
        made.step()
        schedule["scheduler"].step()
    return seen


@pytest.mark.parametrize(("every", "factor"), [(1, 0.5), (2, 0.9), (3, 0.1), (4, 1.0)])
def test_steps_are_torchs_by_epoch_after_the_warm_up(every, factor):
    seen = rates(f"step:{every}:{factor}")
    parameter = torch.nn.Parameter(torch.zeros(1))
    reference = torch.optim.SGD([parameter], lr=0.01)
    theirs = torch.optim.lr_scheduler.StepLR(reference, every, gamma=factor)
    expected = []
    for _ in range(10):
        expected += [reference.param_groups[0]["lr"]] * 5
        reference.step()
        theirs.step()
    assert seen[5:] == pytest.approx(expected[5:])
    assert seen[:5] == sorted(seen[:5])
    assert 0 < seen[0] < 0.01 / 5


def test_constant_is_constant_after_the_warm_up():
    seen = rates("constant")
    assert seen[5:] == [0.01] * 45
    assert seen[:5] == sorted(seen[:5])
    assert seen[0] < 0.01 / 5


def test_cosine_is_what_nothing_said_means():
    assert rates("cosine") == rates(Stage().schedule)
    assert rates("cosine")[-1] < 0.01 / 100


def test_a_plateau_starts_at_the_peak_and_is_left_to_the_validation():
    config = TrainConfig(augment="none")
    stage = Stage("all", epochs=9, lr=0.01, schedule="plateau:2:0.1")
    task = ClassificationModule(Classifier(3, "small"), SPEC, config, stage, 0, targets=TARGETS, labels=LABELS)
    made, schedule = optimiser(task)
    task.lr_scheduler_step(schedule["scheduler"], 0.5)
    assert made.param_groups[0]["lr"] == 0.01
    seen = []
    # Negative scores too: of an epoch in which nothing is right, the loss alone is left. A tie is not better.
    for score in (-0.5, -0.4, -0.4, -0.45, -0.39999, 0.0, 0.0, 0.0):
        task.validation_figures = lambda seen, score=score: {"score": score}
        task.log_dict = lambda figures: None
        task.on_validation_epoch_end()
        seen.append(made.param_groups[0]["lr"])
    assert seen == pytest.approx([0.01, 0.01, 0.01, 0.001, 0.001, 0.001, 0.001, 0.0001])
