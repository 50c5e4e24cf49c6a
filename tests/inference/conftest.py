"""What several test files of inference share: a predictor of each task, and images for it."""

from __future__ import annotations

import pytest

from tellapart.inference.predictor import load


@pytest.fixture(scope="module")
def shape_predictor(shape_bundle):
    return load(shape_bundle)


@pytest.fixture(scope="module")
def text_predictor(text_bundle):
    return load(text_bundle)


@pytest.fixture(scope="module")
def shape_files(shapes):
    return sorted(shapes.rglob("*.png"))


@pytest.fixture(scope="module")
def text_files(texts):
    return sorted(texts.glob("*.png"))
