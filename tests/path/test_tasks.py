"""Losses, figures, rates and modes of a stage, against references."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score
from sklearn.utils.class_weight import compute_class_weight

from tellapart.charset import Charset
from tellapart.config import Stage, TrainConfig
from tellapart.models.classifier import Classifier
from tellapart.models.reader import Reader
from tellapart.preprocess import Preprocess
from tellapart.tasks import ClassifyTask, ReadTask
from tellapart.tasks.base import Scale, rate
from tellapart.tasks.classify import balanced_weights

SPEC = Preprocess(height=24, width=24, channels=3, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))
LABELS = ["bar", "disc", "ring"]
TARGETS = torch.tensor([0, 1, 2, 1, 0, 2, 1, 1])


def classify(stage="all", weights=None, **options):
    config = TrainConfig(**{"augment": "none", **options})
    torch.manual_seed(0)
    return ClassifyTask(
        Classifier(3, "small"), SPEC, config, Stage(stage), 0, targets=TARGETS, labels=LABELS, weights=weights
    )


def read(texts=("147", "40", "7", ""), **options):
    spec = Preprocess(height=24, width=None, channels=1)
    config = TrainConfig(**{"augment": "none", **options})
    charset = Charset(("0", "1", "4", "7"))
    return ReadTask(Reader(5), spec, config, Stage("all"), 0, texts=list(texts), charset=charset)


def cross_entropy(logits, targets, weights, smoothing):
    """By the definition, in numpy."""
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    k = logits.shape[1]
    ideal = np.full_like(logits, smoothing / k)
    ideal[np.arange(len(targets)), targets] += 1 - smoothing
    return -(ideal * weights * logs).sum() / weights[targets].sum()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, [0.5, 1.0, 2.0]])
def test_the_loss_of_classes(smoothing, weights):
    task = classify(label_smoothing=smoothing, weights=None if weights is None else torch.tensor(weights))
    rows = torch.tensor([6, 0, 5, 3])
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    given = np.ones(3) if weights is None else np.array(weights)
    numbers = (logits.double().numpy(), TARGETS[rows].numpy(), given)
    assert float(task.loss(logits, rows, training=True)) == pytest.approx(cross_entropy(*numbers, smoothing), rel=1e-5)
    assert float(task.loss(logits, rows, training=False)) == pytest.approx(cross_entropy(*numbers, 0.0), rel=1e-5)


def test_balanced_weights_are_scikit_learns():
    targets = np.random.default_rng(0).choice(4, 200, p=[0.6, 0.3, 0.08, 0.02])
    expected = compute_class_weight("balanced", classes=np.arange(4), y=targets)
    np.testing.assert_allclose(balanced_weights(targets, 4).numpy(), expected, rtol=1e-6)


def test_a_class_that_never_occurs_has_a_finite_weight():
    assert balanced_weights(np.array([0, 0, 1]), 3).tolist() == [0.5, 1.0, 1.0]


def test_validation_figures_are_over_all_batches():
    task = classify()
    dice = torch.Generator().manual_seed(2)
    seen = [(torch.randn(len(rows), 3, generator=dice), torch.tensor(rows), loss) for rows, loss in (
        ([0, 3, 5, 2, 1], 0.5), ([7], 2.0),
    )]  # fmt: skip
    figures = task.validation_figures(seen)
    truth = TARGETS[[0, 3, 5, 2, 1, 7]].numpy()
    predicted = torch.cat([logits for logits, _, _ in seen]).argmax(dim=1).numpy()
    assert figures["loss"] == pytest.approx((5 * 0.5 + 2.0) / 6)
    assert figures["accuracy"] == pytest.approx(accuracy_score(truth, predicted))
    assert figures["macro_f1"] == pytest.approx(f1_score(truth, predicted, average="macro", zero_division=0))
    assert figures["score"] == pytest.approx(figures["accuracy"] - 0.01 * figures["loss"])


def test_the_loss_of_texts_is_ctc():
    """Against the sum over all paths, by brute force."""
    from itertools import groupby, product

    task = read(["147", "40", "7", "44"])
    logits = torch.randn(4, 5, 5, generator=torch.Generator().manual_seed(0))
    probabilities = logits.double().softmax(dim=2).numpy()
    losses = []
    for place, text in enumerate(task.texts):
        target = task.charset.encode(text)
        total = sum(
            math.prod(probabilities[place, step, symbol] for step, symbol in enumerate(path))
            for path in product(range(5), repeat=5)
            if [symbol for symbol, _ in groupby(path) if symbol] == target
        )
        losses.append(-math.log(total) / len(target))  # torch's mean is over characters first
    loss = task.loss(logits, torch.arange(4), training=True)
    assert float(loss) == pytest.approx(sum(losses) / 4, rel=1e-4)


def test_reading_figures():
    task = read(["147", "40"])
    logits = torch.full((2, 6, 5), -9.0)
    for place, path in enumerate(([2, 0, 3, 3, 4, 0], [3, 0, 2, 0, 0, 0])):  # "147" and "41"
        for step, symbol in enumerate(path):
            logits[place, step, symbol] = 9.0
    figures = task.validation_figures([(logits, torch.tensor([0, 1]), 0.25)])
    assert figures["exact_match"] == 0.5
    assert figures["cer"] == pytest.approx(1 / 5)
    assert figures["score"] == pytest.approx(0.5 - 0.1 * 0.2 - 0.001 * 0.25)


def test_scaling_is_to_0_and_1_then_by_mean_and_spread():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), dtype=np.uint8)
    expected = ((pixels / 255 - SPEC.mean) / SPEC.std).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(Scale(SPEC)(torch.from_numpy(pixels)).numpy(), expected, atol=1e-6)


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
    task = ClassifyTask(Classifier(3, "small"), SPEC, config, stage, 0, targets=TARGETS, labels=LABELS)
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


def test_only_what_learns_is_given_to_the_optimiser():
    made, _ = optimiser(classify("head"))
    given = {id(parameter) for group in made.param_groups for parameter in group["params"]}
    task = classify("head")
    made, _ = optimiser(task)
    given = {id(parameter) for group in made.param_groups for parameter in group["params"]}
    assert given == {id(parameter) for parameter in task.model.head.parameters()}


def test_the_rate_rises_then_falls_to_nearly_nothing():
    steps = 200
    rates = [rate(step, steps) for step in range(steps)]
    top = rates.index(max(rates))
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert max(rates) == 1.0
    assert top == 20
    assert 0 < rates[0] < 0.06
    assert 0 < rates[-1] < 0.001
    middle = top + (steps - top) // 2
    assert rates[middle] == pytest.approx(0.5, abs=0.01)
    assert [0 < rate(0, n) <= 1 for n in (1, 2, 3)] == [True] * 3
