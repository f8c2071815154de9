"""The derivative of the trajectory against the integer oracle's stages, run again after every toggle of every bit."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from bitspike.datapath import Fire, deliver  # noqa: E402
from bitspike.errors import InputError  # noqa: E402
from bitspike.ops.base import Registers  # noqa: E402
from bitspike.ops.integer import IntegerOps  # noqa: E402
from bitspike.training import trajectory  # noqa: E402
from bitspike.training.boolean import BooleanGradient  # noqa: E402
from bitspike.training.model import SpikingNetwork  # noqa: E402
from bitspike.training.trajectory import TrajectoryGradient  # noqa: E402
from training_networks import BRANCHES, MEMBRANE, TO_ZERO, branch, chip, decay, template  # noqa: E402

FORGET = {"set": {"into": "fast", "value": 0}}
PLAIN = (decay("membrane"), MEMBRANE, FORGET, {"set": {"into": "slow", "value": 0}})
FEEDBACK = (decay("slow"), {"add": {"into": "slow", "terms": ["membrane"]}}, decay("membrane"), MEMBRANE, FORGET)
XYLO = (
    decay("fast", least=1),
    decay("slow", of="membrane", by=1, least=1, result="minus_amount", word="s8.wrap"),
    {"add": {"into": "slow", "terms": ["fast"]}},
    {"add": {"into": "membrane", "terms": ["slow"]}},
)
CHIPS = {
    "plain": chip(step=PLAIN),
    "saturating": chip(membrane="s6.saturate", fast="s6.saturate", step=PLAIN),
    "wrapping": chip(membrane="s6.wrap", step=PLAIN),
    "fed back into what arrivals are added to": chip(slow="s6.saturate", membrane="s7.saturate", step=FEEDBACK),
    "several spikes": chip(step=PLAIN, branches=(branch(repeat=5),)),
    "above, to zero": chip(step=PLAIN, branches=BRANCHES[2]),
    "both signs": chip(step=PLAIN, branches=BRANCHES[4]),
    "xylo": chip(slow="s8.saturate", step=XYLO, branches=(branch(repeat=31),)),
}
OPTIONS = [{"k": 0, "dither": False}, {"k": 1, "top": 4, "p": 0.5, "dither": True}]


def network(profile, gradient, weights, threshold=9):
    """One layer "a". weights: by source, [synapse, source, neuron]; of the layer itself, a step late."""
    vias = {"input": "forward", "a": "recurrent"}
    links = [(source, "a", vias[source]) for source in weights]
    synapses, inputs, neurons = weights["input"].shape
    made = template(profile, inputs, {"a": neurons}, links, synapses=synapses, threshold=threshold)
    model = SpikingNetwork(made, gradient)
    with torch.no_grad():
        for each, values in zip(model.synapses, weights.values(), strict=True):
            for synapse, matrix in zip(each, values, strict=True):
                synapse.linear.weight.copy_(torch.tensor(matrix.T * synapse.scale))
    return model


def agains(model, weights, sample, emitted):
    """The oracle's neurons for one sample: [step, input] counts, and [step, neuron] spikes of the layer."""
    late = np.vstack([np.zeros((1, emitted.shape[1]), int), emitted[:-1]])
    counts = {"input": sample, "a": late}
    into = model.template.connection(model.template.projections[0]).into
    return [
        Again(
            model,
            neuron,
            [
                [
                    (into[s], counts[source][step], each[s][:, neuron])
                    for source, each in weights.items()
                    for s in range(len(each))
                ]
                for step in range(len(sample))
            ],
        )
        for neuron in range(emitted.shape[1])
    ]


class Again:
    """One neuron of the oracle: its course from a step on, toggled there or not."""

    def __init__(self, model, neuron, arriving):
        """arriving: by step, (register, counts [source], weights [source])."""
        layer = model.layers[0]
        self.neuron, self.arriving, self.words = layer.neuron, arriving, layer.neuron.registers
        values = {
            name: int(np.asarray(given).flat[neuron % np.size(given)]) for name, given in layer.parameters.items()
        }
        self.parameters = {**layer.constants, **values}

    def step(self, step, state, toggle=None):
        """Spikes, registers after the step and u of one step; toggle: a function of u, or None."""
        regs = Registers(IntegerOps(), self.words, {**self.parameters, **state})
        for register, counts, weights in self.arriving[step]:
            for count, weight in zip(counts, weights, strict=True):
                deliver(regs, register, int(count), int(weight))
        regs.values["spikes"] = 0
        u = None
        for stage in self.neuron.stages:
            if isinstance(stage, Fire):
                u = regs["membrane"]
                regs.values["membrane"] = u if toggle is None else toggle(u)
            stage.run(regs)
        return regs["spikes"], {name: regs[name] for name in self.words}, u

    def course(self, state, start, stop, toggle=None):
        """Spikes of steps `start` to `stop`, and the registers after."""
        spikes = []
        for step in range(start, stop):
            emitted, state, _ = self.step(step, state, toggle if step == start else None)
            spikes.append(emitted)
        return np.array(spikes), state


def toggles(gradient, word):
    """Per toggle: a function of u, the sign of its change (of u), its place and weight."""
    bits = range(gradient.k, word.bits - word.signed if gradient.top is None else gradient.top + 1)
    for bit in bits:
        place = 1 << bit
        if gradient.dither:
            yield lambda u, w=place: min(u + w, word.max), lambda u: 1, place, place**-gradient.p / 2
            yield lambda u, w=place: max(u - w, word.min), lambda u: -1, place, place**-gradient.p / 2
        else:
            yield lambda u, w=place: u ^ w, lambda u, w=place: -1 if u & w else 1, place, place**-gradient.p


def derivatives(neurons, gradient, upstream, slope=0.0, back=None):
    """dL/du [step, neuron] of a layer, by its definition.

    upstream: dL/d(spikes), [step, neuron]. slope: d(u of the next step) by the membrane after a step where nothing
    clips. back: weights [from, to] by which spikes reach u of the next step.
    """
    steps, word = len(upstream), neurons[0].words["membrane"]
    runs = []
    for again in neurons:
        state, run = dict.fromkeys(again.words, 0), []
        for step in range(steps):
            emitted, after, u = again.step(step, state)
            run.append((state, emitted, after, u))
            state = after
        runs.append(run)
    found, upstream = np.zeros_like(upstream), upstream.copy()
    for step in reversed(range(steps)):
        stop = min(step + gradient.steps + 1, steps)
        if back is not None and step + 1 < steps:
            upstream[step] += back @ found[step + 1]
        for neuron, (again, run) in enumerate(zip(neurons, runs, strict=True)):
            state, _, _, u = run[step]
            own = np.array([emitted for _, emitted, _, _ in run[step:stop]])
            each = list(toggles(gradient, word))
            for toggle, sign_of, place, weight in each:
                spikes, after = again.course(state, step, stop, toggle)
                found[step, neuron] += weight * sign_of(u) * ((spikes - own) @ upstream[step:stop, neuron])
                if step + gradient.steps + 1 < steps:
                    left = sign_of(u) * (after["membrane"] - run[stop - 1][2]["membrane"]) / (place * len(each))
                    found[step, neuron] += left * slope * found[stop, neuron]
    return found


def captured(monkeypatch):
    """The courses of every layer that is run from now on."""
    kept, real = [], trajectory.Courses.__init__

    def init(self, *arguments):
        real(self, *arguments)
        kept.append(self)

    monkeypatch.setattr(trajectory.Courses, "__init__", init)
    return kept


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", CHIPS)
def test_changed_spikes_are_those_of_the_neuron_simulated_again(monkeypatch, name, options):
    """With a horizon behind the last step, nothing is carried: dL/du is a sum of changed spikes."""
    rng = np.random.default_rng(3)
    steps, samples, neurons = 5, 4, 3
    gradient = TrajectoryGradient(steps=steps, **options)
    weights = {"input": rng.integers(-9, 12, (2, 3, neurons))}
    model = network(CHIPS[name], gradient, weights)
    spikes, upstream = rng.integers(0, 3, (samples, steps, 3)), rng.normal(size=(samples, steps, neurons))
    kept = captured(monkeypatch)
    emitted, _ = model(torch.tensor(spikes))
    for u in kept[0].toggled:
        u.retain_grad()
    (emitted["a"] * torch.tensor(upstream)).sum().backward()
    found = np.stack([u.grad.numpy() for u in kept[0].toggled], 1)
    assert found.any()
    for sample, own in enumerate(emitted["a"].detach().numpy().astype(int)):
        expected = derivatives(agains(model, weights, spikes[sample], own), gradient, upstream[sample])
        np.testing.assert_allclose(found[sample], expected, rtol=1e-5, atol=1e-6)


def of_counts(model, spikes, upstream):
    """dL/d(counts) [sample, step, input], and the spikes, of L = sum of upstream * spikes."""
    counts = torch.tensor(spikes, dtype=torch.float64, requires_grad=True)
    emitted, _ = model(counts)
    (emitted["a"] * torch.tensor(upstream)).sum().backward()
    return counts.grad.numpy(), emitted["a"].detach().numpy().astype(int)


@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize("recurrent", [False, True])
def test_what_is_left_of_the_change_is_carried_beyond_the_horizon(recurrent, steps):
    rng = np.random.default_rng(5)
    gradient = TrajectoryGradient(k=1, top=5, steps=steps)
    weights = {"input": rng.integers(-9, 14, (1, 3, 3))}
    if recurrent:
        weights["a"] = rng.integers(-5, 6, (1, 3, 3))
    model = network(chip(step=PLAIN), gradient, weights)
    spikes, upstream = rng.integers(0, 3, (5, 7, 3)), rng.normal(size=(5, 7, 3))
    found, emitted = of_counts(model, spikes, upstream)
    for sample in range(5):
        neurons = agains(model, weights, spikes[sample], emitted[sample])
        back = weights["a"][0] if recurrent else None
        du = derivatives(neurons, gradient, upstream[sample], 1 - 2.0**-2, back)
        np.testing.assert_allclose(found[sample], du @ weights["input"][0].T, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dither", [False, True])
def test_every_value_of_a_small_word_under_every_arrival(dither):
    """u of -16 to 15, then arrivals of -3 to 3, with steps that saturate and resets to 0 and by the threshold."""
    sums = np.array([[first, second, 0] for first in range(-16, 16) for second in range(-3, 4)])
    spikes = np.stack([sums.clip(min=0), (-sums).clip(min=0)], 2)
    weights, upstream = {"input": np.array([[[1], [-1]]])}, np.tile([[[1.0], [-0.7], [0.3]]], (len(sums), 1, 1))
    gradient = TrajectoryGradient(steps=1, dither=dither)
    for do in ((), (TO_ZERO,)):
        branches = (branch(do=do),) if do else (branch(),)
        model = network(chip(membrane="s5.saturate", step=(MEMBRANE, FORGET), branches=branches), gradient, weights, 5)
        found, emitted = of_counts(model, spikes, upstream)
        assert np.count_nonzero(found) > 100
        for sample, own in enumerate(emitted):
            du = derivatives(agains(model, weights, spikes[sample], own), gradient, upstream[sample], 1.0)
            np.testing.assert_allclose(found[sample, :, 0], du[:, 0], rtol=1e-5, atol=1e-6)


def test_without_a_horizon_a_step_has_the_dithered_gradient():
    gradient = TrajectoryGradient(k=2, top=5, steps=0)
    model = network(chip(step=PLAIN), gradient, {"input": np.array([[[1], [-1]]])})
    sums = np.arange(-60, 60)
    spikes = np.stack([sums.clip(min=0), (-sums).clip(min=0)], 1)[:, None]
    found, _ = of_counts(model, spikes, np.ones((len(sums), 1, 1)))
    word = model.layers[0].neuron.registers["membrane"]
    expected = BooleanGradient(k=2, top=5, dither=True)(torch.tensor(sums * 1.0), torch.tensor(9.0), word, 1)
    assert expected.any()
    np.testing.assert_allclose(found[:, 0, 0], expected, rtol=1e-6)


def test_the_forward_pass_is_the_same_bits():
    rng = np.random.default_rng(1)
    weights = {"input": rng.integers(-60, 80, (1, 4, 5)), "a": rng.integers(-30, 30, (1, 5, 5))}
    model = network(CHIPS["saturating"], TrajectoryGradient(steps=2), weights)
    spikes = torch.tensor(rng.integers(0, 3, (6, 9, 4)))
    emitted, registers = model(spikes, {"membrane"})
    with torch.no_grad():
        plain, values = model(spikes, {"membrane"})
    assert torch.equal(emitted["a"], plain["a"])
    assert torch.equal(registers["a"]["membrane"], values["a"]["membrane"])
    assert plain["a"].any()


@pytest.mark.parametrize(
    ("branches", "share", "message"),
    [
        ((branch(),), 0.5, "reset_share: found 0.5; allowed with a trajectory gradient: 1.0, it is simulated"),
        (
            (branch(), branch(("fast", ">", 3), 1, 1, ())),
            1.0,
            "layer 'a': found 2 registers that decide; allowed with a trajectory gradient: spikes decided by one "
            "register",
        ),
        (
            (branch(), branch(("membrane", "<", -5), "slow", 1, ())),
            1.0,
            "layer 'a': found slow emitted; allowed with a trajectory gradient: spikes decided by one register",
        ),
    ],
)
def test_what_has_no_trajectory_derivative_is_refused(branches, share, message):
    made = template(chip(branches=branches), 2, {"a": 3}, [("input", "a", "forward")])
    with pytest.raises(InputError) as error:
        SpikingNetwork(made, TrajectoryGradient(), reset_share=share)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": -1}, "trajectory gradient: steps: found -1; allowed: an integer, 0 or more"),
        ({"k": 3, "top": 2}, "boolean gradient: top: found 2; allowed: k or more, 3"),
        ({"top": 8}, "boolean gradient: top: found 8; allowed for s9.saturate: 0 to 7"),
    ],
)
def test_an_option_that_does_not_fit_is_refused(options, message):
    with pytest.raises(InputError) as error:
        network(chip(), TrajectoryGradient(**options), {"input": np.ones((1, 2, 3))})
    assert str(error.value) == message
