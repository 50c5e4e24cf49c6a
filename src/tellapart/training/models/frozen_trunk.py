"""A network cut in two: the frozen trunk, which each view of a picture passes once, and the tail that trains on it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tellapart.training.models.classifier import Classifier
from tellapart.training.models.freezing import passed_in_order


class SplitNetwork(nn.Module):
    """``tail(trunk(x))`` is ``model(x)``; the tail's modules are the model's own: what it learns, that learns."""

    def __init__(self, model: Classifier, body: Sequence[nn.Module], rest: Sequence[nn.Module]) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)
        self.tail = nn.Sequential(*rest, model.dropout, model.head)

    def forward(self, x: Tensor) -> Tensor:
        """x: N, C, H, W → what the tail eats."""
        result: Tensor = self.body(x)
        return result


def split_network(model: nn.Module, learning: Sequence[nn.Module], example: Tensor) -> SplitNetwork | None:
    """The model cut before the first part that learns; None where it cannot be cut there.

    Proved by running: a network whose parts do not simply follow one another answers otherwise, and is left whole.

    Args:
        model: a classifier; any other network is left whole.
        learning: of `tellapart.training.models.freezing.trainable`.
        example: N, C, H, W.

    >>> model = Classifier(2, "small").eval()
    >>> trunk = split_network(model, [model.head], torch.zeros(1, 3, 16, 16))
    >>> trunk(torch.zeros(1, 3, 16, 16)).shape
    torch.Size([1, 256])
    """
    if not isinstance(model, Classifier) or model in learning:
        return None
    if list(learning) == [model.head]:
        return SplitNetwork(model, [model.backbone], [])
    ids = {id(part) for part in learning}
    parts = passed_in_order(model.backbone)
    first = next((place for place, part in enumerate(parts) if id(part) in ids), 0)
    if not first:
        return None
    trunk = SplitNetwork(model, parts[:first], parts[first:])
    was = [(module, module.training) for module in model.modules()]
    model.eval()
    with torch.inference_mode():
        try:
            same = torch.allclose(trunk.tail(trunk(example)), model.once(example), rtol=1e-4, atol=1e-4)
        except Exception:  # a part that is given what it does not expect raises whatever it likes
            same = False
    for module, mode in was:
        module.training = mode
    return trunk if same else None
