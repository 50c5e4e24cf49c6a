"""Classifiers: any size, both views of a picture, several that answer together."""

from __future__ import annotations

import pytest
import torch

from tellapart.training.models.classifier import Classifier, Ensemble, log_mean_probability


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(16, 16), (24, 40), (128, 96)])
def test_the_small_classifier_takes_any_size(channels, size):
    model = Classifier(5, "small", channels).eval()
    x = torch.randn(2, channels, *size)
    with torch.inference_mode():
        assert model(x).shape == (2, 5)
        assert model.embed(x).shape == (2, model.backbone.num_features)
        torch.testing.assert_close(model(x), model.head(model.embed(x)))


class TestMirror:
    def test_the_answer_is_the_mean_of_both_views(self):
        model = Classifier(3, flip_tta=True).eval()
        x = torch.rand(4, 3, 32, 40)
        both = (model.once(x).softmax(1) + model.once(x.flip(3)).softmax(1)) / 2
        torch.testing.assert_close(model(x).softmax(1), both)
        torch.testing.assert_close(model(x), model(x.flip(3)))
        assert not torch.allclose(model.once(x), model.once(x.flip(3)))

    def test_learning_sees_the_picture_as_it_is(self):
        model = Classifier(3, flip_tta=True, dropout=0.0).train()
        x = torch.rand(4, 3, 32, 40)
        torch.testing.assert_close(model(x), model.once(x))


def test_the_mean_of_probabilities_is_not_that_of_logits():
    logits = [torch.randn(5, 4, generator=torch.Generator().manual_seed(n)) * 4 for n in range(3)]
    mean = torch.stack([each.softmax(dim=1) for each in logits]).mean(dim=0)
    torch.testing.assert_close(log_mean_probability(logits).exp(), mean)
    torch.manual_seed(0)
    models = [Classifier(4, "small").eval() for _ in range(2)]
    x = torch.rand(3, 3, 24, 24)
    with torch.inference_mode():
        expected = torch.stack([model(x).softmax(dim=1) for model in models]).mean(dim=0)
        torch.testing.assert_close(Ensemble(models)(x).softmax(dim=1), expected)
