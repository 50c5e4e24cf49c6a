"""A torchvision that was built for another torch is mended; any other error is not hidden."""

from __future__ import annotations

import builtins
import sys

import pytest

from tellapart.training import _torchvision
from tellapart.training._torchvision import mend_torchvision


@pytest.fixture
def failing(monkeypatch):
    """A function that makes the first import of torchvision fail with this error."""
    real = builtins.__import__

    def fail(error):
        errors = iter([error])

        def importing(name, *args, **kwargs):
            if name == "torchvision" and (first := next(errors, None)) is not None:
                raise first
            return real(name, *args, **kwargs)

        monkeypatch.setattr(builtins, "__import__", importing)

    return fail


def test_what_imports_is_left_alone(monkeypatch):
    monkeypatch.setattr(_torchvision, "_kept", [])
    mend_torchvision()
    assert _torchvision._kept == []
    assert "torchvision" in sys.modules


def test_ops_that_do_not_fit_are_declared_without_a_body(failing, monkeypatch):
    declared = []

    class Library:
        def __init__(self, name, kind):
            assert (name, kind) == ("torchvision", "DEF")

        def define(self, schema):
            declared.append(schema.partition("(")[0])

    import torch.library

    monkeypatch.setattr(torch.library, "Library", Library)
    monkeypatch.setattr(_torchvision, "_kept", [])
    failing(RuntimeError("operator torchvision::nms does not exist"))
    mend_torchvision()
    assert declared == ["nms", "qnms"]
    assert len(_torchvision._kept) == 1  # it must outlive the import


def test_another_error_is_raised(failing):
    failing(RuntimeError("no space left"))
    with pytest.raises(RuntimeError, match="no space left"):
        mend_torchvision()
