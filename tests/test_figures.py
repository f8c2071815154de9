"""The three pictures: whole PNG files that show what a trace holds, whatever it holds."""

import subprocess
import sys

import numpy as np
import pytest
from bitspike import FileError, InputError, LayerTrace, Trace
from bitspike.word import Word

pytest.importorskip("matplotlib")
pytest.importorskip("torch")

from bitspike.report import figures
from bitspike.training.crossing import BitGradient
from bitspike.training.gradient import make_gradient, sampled
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread

S16 = Word.parse("s16.saturate")


def layer(spikes, membranes=None, word="s16"):
    """A layer of one sample from [step, neuron]."""
    spikes = np.array([spikes])
    registers = {} if membranes is None else {"membrane": np.array([membranes])}
    return LayerTrace(spikes.astype(np.int16), registers, dict.fromkeys(registers, 0), dict.fromkeys(registers, word))


TRACE = Trace(
    {
        "hidden": layer([[0, 1, 3], [1, 0, 0]], [[400, -12, 90], [511, 200, -32768]]),
        "output": layer([[0, 0], [1, 0]], [[-7, 3], [5, 9]]),
    },
    "0" * 64,
)
INPUTS = np.array([[2, 0, 1, 0], [0, 0, 15, 1]], np.uint8)


def raster(path, trace=TRACE, inputs=INPUTS, sample=0, title="Spikes"):
    figures.spike_raster(trace, inputs, sample, path, title)


def membrane(path, trace=TRACE, name="hidden", neuron=0, sample=0, threshold=512, **options):
    figures.membrane_trace(trace, name, neuron, sample, threshold, path, "Membrane", **options)


def histogram(path, gradient=None, word=S16, threshold=512, repeat=1, membranes=(-300, 0, 40, 511, 600)):
    gradient = gradient or make_gradient("boolean", dither=True)
    if isinstance(gradient, BitGradient):
        gradient = sampled(gradient, threshold, word, repeat)
    figures.gradient_histogram(gradient, word, threshold, repeat, np.array(membranes), path, "Gradient")


def one_neuron(spikes, membranes, word="s16"):
    column = np.array(spikes)[:, None], np.array(membranes)[:, None]
    return Trace({"only": layer(*column, word)}, "0" * 64)


def coloured(picture, colour):
    """How many pixels have just this colour."""
    return int((np.abs(picture[..., :3] - np.array(to_rgb(colour))) < 0.01).all(axis=-1).sum())


@pytest.fixture
def drawn(monkeypatch):
    """Collects each figure instead of writing it; returns its texts once every one is inside the picture."""
    kept = []
    monkeypatch.setattr(figures, "save_png", lambda figure, path: kept.append(figure))

    def texts():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.text import Text

        figure = kept[-1]
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        found = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
        shown = {id(label) for ax in figure.axes for label in _tick_labels(ax)}
        ticks = {id(label) for ax in figure.axes for axis in (ax.xaxis, ax.yaxis) for label in axis.get_ticklabels()}
        page = figure.bbox
        for text in found:
            if id(text) not in ticks or id(text) in shown:
                box = text.get_window_extent(canvas.get_renderer())
                assert box.x0 >= 0 <= box.y0, f"{text.get_text()!r} is cut off"
                assert box.x1 <= page.x1, f"{text.get_text()!r} is cut off"
                assert box.y1 <= page.y1, f"{text.get_text()!r} is cut off"
        return [text.get_text().strip() for text in found]

    return texts


def _tick_labels(ax):
    for axis, (low, high) in ((ax.xaxis, sorted(ax.get_xlim())), (ax.yaxis, sorted(ax.get_ylim()))):
        for tick in axis.get_major_ticks():
            if low <= tick.get_loc() <= high:
                yield from (tick.label1, tick.label2)


@pytest.mark.parametrize("draw", [raster, membrane, histogram])
def test_each_picture_is_a_png_twice_as_wide_as_a_page(draw, tmp_path):
    draw(tmp_path / "picture.png")
    picture = imread(tmp_path / "picture.png")
    assert picture.shape[1] == 1800
    assert 500 <= picture.shape[0] <= 1800
    assert list(tmp_path.iterdir()) == [tmp_path / "picture.png"]


def test_equal_data_give_equal_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        membrane(tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_raster_counts_the_spikes_of_every_layer_and_labels_every_output(drawn):
    raster("raster.png")
    texts = drawn()
    assert {"input: 4 channels, 19 spikes", "hidden: 3 neurons, 5 spikes", "output: 2 neurons, 1 spike"} <= set(texts)
    assert {"Spikes", "time step", "channel", "neuron", "spikes in a step", "15"} <= set(texts)


def test_a_raster_has_a_cell_for_every_step_and_neuron_that_spikes(tmp_path):
    silent = Trace({"out": layer(np.zeros((4, 5), int))}, "")
    raster(tmp_path / "silent.png", silent, np.zeros((4, 3), int))
    some = np.zeros((4, 3), int)
    some[1, 2] = some[3, 0] = 1
    raster(tmp_path / "some.png", silent, some)
    only_key, key_and_cells = (imread(tmp_path / f"{name}.png") for name in ("silent", "some"))
    shade = figures._shade(1, 1)
    one = coloured(key_and_cells, shade) - coloured(only_key, shade)
    assert one > 2 * 100 * 10


def test_a_raster_is_darker_where_a_neuron_spikes_more_often():
    shades = [sum(figures._shade(count, 31)[:3]) for count in (1, 2, 6, 31)]
    assert shades == sorted(shades, reverse=True)
    assert len(set(shades)) == 4


def test_a_raster_shows_negative_spikes_in_a_colour_of_their_own(tmp_path):
    for name, first in (("without", 1), ("with", -1)):
        raster(tmp_path / f"{name}.png", one_neuron([first, 0, 2], [0, 0, 0]), np.ones((3, 1), int))
    without, some = (coloured(imread(tmp_path / f"{name}.png"), figures.VERMILION) for name in ("without", "with"))
    assert without == 0
    assert some > 20_000


def test_the_key_of_a_raster_names_negative_spikes_where_there_are_some(drawn):
    raster("negative.png", one_neuron([-1, 0, 2], [0, 0, 0]), np.ones((3, 1), int))
    assert "negative" in drawn()
    raster("positive.png")
    assert "negative" not in drawn()


def test_a_membrane_trace_writes_values_spike_counts_threshold_and_word(drawn):
    membrane("membrane.png", neuron=2, threshold=1024)
    texts = drawn()
    assert {"90", "\N{MINUS SIGN}32,768", "threshold\n 1,024", "membrane, LSB", "time step"} <= set(texts)
    assert "spikes of hidden neuron 2: 3 in 2 steps" in texts
    assert "its membrane at the end of each step, after any reset; s16 holds \N{MINUS SIGN}32,768 to 32,767" in texts
    assert texts.count("3") == 2  # on the bar and on its axis


def test_a_membrane_trace_marks_steps_with_spikes_and_only_those(tmp_path):
    for name, spikes in (("silent", [0, 0]), ("once", [0, 1])):
        membrane(tmp_path / f"{name}.png", one_neuron(spikes, [3, 4]), "only", threshold=9)
    silent, once = (coloured(imread(tmp_path / f"{name}.png"), figures.VERMILION) for name in ("silent", "once"))
    assert silent == 0
    assert once > 10_000


def test_a_gradient_is_evaluated_at_every_value_of_the_register_around_the_threshold(drawn):
    calls = []

    def gradient(u):
        calls.append(u)
        return np.zeros_like(u)

    histogram("gradient.png", gradient, threshold=100, repeat=3, membranes=[-7, 5])
    (u,) = calls
    assert u.tolist() == list(range(-220, 221))
    assert {"threshold 100", "2 \N{MULTIPLICATION SIGN}", "spike gradient, spikes per LSB"} <= set(drawn())


def test_a_gradient_is_evaluated_within_the_word(drawn):
    seen = []

    def gradient(u):
        seen.extend(u.tolist())
        return u * 0 + 1

    histogram("gradient.png", gradient, Word.parse("s4.wrap"), threshold=7, membranes=[-8, 7])
    assert seen == list(range(-8, 8))
    assert "register, LSB (s4.wrap holds \N{MINUS SIGN}8 to 7)" in drawn()


def test_a_histogram_shares_out_all_values(monkeypatch):
    bars = []
    monkeypatch.setattr(figures, "save_png", lambda figure, path: bars.extend(figure.axes[0].patches))
    histogram("gradient.png", threshold=4, membranes=[1, 1, 1, 5])
    assert {(bar.get_x() + 0.5, bar.get_height()) for bar in bars if bar.get_height()} == {(1, 75), (5, 25)}


@pytest.mark.parametrize(
    ("spikes", "membranes", "word"),
    [
        ([0], [0], "s16"),
        ([1], [2**61], "s63"),
        ([0] * 5, [7] * 5, "u4"),
        ([31, 0, 2, -1], [-32768, 32767, 0, 512], "s16"),
        ([0, 3] * 150, [-500, 1200] * 150, "s16"),
    ],
    ids=["one silent step", "widest word", "constant at the threshold", "many spikes a step", "300 steps"],
)
def test_odd_traces_are_drawn_with_nothing_cut_off(spikes, membranes, word, drawn):
    trace = one_neuron(spikes, membranes, word)
    raster("raster.png", trace, np.zeros((len(spikes), 1), int), title="A title in $x_ of some length " * 5)
    drawn()
    membrane("membrane.png", trace, "only", threshold=7)
    drawn()


@pytest.mark.parametrize(
    ("word", "threshold", "repeat", "membranes"),
    [
        ("s16", 512, 1, [512]),
        ("s16", 0, 31, [0, 0]),
        ("s16", -5, 31, [[-5], [5]]),
        ("s16", 10, 31, range(-1000, 1000)),
        ("u1", 1, 1, [0, 1]),
        ("u4", 16, 1, [3]),
        ("s63", 2**61, 1, [-(2**62), 2**62 - 1]),
    ],
    ids=["one value", "threshold 0", "negative threshold", "many crossings", "one bit", "never reached", "widest word"],
)
def test_odd_registers_are_drawn_with_nothing_cut_off(word, threshold, repeat, membranes, drawn):
    histogram("gradient.png", make_gradient("boolean"), Word.parse(word), threshold, repeat, membranes)
    assert any(text.startswith("threshold ") for text in drawn())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "hiden"}, "layer: found 'hiden'; allowed: hidden, output"),
        ({"register": "isyn"}, "register: found 'isyn'; allowed: membrane"),
        ({"neuron": 3}, "neuron: found 3; allowed: 0 to 2"),
        ({"neuron": -1}, "neuron: found -1; allowed: 0 to 2"),
        ({"sample": 1}, "sample: found 1; allowed: 0 to 0"),
        (
            {"trace": Trace({"hidden": layer([[1]])}, "")},
            "register: found 'membrane'; allowed: none, as none was recorded",
        ),
    ],
)
def test_a_place_that_the_trace_does_not_have_is_refused(options, message, tmp_path):
    with pytest.raises(InputError) as raised:
        membrane(tmp_path / "membrane.png", **options)
    assert str(raised.value) == message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("draw", "options", "message"),
    [
        (raster, {"sample": 1}, "sample: found 1; allowed: 0 to 0"),
        (raster, {"sample": "0"}, "sample: found '0'; allowed: 0 to 0"),
        (raster, {"inputs": INPUTS[:1]}, "inputs: found shape (1, 4); allowed: [step, input] of the trace's 2 steps"),
        (raster, {"inputs": INPUTS[0]}, "inputs: found shape (4,); allowed: [step, input] of the trace's 2 steps"),
        (raster, {"trace": Trace({"a": layer(np.zeros((0, 2)))}, "")}, "trace: found 0 steps; allowed: 1 or more"),
        (histogram, {"membranes": np.zeros(0, int)}, "membranes: found none; allowed: one value or more"),
    ],
)
def test_data_that_cannot_be_drawn_are_refused(draw, options, message, tmp_path):
    with pytest.raises(InputError) as raised:
        draw(tmp_path / "picture.png", **options)
    assert str(raised.value) == message
    assert not list(tmp_path.iterdir())


def test_a_failure_halfway_leaves_the_picture_that_was_there(tmp_path, monkeypatch):
    (tmp_path / "old.png").write_bytes(b"old")

    def stop(figure, file, **_):
        file.write(b"half")
        raise MemoryError

    monkeypatch.setattr(Figure, "savefig", stop)
    with pytest.raises(MemoryError):
        raster(tmp_path / "old.png")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("old.png", b"old")]


def test_a_path_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(FileError, match=r"missing/a\.png: cannot be written: No such file or directory"):
        membrane(tmp_path / "missing" / "a.png")


def test_only_png_files_are_written(tmp_path):
    with pytest.raises(FileError, match=r"a\.pdf: found '\.pdf'; allowed: \.png$"):
        membrane(tmp_path / "a.pdf")
    assert not list(tmp_path.iterdir())


def test_figures_need_no_window_system_and_the_package_needs_no_figures():
    code = (
        "import sys, bitspike, bitspike.report, bitspike.report.summary; assert 'matplotlib' not in sys.modules\n"
        "import bitspike.report.figures; assert not {'matplotlib.pyplot', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
