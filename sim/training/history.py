"""What happened in each epoch, and which of them is the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, fields


@dataclass(frozen=True)
class Epoch:
    """What one epoch did.

    loss, accuracy: means over the training samples, while the weights changed. validation_loss,
    validation_accuracy: of the samples kept for validation, after it; None without them. rate: spikes a neuron
    and step in training. seconds: how long it took.
    """

    number: int
    of: int
    loss: float
    accuracy: float
    validation_loss: float | None
    validation_accuracy: float | None
    rate: float
    learning_rate: float
    seconds: float = field(compare=False)

    @property
    def score(self) -> tuple[float, ...]:
        """The less, the better: by validation accuracy, then its loss; without validation by the training loss."""
        if self.validation_accuracy is None or self.validation_loss is None:
            return (self.loss,)
        return -self.validation_accuracy, self.validation_loss


def best_epoch(history: Sequence[Epoch]) -> int:
    """The number of the best epoch, the first of equals; 0 where there is none."""
    return min(history, key=lambda epoch: epoch.score).number if history else 0


def to_csv(history: Sequence[Epoch]) -> str:
    """A row an epoch under the names of Epoch's fields; empty where there is no value."""
    rows = [[field.name for field in fields(Epoch)], *(astuple(epoch) for epoch in history)]
    return "".join(",".join("" if value is None else str(value) for value in row) + "\n" for row in rows)
