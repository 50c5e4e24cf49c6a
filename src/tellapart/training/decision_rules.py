"""What a bundle does with its network's answers: how sure it says it is, what counts as positive, when it abstains."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from tellapart.core.errors import ConfigError, did_you_mean
from tellapart.data.catalog import Catalog
from tellapart.inference.beam_search import decode
from tellapart.inference.charset import Charset
from tellapart.inference.constraints import TextConstraint, common_length
from tellapart.inference.postprocess import EVEN
from tellapart.metrics import calibration
from tellapart.metrics.calibration import expected_calibration_error
from tellapart.metrics.lda import softmax
from tellapart.metrics.tagging import joint_probability
from tellapart.training.config import TrainConfig

Floats = npt.NDArray[np.float32]


def check_positive_class(config: TrainConfig, catalog: Catalog) -> None:
    """A threshold parts two classes, and the positive class is one of the data's.

    Raises:
        ConfigError: there are more classes, or none of this name.
    """
    if config.threshold is not None and len(catalog.labels) != 2:
        raise ConfigError(
            f"threshold: a threshold parts two classes, and there are {len(catalog.labels)}; leave it out"
        )
    if config.positive_class is not None and config.positive_class not in catalog.labels:
        hint = did_you_mean(config.positive_class, catalog.labels)
        raise ConfigError(f"positive_class {config.positive_class!r}: no such class{hint}")


def expected_length(catalog: Catalog) -> int | None:
    """How many characters a reader is to expect: as many as all texts but those of the test part have, if alike."""
    labels = catalog.column("label")
    return common_length([labels[row] for row in {*catalog.training_rows(), *catalog.rows("val")}])


def calibrate_texts(config: TrainConfig, catalog: Catalog, rows: list[int], logits: Floats) -> dict[str, Any]:
    """What the bundle of a reader does with its network's answers, chosen on validation rows.

    Args:
        config: its ``abstain`` is the share of right answers to aim at.
        catalog: the data, split.
        rows: validation rows.
        logits: N, T, K in the order of ``rows``.

    Returns:
        ``temperature``; ``n``; ``ece`` before and after it; ``abstain`` where asked for.
    """
    charset = Charset.of([*catalog.labels, catalog.characters])
    truth = [catalog.column("label")[row] for row in rows]
    rule = TextConstraint(length=expected_length(catalog))

    def confidences(temperature: float) -> tuple[Floats, npt.NDArray[np.bool_]]:
        readings = [best for best, *_ in decode(softmax(logits / np.float32(temperature)), charset, rule)]
        right = [reading.text == text for reading, text in zip(readings, truth, strict=True)]
        return np.array([reading.confidence for reading in readings], np.float32), np.array(right)

    before, right = confidences(1.0)
    temperature = calibration.text_temperature(lambda t: confidences(t)[0], right)
    after, right_after = confidences(temperature)
    result: dict[str, Any] = {
        "temperature": temperature,
        "n": len(rows),
        "ece": {
            "before": expected_calibration_error(before, right),
            "after": expected_calibration_error(after, right_after),
        },
    }
    if config.abstain is not None:
        result["abstain"] = {
            "below": calibration.abstain_level(after, right_after, config.abstain),
            "aim": config.abstain,
        }
    return result


def calibrate_classes(config: TrainConfig, catalog: Catalog, rows: list[int], logits: Floats) -> dict[str, Any]:
    """What the bundle of a classifier does with its network's answers, chosen on validation rows.

    Args:
        config: its ``abstain`` is the share of right answers to aim at, its ``threshold`` the aim of a threshold.
        catalog: the data, split.
        rows: validation rows.
        logits: N, K in the order of ``rows``.

    Returns:
        ``temperature``; ``n``; ``ece`` before and after it; ``threshold`` and ``abstain`` where asked for.
    """
    labels = list(catalog.labels)
    index = {label: place for place, label in enumerate(labels)}
    target = np.array([index[catalog.column("label")[row]] for row in rows])
    temperature = calibration.temperature(logits, target)
    after = softmax(logits / temperature)
    answers = after.argmax(axis=1)
    threshold = {}
    if config.threshold is not None:
        positive = index[str(positive_class(config, catalog))]
        at = calibration.threshold(after[:, positive], target == positive, config.threshold)
        threshold = {"threshold": {"positive": labels[positive], "at": at, "aim": config.threshold}}
        answers = np.where(after[:, positive] >= at, positive, 1 - positive)
    right = answers == target
    before, confidence = (chances[np.arange(len(answers)), answers] for chances in (softmax(logits), after))
    result: dict[str, Any] = {
        "temperature": temperature,
        "n": len(rows),
        "ece": {
            "before": expected_calibration_error(before, right),
            "after": expected_calibration_error(confidence, right),
        },
        **threshold,
    }
    if config.abstain is not None:
        level = calibration.abstain_level(confidence, right, config.abstain)
        result["abstain"] = {"below": level, "aim": config.abstain}
    return result


def calibrate_tags(config: TrainConfig, catalog: Catalog, rows: list[int], logits: Floats) -> dict[str, Any]:
    """What the bundle of a tagger does with its network's answers, chosen on validation rows.

    Each tag has a threshold of its own, chosen for the aim ``threshold``, by default f1. A tag that no validation image
    has is answered from a half on.

    Args:
        config: its ``abstain`` is the share of answers with all tags right to aim at.
        catalog: the data, split.
        rows: validation rows.
        logits: N, K in the order of ``rows``.

    Returns:
        ``temperature``; ``n``; ``ece`` of the probabilities of all tags before and after it; ``thresholds``;
        ``abstain`` where asked for.
    """
    aim = config.threshold or "f1"
    truth = tag_targets(catalog)[rows].astype(bool)
    temperature = calibration.tag_temperature(logits, truth)
    before, after = (1 / (1 + np.exp(-logits.astype(np.float64) / scale)) for scale in (1.0, temperature))
    at = np.array([
        calibration.threshold(after[:, place], truth[:, place], aim) if truth[:, place].any() else EVEN
        for place in range(truth.shape[1])
    ])  # fmt: skip
    result: dict[str, Any] = {
        "temperature": temperature,
        "n": len(rows),
        "ece": {
            "before": expected_calibration_error(before.ravel(), truth.ravel()),
            "after": expected_calibration_error(after.ravel(), truth.ravel()),
        },
        "thresholds": {"at": dict(zip(catalog.labels, at.tolist(), strict=True)), "aim": aim},
    }
    if config.abstain is not None:
        said = after >= at
        level = calibration.abstain_level(joint_probability(after, said), (said == truth).all(axis=1), config.abstain)
        result["abstain"] = {"below": level, "aim": config.abstain}
    return result


def tag_targets(catalog: Catalog) -> npt.NDArray[np.float32]:
    """Whether each row of a catalog has each of its labels: rows, K in the order of ``catalog.labels``."""
    index = {label: place for place, label in enumerate(catalog.labels)}
    result = np.zeros((len(catalog), len(index)), np.float32)
    for row, label in enumerate(catalog.column("label")):
        result[row, [index[each] for each in catalog.labels_in(label) if each in index]] = 1
    return result


def positive_class(config: TrainConfig, catalog: Catalog) -> str | None:
    """Of two classes the one that a threshold is for: as said, or the rarer one of the training part; None of more."""
    if config.positive_class is not None or len(catalog.labels) != 2:
        return config.positive_class
    label = catalog.column("label")
    count = Counter(label[row] for row in catalog.rows("train"))
    return min(catalog.labels, key=lambda name: (count[name], name))
