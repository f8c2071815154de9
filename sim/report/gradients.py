"""A picture of a family of spike gradients, each over the histogram of the registers that decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes

from ..word import Word
from .canvas import (
    DASHED,
    INK,
    STYLE,
    VERMILION,
    Destination,
    heading,
    integer_ticks,
    new_figure,
    range_of,
    save_png,
)
from .figures import CURVE, Integers, Reals, draw_histogram, shown_range

PANEL = 0.55  # inches


def gradient_family(
    curves: Mapping[str, Callable[[Reals], Reals]], word: Word, threshold: int, values: Integers | None,
    path: Destination, title: str,
) -> None:  # fmt: skip
    """Draw each gradient in a panel of its own, scaled to its peak, by heading.

    curves: functions of an array of register values. values: of a register of `word`, any shape; None: no histogram.
    Raises FileError where `path` cannot be written.
    """
    held = np.array([threshold]) if values is None else np.asarray(values, np.int64).ravel()
    low, high = shown_range(held, word, threshold)
    points = np.linspace(low, high, min(high - low, CURVE) + 1).round()
    with rc_context(STYLE):
        figure, axes = new_figure(title, [PANEL] * len(curves))
        for ax, (name, curve) in zip(axes, curves.items(), strict=True):
            if values is not None:
                draw_histogram(ax, held, low, high)
            ax.set_yticks([])
            ax.set_ylabel("")
            over = ax.twinx()
            _draw_curve(over, points, curve(points))
            ax.axvline(threshold, color=INK, linewidth=1, linestyle=DASHED)
            heading(ax, name)
        axes[-1].set_xlim(low - 0.5, high + 0.5)
        integer_ticks(axes[-1].xaxis, 8)
        axes[-1].set_xlabel(f"register, LSB ({range_of(word)}); dashed: the threshold")
        save_png(figure, path)


def _draw_curve(ax: Axes, points: Reals, slopes: Reals) -> None:
    ax.plot(points, slopes, color=VERMILION, linewidth=1.3, drawstyle="steps-mid")
    ax.set_ylim(min(0.0, slopes.min()), 1.05 * slopes.max() or 1)
    ax.set_yticks([])
