"""A titled sheet of axes in one style, how numbers are written on it, and its PNG file."""

from __future__ import annotations

import io
import os
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ..archive import replacing
from ..errors import FileError
from ..word import Word

Destination = str | os.PathLike[str]

WIDTH, DPI = 9.0, 200  # inches of 100 CSS pixels, and the pixels drawn for each of them
LEFT, RIGHT, TOP, BOTTOM = 0.95, 0.25, 0.75, 0.6  # inches around the axes
BLUE, VERMILION = "#0072b2", "#d55e00"  # told apart by every kind of colour vision (Okabe and Ito)
INK, GREY = "#24292f", "#6e7781"
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.parse_math": False,
    "text.usetex": False,
}
DASHED = (0, (5, 3))


def check_png(path: Destination) -> None:
    """Raise FileError for another ending."""
    if Path(path).suffix != ".png":
        raise FileError(f"{os.fspath(path)}: found '{Path(path).suffix}'; allowed: .png")


def save_png(figure: Figure, path: Destination) -> None:
    """Write the figure, whole or not at all. Raises FileError."""
    check_png(path)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    with replacing(path) as file:
        file.write(picture.getvalue())


def new_figure(
    title: str, heights: Sequence[float], gap: float = 0.36, right: float = RIGHT
) -> tuple[Figure, list[Axes]]:
    """A titled figure of axes of these heights, one below the other on one x axis; all in inches."""
    text = textwrap.fill(title, 72)
    top = TOP + 0.22 * text.count("\n")
    height = top + sum(heights) + gap * (len(heights) - 1) + BOTTOM
    figure = Figure(figsize=(WIDTH, height))
    figure.text(LEFT / WIDTH, 1 - 0.2 / height, text, fontsize=13, fontweight="bold", verticalalignment="top")
    axes: list[Axes] = []
    y = height - top
    for each in heights:
        box = (LEFT / WIDTH, (y - each) / height, (WIDTH - LEFT - right) / WIDTH, each / height)
        axes.append(figure.add_axes(box, sharex=axes[0] if axes else None))
        axes[-1].tick_params(labelbottom=len(axes) == len(heights))
        y -= each + gap
    return figure, axes


def heading(ax: Axes, text: str, x: float | None = None, align: str = "left") -> None:
    """Text above the axes: at `x` of its data, or from its left end."""
    anchor = ("axes fraction" if x is None else "data", "axes fraction")
    ax.annotate(text, (x or 0, 1), xycoords=anchor, xytext=(0, 6), textcoords="offset points", ha=align, fontsize=9.5)


def plural(count: int, noun: str) -> str:
    """`1 spike`, `2 spikes`."""
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def number(value: float) -> str:
    """An integer as people write it: -32,768 with a true minus sign."""
    return f"{round(value):,}".replace("-", "\N{MINUS SIGN}")


def short(value: float) -> str:
    """As `number`, but three digits of what has more than six."""
    return number(value) if abs(value) < 1e6 else f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def range_of(word: Word) -> str:
    """What a word holds."""
    written = number if word.bits <= 32 else short
    return f"{word} holds {written(word.min)} to {written(word.max)}"


def integer_ticks(axis: Axis, most: int) -> None:
    """Ticks at integers only."""
    axis.set_major_locator(MaxNLocator(most, integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
