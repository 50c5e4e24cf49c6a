"""Losses and figures of classes, mixup and class weights, against references."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score
from sklearn.utils.class_weight import compute_class_weight

import tellapart
from tellapart.core.errors import ConfigError
from tellapart.inference.preprocess import Preprocess
from tellapart.training.auto_config import plan
from tellapart.training.config import Stage, TrainConfig, make_config
from tellapart.training.models.classifier import Classifier
from tellapart.training.run_folder import Run
from tellapart.training.tasks.classification import (
    ClassificationModule,
    ClassificationTask,
    balanced_weights,
    check_class_weights,
)

SPEC = Preprocess(height=24, width=24, channels=3, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))

LABELS = ["bar", "disc", "ring"]

TARGETS = torch.tensor([0, 1, 2, 1, 0, 2, 1, 1])


def classify(stage="all", weights=None, **options):
    config = TrainConfig(**{"augment": "none", **options})
    torch.manual_seed(0)
    return ClassificationModule(
        Classifier(3, "small"), SPEC, config, Stage(stage), 0, targets=TARGETS, labels=LABELS, weights=weights
    )


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


def test_weights_by_name_are_of_the_datas_classes(refuses):
    catalog = SimpleNamespace(labels=("calm", "teasing"))
    check_class_weights(TrainConfig(class_weights={"teasing": 2}), catalog)
    check_class_weights(TrainConfig(class_weights="balanced"), catalog)
    with refuses(ConfigError, "class_weights: no class 'teasin' (did you mean 'teasing'?); there are: calm, teasing"):
        check_class_weights(TrainConfig(class_weights={"teasin": 2}), catalog)


def test_a_class_of_weight_two_counts_like_its_images_twice(shapes, tmp_path):
    config = make_config(options={"class_weights": {"disc": 2}, "backbone": "small", "device": "cpu", "epochs": 1})
    catalog = tellapart.split(shapes)
    run = Run.create(tmp_path / "run", catalog, plan(config, catalog))
    model = Classifier(3, "small")
    module = ClassificationTask().training_module(run, catalog, model, SPEC, Stage(), 0)
    assert module.weights.tolist() == [1.0, 2.0, 1.0]
    logits = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    rows = torch.tensor([catalog.column("label").index(name) for name in ("bar", "disc")])
    weighed = float(module.loss(logits, rows, training=False))
    module.weights = None
    assert weighed == pytest.approx(float(module.loss(logits[[0, 1, 1]], rows[[0, 1, 1]], training=False)))


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
    assert [each.row for each in task.answers] == [0, 3, 5, 2, 1, 7]
    assert [each.truth == each.answer for each in task.answers] == (truth == predicted).tolist()
    assert task.answers[-1].confidence == pytest.approx(float(seen[-1][0].softmax(dim=1).max()))


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
