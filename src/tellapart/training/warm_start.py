"""A reader that begins with what another has learnt: the same network, its letters matched by character."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from tellapart.core.errors import ConfigError
from tellapart.core.image_conversion import LUMA
from tellapart.inference.base_model import is_shipped, shipped_reader
from tellapart.inference.bundle import Bundle
from tellapart.inference.charset import Charset
from tellapart.inference.preprocess import Preprocess
from tellapart.training.checkpointing import read_checkpoint, read_weights
from tellapart.training.config import SMALL
from tellapart.training.run_folder import MODEL, Run

FIRST = "features.0.0.weight"  # of the first convolution: outputs, channels, 3, 3


class Beginning(NamedTuple):
    """A reader that a training begins with.

    Args:
        read: reads its weights.
        charset: its characters.
        backbone: the name of its network.
        height: of its pictures, px.
        channels: of its pictures.
        view: of its pictures, as `tellapart.inference.picture_view.View.parse` takes it.
    """

    read: Callable[[], dict[str, torch.Tensor]]
    charset: Charset
    backbone: str
    height: int
    channels: int
    view: str


def warm_start(model: nn.Module, charset: Charset, spec: Preprocess, source: str) -> bool:
    """Give a reader the weights of another; of its letters, those that the other knows too.

    A letter that is new begins at random, as do all in a training from nothing. A reader of coloured pictures that
    begins with one of grey pictures sees their grey at first. Layers that the other lacks keep their beginning.

    Args:
        model: the reader that is to be trained.
        charset: the characters of its texts.
        spec: the preprocessing of its pictures.
        source: a run folder, a checkpoint in one, a bundle with weights, or the name of a shipped reader.

    Returns:
        Whether the other knows all the letters, and so reads already.

    Raises:
        ConfigError: it holds no weights, is no reader, or sees pictures of another size.
        BundleError: there is neither a run nor a bundle.
    """
    begin = open_beginning(source)
    weights, known, height, channels = begin.read(), begin.charset, begin.height, begin.channels
    first = weights.get(FIRST)
    if first is not None and first.ndim == 4:  # of an ensemble, this network may see less than all of it
        channels = int(first.shape[1])
    if height != spec.height or channels > spec.channels:
        what = {1: "grey", 3: "colour"}
        raise ConfigError(
            f"init_from {source!r}: it reads pictures of {height} px in {what[channels]}, here they have "
            f"{spec.height} px in {what[spec.channels]}; leave out height and colour, or train from scratch"
        )
    if channels < spec.channels and first is not None and first.ndim == 4:
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
    return frozenset() if source is None else frozenset(open_beginning(source).charset.characters)


def open_beginning(source: str) -> Beginning:
    """What a training begins with: a run folder, a checkpoint in one, a bundle with weights, or a shipped reader.

    Raises:
        ConfigError: it holds no weights, or is no reader.
        BundleError: there is neither a run nor a bundle.
    """
    path = shipped_reader(source) if is_shipped(source) else Path(source)
    if path.suffix == ".ckpt":
        if len(path.parents) < 3:
            raise ConfigError(f"{path}: not within a run folder, such as RUN/checkpoints/stage-0/last.ckpt")
        run = _reader_run(path.parents[2], path)
        return _of_run(run, lambda: read_checkpoint(run.checkpoint(str(path))))
    if (path / MODEL).is_file() and not (path / "bundle.json").is_file():
        return _of_run(_reader_run(path, path), lambda: read_weights(path / MODEL))
    bundle = Bundle.open(path)
    if bundle.task != "read":
        raise ConfigError(f"{path}: a classifier; a reader can only start from a reader")
    if MODEL not in bundle.manifest.files:
        raise ConfigError(
            f"{source}: this bundle only predicts; start from its run folder, or export it with --weights"
        )
    spec, backbone = bundle.preprocess, str(bundle.manifest.training.get("backbone") or SMALL)
    return Beginning(
        lambda: read_weights(bundle.path / MODEL),  # halves; copying makes floats of them
        bundle.charset, backbone, spec.height, spec.channels, spec.view.code,
    )  # fmt: skip


def _reader_run(folder: Path, named: Path) -> Run:
    run = Run.open(folder)
    if run.config.task != "read":
        raise ConfigError(f"{named}: a classifier; a reader can only start from a reader")
    return run


def _of_run(run: Run, read: Callable[[], dict[str, torch.Tensor]]) -> Beginning:
    config = run.config
    assert config.height is not None
    view = "" if config.preprocess in ("auto", "none") else config.preprocess
    return Beginning(
        read, run.charset, config.backbone or SMALL, config.height, 1 if config.colour == "grey" else 3, view
    )
