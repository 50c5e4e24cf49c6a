"""A reader that begins with what another has learnt: the same network, its letters matched by character."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from tellapart.core.errors import ConfigError
from tellapart.inference.base_model import BASE_SMALL, is_shipped, shipped_reader
from tellapart.inference.bundle import Bundle
from tellapart.inference.charset import Charset
from tellapart.inference.ink import LUMA
from tellapart.inference.preprocess import Preprocess
from tellapart.training.checkpointing import read_checkpoint, read_weights
from tellapart.training.run_folder import MODEL, Run

FIRST = "features.0.0.weight"  # of the first convolution: outputs, channels, 3, 3


def warm_start(model: nn.Module, charset: Charset, spec: Preprocess, source: str) -> bool:
    """Give a reader the weights of another; of its letters, those that the other knows too.

    A letter that is new begins at random, as do all in a training from nothing. A reader of coloured pictures that
    begins with one of grey pictures sees their grey at first. Layers that the other lacks keep their beginning.

    Args:
        model: the reader that is to be trained.
        charset: the characters of its texts.
        spec: the preprocessing of its pictures.
        source: a run folder, a checkpoint in one, a bundle with weights, or ``small``, the shipped reader.

    Returns:
        Whether the other knows all the letters, and so reads already.

    Raises:
        ConfigError: it holds no weights, is no reader, or sees pictures of another size.
        BundleError: there is neither a run nor a bundle.
    """
    weights, known, height, channels = _read_source(source)
    if height != spec.height or channels > spec.channels:
        what = {1: "grey", 3: "colour"}
        raise ConfigError(
            f"init_from {source!r}: it reads pictures of {height} px in {what[channels]}, here they have "
            f"{spec.height} px in {what[spec.channels]}; leave out height and colour, or train from scratch"
        )
    if channels < spec.channels and (first := weights.get(FIRST)) is not None and first.ndim == 4:
        weights[FIRST] = first * torch.tensor(LUMA).view(1, 3, 1, 1)
    place = {character: index for index, character in enumerate(known.characters, 1)}
    own = model.state_dict()
    for name in ("head.weight", "head.bias"):
        other, mine = weights.pop(name, None), own[name].clone()
        if other is None or other.shape != (known.size, *mine.shape[1:]):
            raise ConfigError(f"init_from {source!r}: another network than this version trains; train from scratch")
        mine[0] = other[0]
        for index, character in enumerate(charset.characters, 1):
            if character in place:
                mine[index] = other[place[character]]
        own[name] = mine
    if odd := [name for name, value in weights.items() if name not in own or own[name].shape != value.shape]:
        raise ConfigError(
            f"init_from {source!r}: another network than this version trains ({odd[0]}); train from scratch"
        )
    model.load_state_dict(own | weights)
    return set(charset.characters) <= set(known.characters)


def known_characters(source: str | None) -> frozenset[str]:
    """The characters that a reader begins with: none of a training from nothing.

    Raises:
        ConfigError, BundleError: as `warm_start`.
    """
    return frozenset() if source is None else frozenset(_read_source(source)[1].characters)


def _read_source(source: str) -> tuple[dict[str, torch.Tensor], Charset, int, int]:
    """Weights and characters of a reader, and the height and the channels of its pictures."""
    path = shipped_reader(source) if is_shipped(source) else Path(source)
    if path.suffix == ".ckpt":
        if len(path.parents) < 3:
            raise ConfigError(f"{path}: not within a run folder, such as RUN/checkpoints/stage-0/last.ckpt")
        run = Run.open(path.parents[2])
        if run.config.task != "read":
            raise ConfigError(f"{path}: a classifier's; a reader can only start from a reader")
        return read_checkpoint(run.checkpoint(str(path))), *_facts(run)
    if (path / MODEL).is_file() and not (path / "bundle.json").is_file():
        run = Run.open(path)
        if run.config.task != "read":
            raise ConfigError(f"{path}: a classifier; a reader can only start from a reader")
        return read_weights(path / MODEL), *_facts(run)
    bundle = Bundle.open(path)
    if bundle.task != "read":
        raise ConfigError(f"{path}: a classifier; a reader can only start from a reader")
    if MODEL not in bundle.manifest.files:
        other = BASE_SMALL if is_shipped(source) else "its run folder, or export it with --weights"
        raise ConfigError(f"{source}: this bundle only predicts; start from {other}")
    weights = read_weights(bundle.path / MODEL)  # halves; copying makes floats of them
    first = weights.get(FIRST)  # of an ensemble, the network whose weights these are may see less than all of it
    channels = bundle.preprocess.channels if first is None or first.ndim != 4 else int(first.shape[1])
    return weights, bundle.charset, bundle.preprocess.height, channels


def _facts(run: Run) -> tuple[Charset, int, int]:
    assert run.config.height is not None
    return run.charset, run.config.height, 1 if run.config.colour == "grey" else 3
