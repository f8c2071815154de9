"""TensorBoard's event files of a training."""

from __future__ import annotations

import os

from ..errors import FileError, InputError
from .history import Epoch

_TAGS = {
    "loss/training": "loss",
    "loss/validation": "validation_loss",
    "accuracy/training": "accuracy",
    "accuracy/validation": "validation_accuracy",
    "spikes a neuron and step": "rate",
    "learning rate": "learning_rate",
}


class Board:
    """Scalars of every epoch, in event files in a folder. Epochs that earlier files of it have are hidden."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        """Raises InputError where TensorBoard is not installed, FileError where the folder cannot be written."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise InputError("--tensorboard: TensorBoard is missing: pip install 'bitspike[tensorboard]'") from None
        try:
            self.writer = SummaryWriter(os.fspath(folder), purge_step=1)
        except OSError as error:
            raise FileError(f"{os.fspath(folder)}: cannot be written: {error.strerror or error}") from None

    def add(self, epoch: Epoch) -> None:
        """One epoch, at once on disk."""
        for tag, field in _TAGS.items():
            value = getattr(epoch, field)
            if value is not None:
                self.writer.add_scalar(tag, value, epoch.number)
        self.writer.flush()

    def close(self) -> None:
        """No epoch follows."""
        self.writer.close()
