"""A picture of a training: loss, accuracy and spike rate over its epochs."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ..report.canvas import (
    BLUE,
    DASHED,
    INK,
    STYLE,
    VERMILION,
    Destination,
    heading,
    integer_ticks,
    new_figure,
    save_png,
)
from .history import Epoch, best_epoch


def training_curves(history: Sequence[Epoch], path: Destination, title: str) -> None:
    """Draw every epoch's loss, accuracy and spike rate, and mark the best. Raises FileError."""
    with rc_context(STYLE):
        figure, (loss, accuracy, rate) = new_figure(title, [1.7, 1.7, 1.0])
        _draw(loss, history, "loss", "loss", "validation_loss")
        _draw(accuracy, history, "accuracy, %", "accuracy", "validation_accuracy", scale=100)
        _draw(rate, history, "spikes a neuron and step", "rate")
        best = best_epoch(history)
        for ax in (loss, accuracy, rate):
            ax.axvline(best, color=INK, linewidth=0.9, linestyle=DASHED, label=f"best: epoch {best}")
        loss.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False, borderaxespad=0, fontsize=9.5)
        integer_ticks(rate.xaxis, 12)
        rate.set_xlabel("epoch")
        save_png(figure, path)


def _draw(ax: Axes, history: Sequence[Epoch], name: str, training: str, validation: str = "", scale: float = 1) -> None:
    """A line of the training's values and, where there are some, of the validation's."""
    epochs = [epoch.number for epoch in history]
    lines = [(training, "training", BLUE), *([(validation, "validation", VERMILION)] if validation else [])]
    for field, label, colour in lines:
        scaled = [scale * value for value in (getattr(epoch, field) for epoch in history) if value is not None]
        if scaled:
            marker = "o" if len(epochs) < 40 else None
            ax.plot(epochs, scaled, color=colour, linewidth=1.5, marker=marker, markersize=3, label=label)
    heading(ax, name)
    ax.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    ax.yaxis.set_major_locator(MaxNLocator(5, min_n_ticks=2))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
