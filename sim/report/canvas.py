"""A titled sheet of axes in one style, how numbers are written on it, and its PNG file."""

from __future__ import annotations

import io
import os
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..archive import replacing
from ..errors import FileError
from ..word import Word

Destination = str | os.PathLike[str]

WIDTH, DPI = 9.0, 200  # inches of 100 CSS pixels, and the pixels drawn for each of them
LEFT, RIGHT, TOP, BOTTOM = 0.85, 0.25, 0.75, 0.6  # inches around the axes
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
}
DASHED = (0, (5, 3))


def save_png(figure: Figure, path: Destination) -> None:
    """Draw all of it before the file is opened."""
    if Path(path).suffix != ".png":
        raise FileError(f"{os.fspath(path)}: found '{Path(path).suffix}'; allowed: .png")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})
    with replacing(path) as file:
        file.write(picture.getvalue())


def new_figure(
    title: str, heights: Sequence[float], gap: float = 0.36, right: float = RIGHT
) -> tuple[Figure, list[Axes]]:
    """A titled figure of axes of these heights, one below the other on one x axis; all in inches."""
    text = textwrap.fill(title, 80)
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


def heading(ax: Axes, text: str, x: float = 0.0, align: str = "left") -> None:
    ax.annotate(
        text, (x, 1), xycoords="axes fraction", xytext=(0, 6), textcoords="offset points", ha=align, color=INK, fontsize=9.5
    )  # fmt: skip


def plural(count: int, noun: str) -> str:
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def number(value: float) -> str:
    """An integer as people write it: -32,768 with a true minus sign."""
    return f"{round(value):,}".replace("-", "\N{MINUS SIGN}")


def range_of(word: Word) -> str:
    return f"{word} holds {number(word.min)} to {number(word.max)}"
