"""Three pictures of a run: its spikes, one membrane, and the spike gradient over all membranes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from ..errors import InputError
from ..trace import Trace
from ..word import Word
from .canvas import (
    BLUE,
    DASHED,
    GREY,
    INK,
    STYLE,
    VERMILION,
    Destination,
    heading,
    integer_ticks,
    new_figure,
    number,
    plural,
    range_of,
    save_png,
    short,
)

Integers = NDArray[np.integer[Any]]
Reals = NDArray[np.float64]

SHADES = LinearSegmentedColormap.from_list("spike counts", ["#5aa5d8", "#0a5a94", "#03182b"])
SPAN = 0.4  # of a step, drawn either side of its middle
LABELLED = 20  # the most output neurons that are labelled one by one
CHARACTERS = 100  # of small print that fit side by side
BARS = 128  # the most bars of a histogram
CURVE = 1 << 14  # the most register values at which a gradient is drawn


def spike_raster(trace: Trace, inputs: Integers, sample: int, path: Destination, title: str) -> None:
    """Draw the input spikes and every layer's spikes of one sample over the time steps.

    inputs: spikes of each channel, [step, input], of the sample that is `sample` in the trace.
    Raises InputError for a sample or inputs that are not the trace's, FileError where `path` cannot be written.
    """
    spikes = {name: _of_sample(layer.spikes, sample) for name, layer in trace.layers.items()}
    steps = len(spikes[next(iter(spikes))])
    if inputs.ndim != 2 or len(inputs) != steps:
        raise InputError(f"inputs: found shape {inputs.shape}; allowed: [step, input] of the trace's {steps} steps")
    panels = {"input": inputs.astype(np.int64), **spikes}
    most = max(int(np.abs(counts).max(initial=1)) for counts in panels.values())
    with rc_context(STYLE):
        figure, axes = new_figure(title, _panel_heights([counts.shape[1] for counts in panels.values()]))
        for ax, (name, counts) in zip(axes, panels.items(), strict=True):
            _draw_cells(ax, counts, most)
            unit = "channel" if ax is axes[0] else "neuron"
            heading(ax, f"{name}: {plural(counts.shape[1], unit)}, {plural(np.abs(counts).sum(), 'spike')}")
            ax.set_ylabel(unit)
            ax.yaxis.set_label_coords(-0.05, 0.5)
        _label_each(axes[-1], counts.shape[1])
        _time_axis(axes[-1], steps)
        _key(axes[0], most, any((counts < 0).any() for counts in panels.values()))
        save_png(figure, path)


def membrane_trace(
    trace: Trace, layer: str, neuron: int, sample: int, threshold: int, path: Destination, title: str,
    register: str = "membrane",
) -> None:  # fmt: skip
    """Draw a register of one neuron at the end of every step (after its reset), its threshold and its spikes.

    Raises InputError for a layer, register, neuron or sample that the trace does not have, FileError where `path`
    cannot be written.
    """
    if layer not in trace.layers:
        raise InputError(f"layer: found {layer!r}; allowed: {', '.join(trace.layers)}")
    recorded = trace[layer].registers
    if register not in recorded:
        allowed = ", ".join(recorded) or "none, as none was recorded"
        raise InputError(f"register: found {register!r}; allowed: {allowed}")
    _check_index("neuron", neuron, trace[layer].spikes.shape[2])
    spikes = _of_sample(trace[layer].spikes, sample)[:, neuron]
    values = _of_sample(recorded[register], sample)[:, neuron]
    word = Word.parse(trace[layer].words[register])
    with rc_context(STYLE):
        figure, (above, ax) = new_figure(title, [0.55, 3.3], right=1.1)
        total = number(np.abs(spikes).sum())
        heading(above, f"spikes of {layer} neuron {neuron}: {total} in {plural(len(spikes), 'step')}")
        _draw_counts(above, spikes)
        heading(ax, f"its {register} at the end of each step, after any reset; {range_of(word)}")
        for step in np.flatnonzero(spikes):
            ax.axvspan(step - SPAN, step + SPAN, color=VERMILION, alpha=0.1, linewidth=0)
        _draw_register(ax, values, threshold)
        ax.set_ylabel(f"{register}, LSB")
        _time_axis(ax, len(values))
        save_png(figure, path)


def gradient_histogram(
    gradient: Callable[[Reals], Reals], word: Word, threshold: int, repeat: int,
    membranes: Integers, path: Destination, title: str,
) -> None:  # fmt: skip
    """Draw how often a register held each value, and over it the spike gradient at these values.

    gradient: per LSB, of an array of register values. repeat: the most spikes a step. membranes: values of a
    register of `word`, any shape. Raises InputError where there are none, FileError where `path` cannot be written.
    """
    values = np.asarray(membranes, np.int64).ravel()
    if not values.size:
        raise InputError("membranes: found none; allowed: one value or more")
    low, high = shown_range(values, word, threshold)
    with rc_context(STYLE):
        figure, (ax,) = new_figure(title, [3.6], right=1.0)
        draw_histogram(ax, values, low, high)
        ends = max(low, word.min), min(high, word.max)
        points = np.linspace(*ends, min(ends[1] - ends[0], CURVE) + 1).round()
        _draw_gradient(ax.twinx(), points, gradient(points))
        _mark_thresholds(ax, threshold, repeat, low, high)
        ax.set_xlim(low - 0.5, high + 0.5)
        integer_ticks(ax.xaxis, 8)
        ax.set_xlabel(f"register, LSB ({range_of(word)})")
        save_png(figure, path)


def _of_sample(values: Integers, sample: int) -> Integers:
    """[step, neuron] of one sample, in int64."""
    _check_index("sample", sample, len(values))
    if not values.shape[1]:
        raise InputError("trace: found 0 steps; allowed: 1 or more")
    one: Integers = values[sample].astype(np.int64)
    return one


def _check_index(name: str, value: int, size: int) -> None:
    if not isinstance(value, int | np.integer) or not 0 <= value < size:
        raise InputError(f"{name}: found {value!r}; allowed: 0 to {size - 1}")


def _time_axis(ax: Axes, steps: int) -> None:
    ax.set_xlim(-0.5, steps - 0.5)
    integer_ticks(ax.xaxis, 20)
    ax.set_xlabel("time step")


def _panel_heights(sizes: Sequence[int]) -> list[float]:
    """Inches in proportion to the root of the neurons; the last panel at least what its labels need."""
    roots = np.sqrt(np.maximum(sizes, 1))
    heights = (roots * min(0.25, 5 / roots.sum())).clip(0.6)
    if sizes[-1] <= LABELLED:
        heights[-1] = max(heights[-1], 0.15 * sizes[-1])
    return [float(height) for height in heights]


def _draw_cells(ax: Axes, counts: Integers, most: int) -> None:
    """A cell for each step and neuron that spikes, the darker the more often."""
    steps, neurons = np.nonzero(counts)
    corners = np.array([(-SPAN, -0.36), (SPAN, -0.36), (SPAN, 0.36), (-SPAN, 0.36)])
    found = counts[steps, neurons]
    colours = [VERMILION if count < 0 else _shade(count, most) for count in found]
    cells = np.stack([steps, neurons], axis=1)[:, None] + corners
    ax.add_collection(PolyCollection(list(cells), facecolors=colours, edgecolors=colours, linewidths=0.3))
    ax.set_ylim(counts.shape[1] - 0.4, -0.6)
    integer_ticks(ax.yaxis, 4)


def _shade(count: int, most: int) -> Any:
    return SHADES(LogNorm(1, max(most, 2))(count) if most > 1 else 0.5)


def _label_each(ax: Axes, neurons: int) -> None:
    """Label all neurons of a small panel."""
    if neurons <= LABELLED:
        ax.set_yticks(range(neurons))
        ax.tick_params(axis="y", labelsize=8)


def _key(ax: Axes, most: int, negative: bool) -> None:
    """Which shade is how many spikes, right of the first panel's heading."""
    counts = sorted({1, *np.geomspace(1, most, 4).round().astype(int).tolist()})
    handles = [Patch(color=_shade(count, most), label=f"{count}") for count in counts]
    if negative:
        handles.insert(0, Patch(color=VERMILION, label="negative"))
    handles.insert(0, Patch(alpha=0, label="spikes in a step"))
    ax.legend(
        handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(handles), frameon=False, fontsize=9.5,
        handlelength=1, handleheight=0.8, columnspacing=1, borderaxespad=0, borderpad=0.3,
    )  # fmt: skip


def _draw_counts(ax: Axes, spikes: Integers) -> None:
    """A bar for each step with spikes, and how many they are."""
    steps = np.flatnonzero(spikes).tolist()
    ax.bar(steps, spikes[steps], width=2 * SPAN, color=VERMILION)
    for step in steps if _fit(spikes) else []:
        _annotate(ax, step, max(int(spikes[step]), 0), number(spikes[step]), offset=2)
    low, high = min(0, spikes.min()), max(1, spikes.max())
    ax.set_ylim(low, high + 0.6 * (high - low))
    ax.set_yticks([low, high])
    ax.tick_params(bottom=False)


def _fit(values: Integers) -> bool:
    """Whether there is room to write each value at its step."""
    return len(values) * max(len(number(value)) for value in values) <= CHARACTERS


def _annotate(ax: Axes, x: float, y: float, text: str, offset: float) -> None:
    """Text over a point, or under it where `offset` (in points of 1/72 inch) is negative."""
    side = "bottom" if offset > 0 else "top"
    ax.annotate(text, (x, y), xytext=(0, offset), textcoords="offset points", ha="center", va=side, fontsize=9)


def _draw_register(ax: Axes, values: Integers, threshold: int) -> None:
    """Steps, a marker and (where there is room) the integer of each value, and the threshold."""
    steps = np.arange(len(values))
    ax.axhline(threshold, color=INK, linewidth=1.1, linestyle=DASHED)
    label = f" threshold\n {short(threshold)}"
    ax.text(1, threshold, label, transform=ax.get_yaxis_transform(), verticalalignment="center", fontsize=9.5)
    ax.stairs(values, np.arange(len(values) + 1) - 0.5, baseline=None, color=BLUE, linewidth=1, alpha=0.6)
    ax.plot(steps, values, "o", color=BLUE, markersize=5 if len(values) <= 100 else 2)
    low, high = min(values.min(), threshold), max(values.max(), threshold)
    for step, value in enumerate(values.tolist()) if _fit(values) else []:
        hits_line = 0 <= threshold - value < 0.12 * (high - low)
        _annotate(ax, step, value, number(value), offset=-6 if hits_line else 5)
    room = 0.12 * max(high - low, 8)
    ax.set_ylim(low - room, high + room)
    integer_ticks(ax.yaxis, 6)


def shown_range(values: Integers, word: Word, threshold: int) -> tuple[int, int]:
    """The register values to show: nearly all that were held, and somewhat more than two thresholds either way."""
    least, most = np.quantile(values, [0.02, 0.98])
    reach = max(11 * abs(threshold) // 5, 2)
    low, high = max(min(int(least), -reach), word.min), min(max(int(most), reach), word.max)
    return min(low, threshold), max(high, threshold, low + 1)


def draw_histogram(ax: Axes, values: Integers, low: int, high: int) -> None:
    """Bars of a power of two of register values each."""
    width = 1
    while width * BARS < high - low:
        width *= 2
    edges = np.arange(low // width, high // width + 2) * float(width) - 0.5
    shares = 100 * np.histogram(values, edges)[0] / len(values)
    ax.bar(edges[:-1], shares, width, align="edge", color=BLUE, alpha=0.45, linewidth=0)
    ax.set_ylim(0, 1.1 * max(shares.max(), 1e-9))
    ax.set_ylabel(f"share of values, % in {short(width)} LSB", color=BLUE)


def _draw_gradient(ax: Axes, points: Reals, slopes: Reals) -> None:
    edges = np.concatenate([points[:1] - 0.5, (points[:-1] + points[1:]) / 2, points[-1:] + 0.5])
    ax.stairs(slopes, edges, baseline=None, color=VERMILION, linewidth=1.6)
    ax.set_ylim(min(0, slopes.min()), 1.1 * max(0, slopes.max()) or 1)
    ax.set_ylabel("spike gradient, spikes per LSB", color=VERMILION)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.spines["right"].set_visible(True)


def _mark_thresholds(ax: Axes, threshold: int, repeat: int, low: int, high: int) -> None:
    """A line where the first spike is emitted and, where there is room, where each further one is."""
    ax.axvline(threshold, color=INK, linewidth=1.1, linestyle=DASHED)
    where = (threshold - low) / (high - low)
    align = "left" if where < 0.1 else "right" if where > 0.9 else "center"
    heading(ax, f"threshold {number(threshold)}", threshold, align)
    for multiple in range(2, repeat + 1):
        if threshold > 0.16 * (high - low) and multiple * threshold <= high:
            ax.axvline(multiple * threshold, color=GREY, linewidth=1, linestyle=DASHED)
            heading(ax, f"{multiple} \N{MULTIPLICATION SIGN}", multiple * threshold, "center")
