"""Weights of a backbone from a file: safetensors or a PyTorch state dict, under timm's names or another's."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from tellapart.core.errors import ConfigError, join_some
from tellapart.core.progress import log
from tellapart.core.terminal import excerpt

WRAPPERS = ("state_dict", "model_state_dict", "state_dict_ema", "model_ema", "model")  # where a checkpoint keeps them
PREFIXES = ("", "module.", "model.", "backbone.", "model.backbone.", "encoder.")  # what a trainer puts before a name
HEADS = ("fc", "classifier", "head", "heads", "head_dist")  # the first part of the name of what answers
COUNTER = "num_batches_tracked"  # of a batch norm; old files lack it, and nothing is computed with it

Tensors = dict[str, Tensor]


def load_backbone_weights(model: Any, file: str | Path, channels: int = 3) -> None:
    """Give a timm network without its head the weights in a file.

    Names may be timm's, those of the network's authors as far as timm knows them, or another library's that lists the
    same layers in the same order, as torchvision does for most. A head is left out, and said.

    Args:
        model: as ``timm.create_model`` makes it, with no head.
        file: safetensors, or what ``torch.save`` wrote of a state dict, alone or in a checkpoint.
        channels: of the picture; of weights for three the first layer's are summed for one.

    Raises:
        ConfigError: the file cannot be read, holds more than tensors, or weights of another network.
    """
    state = _without_prefix(read_state_dict(file), model.state_dict())
    own = model.state_dict()
    heads = [name for name in state if name not in own and name.split(".")[0] in HEADS]
    if classes := max((len(state[name]) for name in heads), default=0):
        log(f"{file}: its head for {classes:,} classes is left out; a new one learns")
    body = {name: value for name, value in state.items() if name not in heads}
    for candidate in _candidates(body, model, channels):
        if not _odd(candidate, own):
            model.load_state_dict({**{name: own[name] for name in own if name.endswith(COUNTER)}, **candidate})
            return
    name, odd = model.pretrained_cfg.get("architecture", "this network"), _odd(_adapted(body, model, channels), own)
    raise ConfigError(f"{file}: not weights of {name}: {odd}; name its own --backbone")


def read_state_dict(file: str | Path) -> Tensors:
    """The tensors in a file by their names; nothing but tensors is loaded.

    Raises:
        ConfigError: there is no such file, it is damaged, or holds more than tensors.
    """
    try:
        if Path(file).suffix == ".safetensors":
            return dict(load_file(file))
        value = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ConfigError(
            f"{file}: it holds more than tensors, which is not loaded, as it may run code; "
            "save the network's state_dict() anew, best as safetensors"
        ) from error
    except (OSError, SafetensorError, RuntimeError, ValueError, KeyError, EOFError) as error:
        raise ConfigError(f"{file}: not weights that can be read: {excerpt(error)}") from error
    for key in WRAPPERS:
        if isinstance(value, Mapping) and isinstance(value.get(key), Mapping):
            value = value[key]
    tensors = {str(name): each for name, each in value.items()} if isinstance(value, Mapping) else {}
    tensors = {name: each for name, each in tensors.items() if isinstance(each, Tensor)}
    if not tensors:
        raise ConfigError(f"{file}: no state dict, which maps names to tensors")
    return tensors


def _without_prefix(state: Tensors, own: Mapping[str, Tensor]) -> Tensors:
    """The state whose names are most often the network's, after one of the usual prefixes."""
    versions = [
        {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        for prefix in PREFIXES
    ]
    return max(versions, key=lambda version: len(version.keys() & own.keys()))


def _candidates(body: Tensors, model: nn.Module, channels: int) -> Iterable[Tensors]:
    """The weights as they are named; as timm renames those of the authors; and by their order."""
    yield _adapted(body, model, channels)
    rename = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    if rename is not None:
        try:
            renamed = rename(dict(body), model)
        except (KeyError, ValueError, RuntimeError, AttributeError, TypeError, IndexError):  # not what it is for
            renamed = {}
        known = model.state_dict()
        yield _adapted({name: value for name, value in renamed.items() if name in known}, model, channels)
    own = [name for name in model.state_dict() if not name.endswith(COUNTER)]
    theirs = [value for name, value in body.items() if not name.endswith(COUNTER)]
    if len(own) == len(theirs):
        yield _adapted(dict(zip(own, theirs, strict=True)), model, channels)


def _adapted(state: Tensors, model: Any, channels: int) -> Tensors:
    """The first layer's weights summed over colours where the picture is grey."""
    first = f"{model.pretrained_cfg['first_conv']}.weight" if model.pretrained_cfg.get("first_conv") else ""
    if channels == 1 and first in state and state[first].ndim == 4 and state[first].shape[1] == 3:
        return {**state, first: state[first].sum(dim=1, keepdim=True)}
    return state


def _odd(state: Tensors, own: Mapping[str, Tensor]) -> str:
    """What of the weights is not the network's, in words; empty where all is."""
    needed = {name for name in own if not name.endswith(COUNTER)}
    shapes = [
        f"{name} {tuple(state[name].shape)}, not {tuple(own[name].shape)}"
        for name in state.keys() & own.keys()
        if state[name].shape != own[name].shape
    ]
    unknown = [name for name in state if name not in own and not name.endswith(COUNTER)]
    parts = {"it lacks": sorted(needed - state.keys()), "it has": unknown, "of other shapes": sorted(shapes)}
    return "; ".join(f"{words} {join_some(map(excerpt, names), 3)}" for words, names in parts.items() if names)
