"""Three pictures of a run, drawn with matplotlib and written as PNG, 900 CSS pixels wide at twice that resolution."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from ..archive import replacing
from ..errors import FileError, InputError
from ..trace import LayerTrace, Trace
from ..word import Word

if TYPE_CHECKING:
    from torch import Tensor

Integers = NDArray[np.integer[Any]]
Path = str | os.PathLike[str]

WIDTH, DPI = 9.0, 200  # inches of 100 CSS pixels, and the pixels drawn for each of them
LEFT, RIGHT, TOP, BOTTOM = 0.95, 0.3, 0.95, 0.65  # inches around the axes
BLUE, VERMILION, INK, GREY, PALE = "#0072b2", "#d55e00", "#24292f", "#6e7781", "#d0d7de"  # Okabe and Ito's two
SHADES = LinearSegmentedColormap.from_list("spikes", ["#56a0d3", "#0a5a94", "#04213b"])
STYLE = {
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
LABELLED = 20  # the most output neurons, and the most steps of a membrane, that are labelled one by one
BINS = 128  # the most bars of a histogram
GRADIENT_POINTS = 1 << 14  # the most register values at which a gradient is drawn


def spike_raster(trace: Trace, inputs: Integers, sample: int, path: Path, title: str) -> None:
    """Draw the input spikes and every layer's spikes of one sample over the time steps.

    inputs: spikes of each channel, [step, input], of the sample that is `sample` in the trace.
    Raises InputError where the sample or the inputs are not the trace's, FileError where `path` cannot be written.
    """
    layers = {name: _of_sample(layer, sample).spikes for name, layer in trace.layers.items()}
    steps = len(trace.spikes[sample])
    if inputs.ndim != 2 or len(inputs) != steps:
        raise InputError(f"inputs: found shape {inputs.shape}; allowed: ({steps}, inputs), as the trace has {steps} steps")
    panels = {"input": inputs.astype(np.int64)} | {name: spikes.astype(np.int64) for name, spikes in layers.items()}
    most = max(int(np.abs(spikes).max(initial=1)) for spikes in panels.values())
    with rc_context(STYLE):
        heights = _panel_heights([spikes.shape[1] for spikes in panels.values()])
        figure, axes = _figure(title, heights, gap=0.38)
        for ax, (name, spikes) in zip(axes, panels.items(), strict=True):
            _draw_cells(ax, spikes, most)
            _label_panel(ax, name, spikes, last=ax is axes[-1])
        _time_axis(axes[-1], steps)
        _spike_key(axes[0], panels.values(), most)
        _save(figure, path)


def membrane_trace(
    trace: Trace, layer: str, neuron: int, sample: int, threshold: int, path: Path, title: str, register: str = "membrane"
) -> None:
    """Draw a register of one neuron at the end of every step (after its reset), its threshold and its spikes.

    Raises InputError for a layer, register, sample or neuron that the trace does not have, FileError where `path`
    cannot be written.
    """
    if layer not in trace.layers:
        raise InputError(f"layer: found {layer!r}; allowed: {', '.join(trace.layers)}")
    if register not in trace[layer].registers:
        recorded = ", ".join(trace[layer].registers) or "none, as the run recorded no register"
        raise InputError(f"register: found {register!r}; allowed: {recorded}")
    one = _of_sample(trace[layer], sample)
    _check_index("neuron", neuron, one.spikes.shape[1])
    values = one.registers[register][:, neuron].astype(np.int64)
    spikes = one.spikes[:, neuron].astype(np.int64)
    word = Word.parse(trace[layer].words[register])
    with rc_context(STYLE):
        figure, (above, ax) = _figure(title, [0.5, 3.2], gap=0.32, right=1.25)
        _draw_counts(above, spikes)
        _heading(above, f"spikes of {layer} neuron {neuron}, by step")
        _heading(ax, f"its {register} at the end of every step, after the reset; {_range(word)}")
        for step in np.flatnonzero(spikes):
            ax.axvspan(step - 0.5, step + 0.5, color=VERMILION, alpha=0.09, linewidth=0)
        _draw_levels(ax, values, [threshold], word)
        _draw_register(ax, values)
        ax.text(1.01, threshold, f"threshold\n{threshold:,}", transform=ax.get_yaxis_transform(), va="center", color=INK)
        ax.set_ylabel(f"{register}, LSB")
        _time_axis(ax, len(values))
        _save(figure, path)


def gradient_histogram(
    gradient: Callable[[Tensor, Tensor, Word, int], Tensor],
    word: Word,
    threshold: int,
    repeat: int,
    membranes: Integers,
    path: Path,
    title: str,
) -> None:
    """Draw how often a register held each value, and over it the spike gradient at these values.

    gradient: as `make_gradient` returns it. repeat: the most spikes a step. membranes: values of a register of
    `word`, any shape. Raises InputError where there are none, FileError where `path` cannot be written.
    """
    values = np.asarray(membranes, np.int64).ravel()
    if not values.size:
        raise InputError("membranes: found none; allowed: at least one value")
    low, high = _interesting(values, word, threshold)
    with rc_context(STYLE):
        figure, (ax,) = _figure(title, [3.6], gap=0, right=LEFT)
        width = _draw_histogram(ax, values, low, high)
        twin = ax.twinx()
        _draw_gradient(twin, gradient, np.arange(low, high + 1, -(-(high - low) // GRADIENT_POINTS)), word, threshold, repeat)
        crossings = [m * threshold for m in range(1, repeat + 1) if m == 1 or low <= m * threshold <= high]
        for crossing in crossings:
            ax.axvline(crossing, color=INK, linewidth=1.1, linestyle=(0, (5, 3)), zorder=4)
        _heading(ax, _crossings_text(crossings, threshold), x=(threshold - low) / (high - low))
        ax.set_xlim(low, high)
        ax.set_xlabel(f"register, LSB  ({_range(word)})")
        ax.set_ylabel(f"share of neuron-steps, % in {width:,} LSB", color=BLUE)
        _save(figure, path)
