"""A graph is held to the model that it was made of: each answer, each probability, each feature."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from tellapart.core.errors import ParityError
from tellapart.inference.preprocess import Preprocess
from tellapart.pipelines.parity import compare, probing_batches

CLOSE, FAR = np.float32(1e-5), np.float32(1e-3)


class Graph:
    """Answers with the sums of its pixels, a little off."""

    def __init__(self, probability=0.0, feature=0.0, flip=False):
        self.probability, self.feature, self.flip = probability, feature, flip

    def both(self, pixels):
        probabilities, features = model(pixels)
        return probabilities[:, :: -1 if self.flip else 1] + self.probability, features + self.feature

    def interpret(self, names, probabilities):
        return [SimpleNamespace(answer=int(each.argmax())) for each in probabilities]


def model(pixels):
    share = pixels.reshape(len(pixels), -1).mean(axis=1, dtype=np.float32) / 255
    return np.stack([share, 1 - share], axis=1), share[:, None]


def batches():
    return [(["dark", "light"], np.stack([np.full((4, 4, 1), grey, np.uint8) for grey in (30, 220)]))]


def test_what_is_close_passes():
    parity = compare(model, Graph(CLOSE, CLOSE), batches())
    assert (parity.images, parity.compared, parity.different_answers) == (2, 2, 0)
    assert parity.largest_difference == pytest.approx(1e-5, rel=0.1)


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (Graph(probability=FAR), r"dark: a probability of the exported graph differs by 0\.001 from that of the mean"),
        (Graph(feature=FAR), r"dark: a feature of the exported graph differs by 0\.001 from that of the mean"),
        (Graph(flip=True), "dark: the mean answers 1, the exported graph 0; nothing was written"),
    ],
)
def test_what_is_not_is_named(graph, words):
    with pytest.raises(ParityError, match=f"^{words}"):
        compare(model, graph, batches(), "the mean")


def test_batches_probe_higher_canvases_where_the_height_is_open():
    spec = Preprocess(height=40, width=None, channels=1)
    images = [(str(n), np.zeros((40, 64, 1), np.uint8)) for n in range(8)]
    shapes = {pixels.shape[1:3] for _, pixels in probing_batches(images, spec, open_height=True)}
    assert shapes == {(40, 64), (40, 96), (40, 160), (48, 64), (64, 64)}
    assert (spec.open_height, spec.scaled(1.2).height, spec.scaled(1.6).height) == (True, 48, 64)
    assert not Preprocess(height=24, width=None, channels=1).open_height
    assert not Preprocess(height=40, width=40, channels=1).open_height


def test_batches_probe_each_width_and_wider_canvases():
    spec = Preprocess(height=8, width=None, channels=1)
    images = [(str(n), np.zeros((8, 64 if n < 9 else 32, 1), np.uint8)) for n in range(10)]
    shapes = [(len(names), pixels.shape[2]) for names, pixels in probing_batches(images, spec)]
    assert shapes == [
        (9, 64), (1, 64), (2, 64), (7, 64), (7, 96), (7, 160), (1, 32), (1, 32), (1, 32), (1, 32), (1, 64), (1, 128)
    ]  # fmt: skip
