"""Lets a torchvision built for another torch import: timm needs its transforms, never its compiled ops."""

from __future__ import annotations

_kept: list[object] = []  # the library object must outlive the import


def mend_torchvision() -> None:
    """Import torchvision; where its compiled ops do not fit this torch, declare them without a body first.

    A common accident: a CPU-only torch beside the registry's torchvision.
    """
    import torch

    try:
        import torchvision
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        for op in ("nms", "qnms"):
            library.define(f"{op}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
        _kept.append(library)
        import torchvision  # noqa: F401
