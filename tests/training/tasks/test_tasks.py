"""Losses, figures, rates and modes of a stage, against references."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score
from sklearn.utils.class_weight import compute_class_weight

from tellapart.inference.charset import Charset
from tellapart.inference.preprocess import Preprocess
from tellapart.training.config import Stage, TrainConfig
from tellapart.training.models.classifier import Classifier
from tellapart.training.models.ctc_reader import CTCReader
from tellapart.training.tasks import ClassifyTask, ReadTask
from tellapart.training.tasks.base import Scale, rate
from tellapart.training.tasks.classification import balanced_weights

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
    return ReadTask(CTCReader(5), spec, config, Stage("all"), 0, texts=list(texts), charset=charset)


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


def test_letters_that_no_text_holds_are_not_unlearnt():
    logits = torch.randn(2, 8, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    common = (CTCReader(5), Preprocess(height=24, width=None, channels=1), TrainConfig(augment="none"), Stage("all"), 0)
    task = ReadTask(*common, texts=["147", "4"], charset=Charset(("0", "1", "4", "7")), unseen=["0"])
    task.loss(logits, torch.tensor([0, 1]), training=True).backward()
    assert logits.grad.isfinite().all()
    assert not logits.grad[:, :, 1].any()
    assert logits.grad[:, :, [0, 2, 3, 4]].any(dim=(0, 1)).all()
    # What validates is what answers: there they count.
    assert task.loss(logits, torch.tensor([0, 1]), training=False) > task.loss(
        logits, torch.tensor([0, 1]), training=True
    )


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


# --- mixup -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_mixup_blends_pictures_and_losses_in_the_same_share(share, smoothing, monkeypatch):
    task = classify(mixup=0.4, label_smoothing=smoothing, dropout=0.0)
    task.eval()
    task.dice = torch.Generator().manual_seed(0)
    order = np.array([2, 0, 3, 1])
    given = []

    def dice(seed):
        def beta(a, b):
            given.append((a, b))
            return share

        return SimpleNamespace(beta=beta, permutation=lambda n: order[:n])

    monkeypatch.setattr("tellapart.training.tasks.classification.np.random.default_rng", dice)
    rows = torch.tensor([0, 1, 2, 5])
    x = torch.rand(4, 3, 24, 24, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        loss = float(task.training_loss(x, rows))
        logits = task.model(share * x + (1 - share) * x[order]).double()
    assert given == [(0.4, 0.4)]
    # The same by blended soft targets: cross entropy is linear in them.
    hot = np.eye(3)[TARGETS[rows].numpy()]
    wanted = share * hot + (1 - share) * hot[order]
    wanted = (1 - smoothing) * wanted + smoothing / 3
    assert loss == pytest.approx(
        float(-(torch.from_numpy(wanted) * logits.log_softmax(dim=1)).sum(dim=1).mean()), rel=1e-4
    )


def test_without_mixup_the_loss_is_the_plain_one_and_no_dice_are_thrown():
    task = classify().eval()
    task.dice = torch.Generator().manual_seed(0)
    before = task.dice.get_state()
    rows, x = torch.tensor([0, 1, 2]), torch.rand(3, 3, 24, 24)
    assert torch.equal(task.training_loss(x, rows), task.loss(task.model(x), rows, training=True))
    assert torch.equal(task.dice.get_state(), before)


def test_the_dice_of_the_epoch_decide_the_blend():
    task = classify(mixup=1.0).eval()
    rows, x = torch.arange(8), torch.rand(8, 3, 24, 24)
    losses = []
    for seed in (1, 1, 2):
        task.dice = torch.Generator().manual_seed(seed)
        state = np.random.get_state()[1].tolist(), torch.get_rng_state()
        losses.append(float(task.training_loss(x, rows).detach()))
        assert np.random.get_state()[1].tolist() == state[0]
        assert torch.equal(torch.get_rng_state(), state[1])
    assert losses[0] == losses[1] != losses[2]


# --- schedules ---------------------------------------------------------------------------------------


def rates(schedule, epochs=10, steps=5, lr=0.01):
    """The rate at every step of a stage."""
    config = TrainConfig(augment="none")
    stage = Stage("all", epochs=epochs, lr=lr, schedule=schedule)
    task = ClassifyTask(Classifier(3, "small"), SPEC, config, stage, 0, targets=TARGETS, labels=LABELS)
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
    task = ClassifyTask(Classifier(3, "small"), SPEC, config, stage, 0, targets=TARGETS, labels=LABELS)
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
