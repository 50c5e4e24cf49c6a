"""Lightning, imported after torchvision has been mended: it pulls torchvision in by itself."""

from tellapart.training._torchvision import mend_torchvision

mend_torchvision()

import pytorch_lightning as pl  # noqa: E402
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint, WeightAveraging  # noqa: E402
from pytorch_lightning.plugins.io import TorchCheckpointIO  # noqa: E402

__all__ = ["EarlyStopping", "ModelCheckpoint", "TorchCheckpointIO", "WeightAveraging", "pl"]
