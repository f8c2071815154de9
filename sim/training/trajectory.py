"""The Boolean derivative of a neuron's trajectory: a bit is toggled, and the integer neuron simulated again.

Of the deciding register u_t, as `fire` meets it, bit i is toggled by delta = +-w_i, w_i = 2**i; what follows is the
profile's own stages under the arrivals that were recorded, reset included, to step t + h. What changes is exact:

    dL/du_t = sum over i = k .. top of w_i**-p * sum over j = 0 .. h of sign(delta) * change of s_(t+j) * dL/ds_(t+j)
            + mean over i of (change of each register after step t + h) / delta * dL/d(that register)

The second line carries what is left of the changed state beyond the horizon: `leak`**(h + 1) of it, less the resets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from ..datapath import Divide, Fire
from ..engine.wiring import Layer
from ..errors import InputError
from ..network.network import Network
from ..ops.base import Flag, Registers, Repeated, Value
from ..ops.tensor import TensorOps
from ..ops.torch_ops import TorchOps
from ..profile.decision import Decision, decisions
from ..profile.schema import SPIKES, NeuronClass
from ..profile.walk import stage_operands
from ..word import Word
from .arrivals import Arrival
from .boolean import BooleanGradient
from .crossing import BitGradient, check_natural
from .scan import Arrived, Scanned, deliver, interpreted

State = MutableMapping[str, Tensor]


@dataclass(frozen=True)
class TrajectoryGradient(BitGradient):
    """The derivative of the trajectory, for `SpikingNetwork`; called as other gradients are, its part of this step.

    `k`, `top`: the least and the highest bit that is toggled (None: the highest below the sign). `p`: the power of the
    place value. `dither`: instead of toggling it, add and subtract the bit's place value, and take the mean.
    `steps`: h, the steps simulated beyond the present one. The reset is part of it: reset_share is 1.
    """

    k: int = 0
    top: int | None = None
    p: float = 1.0
    dither: bool = True
    steps: int = 1

    def __post_init__(self) -> None:
        """Raise InputError for an option that is never allowed."""
        check_natural("trajectory gradient: steps", self.steps)
        _ = self.of_one_step

    @property
    def of_one_step(self) -> BooleanGradient:
        """The gradient of the spikes of the present step."""
        return BooleanGradient(k=self.k, top=self.top, p=self.p, dither=self.dither)

    def direct(self, u: Tensor, threshold: Tensor, word: Word, repeat: int) -> Tensor:
        """What the present step's spikes change."""
        return self.of_one_step.direct(u, threshold, word, repeat)


def decision_of(neuron: NeuronClass) -> Decision | None:
    """What a neuron's trajectory is differentiated by; None for one that only passes on what it holds.

    Raises InputError where it decides by several registers, or emits a quotient.
    """
    found = list(decisions(neuron))
    named = [branch.emit for branch in neuron.fire.branches if isinstance(branch.emit, str)]
    divides = any(isinstance(stage, Divide) for stage in neuron.stages)
    if named and not divides and len(named) == len(neuron.fire.branches):
        return None
    registers = sorted({decision.register for decision in found})
    if named or divides or len(registers) != 1:
        text = f"{' and '.join(map(str, named))} emitted" if named else f"{len(registers)} registers that decide"
        raise InputError(f"found {text}; allowed with a trajectory gradient: spikes decided by one register")
    return found[0]


def check_trajectory(gradient: TrajectoryGradient, template: Network, reset_share: float) -> None:
    """Raise InputError for a network that has no trajectory derivative, or not with these options."""
    if reset_share != 1:
        raise InputError(f"reset_share: found {reset_share}; allowed with a trajectory gradient: 1.0, it is simulated")
    for population in template.populations:
        try:
            decision = decision_of(template.neuron_class(population))
        except InputError as error:
            raise InputError(f"layer '{population.name}': {error}") from None
        if decision is not None:
            gradient.of_one_step.bits(decision.word)


class _Plain(TensorOps):
    """Spikes without a gradient of their own."""

    def repeat(
        self, branch: Repeated, regs: Registers, again: Callable[[], Flag], body: Callable[[Flag], None]
    ) -> None:
        """The exact rounds."""
        TorchOps.repeat(self, branch, regs, again, body)


class _Course(_Plain):
    """Of what does not happen: nothing is refused."""

    def observe(self, register: str, raw: Value, fitted: Value, word: Word, when: Flag) -> None:
        """Nothing: a register without a rule keeps its value."""


class Courses:
    """The courses that a layer's neurons would take after a toggle, brought along step by step with their own.

    A course is what differs from it: tensors [toggle, sample, neuron], the toggles of the earliest step first. What a
    toggle does not reach stays [sample, neuron], and is never computed again.
    """

    def __init__(self, layer: Layer, gradient: TrajectoryGradient, decision: Decision, scale: float) -> None:
        """`scale`: what the changes of the spikes are multiplied by."""
        self.layer, self.gradient, self.decision = layer, gradient, decision
        self.main, self.ops = _Plain(gradient), _Course(gradient)
        stages = layer.neuron.stages
        fire = next(index for index, stage in enumerate(stages) if isinstance(stage, Fire))
        self.before, self.after = stages[:fire], stages[fire:]
        bits = gradient.of_one_step.bits(decision.word)
        ways = 2 if gradient.dither else 1
        self.places = torch.tensor([1 << bit for bit in bits for _ in range(ways)])
        self.weights = [scale * 2.0 ** (-gradient.p * bit) / ways for bit in bits for _ in range(ways)]
        self.courses: dict[str, Tensor] = {}
        self.signs: list[Tensor] = []  # of the toggles of each step, [toggle, sample or 1, neuron or 1]
        self.toggled: list[Tensor] = []  # what was toggled: its value does not matter, its gradient does

    def run(
        self,
        given: Sequence[Arrival],
        silent: Tensor,
        state: Mapping[str, Tensor] | None,
        steps: range,
        record: Sequence[str] = (),
    ) -> Scanned:
        """As `Scanner.run`."""
        full = dict.fromkeys(self.layer.neuron.registers, silent) if state is None else state
        return interpreted(self.main, self.layer, given, full, steps, record, self.update)

    def update(self, layer: Layer, regs: Registers, state: State, silent: Tensor, arrived: Sequence[Arrived]) -> Tensor:
        """As `updated`; the spikes and registers depend on what was toggled in this step and the last ones."""
        with torch.no_grad():
            courses = self._started(regs, state, silent, arrived)
        regs.values[SPIKES] = silent
        for stage in self.before:
            stage.run(regs)
        one = self.decision.operand if len(list(decisions(layer.neuron))) == 1 else 0
        u = regs[self.decision.register]
        distance = u - regs[one]
        regs.values[self.decision.register] = u.detach()
        with torch.no_grad():
            self._branch_off(courses, regs)
        for stage in self.after:
            stage.run(regs)
        spikes: Tensor = _Depends.apply(  # type: ignore[no-untyped-call]
            regs[SPIKES], self._changes_of_spikes(regs), *self.toggled, distance
        )
        self.toggled.append(u)
        if len(self.toggled) > self.gradient.steps:
            self._carry_the_earliest(regs)
        state.update({register: regs[register] for register in layer.neuron.registers})
        return spikes

    def _started(self, regs: Registers, state: State, silent: Tensor, arrived: Sequence[Arrived]) -> Registers:
        """The courses so far, with this step's arrivals, up to `fire`."""
        values = {**regs.values, SPIKES: silent, **self.courses}
        courses = Registers(self.ops, regs.words, values)
        if not self.courses:
            return courses
        reached = [each for each in arrived if self._reaches(each)]
        for register in {each.arrival.register for each in reached}:
            courses.values[register] = self.courses.get(register, state[register])
        for each in reached:
            self._deliver(each, courses)
        for stage in self.before:
            stage.run(courses)
        return courses

    def _deliver(self, arrived: Arrived, courses: Registers) -> None:
        """`deliver` to every course: in-order sums take samples only, so the toggles become some."""
        register = arrived.arrival.register
        start = courses[register]
        if arrived.arrival.incoming.sum is not None or not _is_course(start):
            deliver(self.ops, arrived, courses)
            return
        toggles = len(start)
        flat = Registers(self.ops, courses.words, {**courses.values, register: start.flatten(0, 1)})
        counts, total = (value.repeat(toggles, 1) for value in (arrived.counts, arrived.total))
        deliver(self.ops, Arrived(arrived.arrival, counts, total), flat)
        courses.values[register] = flat[register].unflatten(0, (toggles, -1))

    def _reaches(self, arrived: Arrived) -> bool:
        """Whether a toggle can change what becomes of an arrival."""
        total = arrived.arrival.incoming.sum
        items = total.then if total is not None else ()
        read = {name for item in items for _, name in stage_operands((), item.stage)}
        return bool({arrived.arrival.register, *read} & self.courses.keys())

    def _branch_off(self, courses: Registers, regs: Registers) -> None:
        """Toggle this step's register, and fire and finish the step of all courses."""
        toggled, signs = self._toggles(regs[self.decision.register])
        at_fire = Registers(self.ops, regs.words, dict(regs.values))
        for name in regs.words:
            new = toggled if name == self.decision.register else regs[name]
            if self.courses and _is_course(courses[name]):
                at_fire.values[name] = torch.cat([courses[name], new.expand_as(toggled)])
            elif name == self.decision.register:
                at_fire.values[name] = toggled
        self.signs.append(signs)
        for stage in self.after:
            stage.run(at_fire)
        self.courses = {name: at_fire[name] for name in regs.words if _is_course(at_fire[name])}
        self.spikes = at_fire[SPIKES]

    def _toggles(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """[toggle, sample, neuron], and the sign of each change."""
        word, places = self.decision.word, self.places[:, None, None]
        if self.gradient.dither:
            signs = torch.tensor([1.0, -1.0], dtype=u.dtype).repeat(len(self.places) // 2)[:, None, None]
            return (u + signs * places).clamp(word.min, word.max), signs
        toggled = (u.long() ^ places).to(u.dtype)
        return toggled, torch.where(toggled > u, 1.0, -1.0).to(u.dtype)

    @torch.no_grad()
    def _changes_of_spikes(self, regs: Registers) -> Tensor:
        """d(spikes of this step) by what was toggled, [step, sample, neuron]; the last is this step's."""
        changes = (self.spikes - regs[SPIKES]).unflatten(0, (-1, len(self.places)))
        weights = changes.new_tensor(self.weights)[:, None, None]
        slopes = [(change * (signs * weights)).sum(0) for change, signs in zip(changes, self.signs, strict=True)]
        return torch.stack(slopes)

    def _carry_the_earliest(self, regs: Registers) -> None:
        """Let what is left of the earliest toggles reach the registers, and forget them."""
        count = len(self.places)
        earliest, signs = self.toggled.pop(0), self.signs.pop(0)
        shares = signs / (count * self.places.to(earliest.dtype)[:, None, None])
        for name, values in self.courses.items():
            with torch.no_grad():
                slope = ((values[:count] - regs[name]) * shares).sum(0, keepdim=True)
            regs.values[name] = _Depends.apply(regs[name], slope, earliest)  # type: ignore[no-untyped-call]
        self.courses = {name: values[count:] for name, values in self.courses.items() if len(values) > count}


def _is_course(value: Value) -> bool:
    """Whether it has an axis of toggles."""
    return isinstance(value, Tensor) and value.ndim == 3


def courses_of(ops: TensorOps, layers: Iterable[Layer]) -> dict[str, Courses]:
    """New courses, by name, for each layer that decides; none without a trajectory gradient, or a backward pass."""
    gradient = ops.gradient
    if not isinstance(gradient, TrajectoryGradient) or not torch.is_grad_enabled():
        return {}
    found = {layer: decision_of(layer.neuron) for layer in layers}
    return {
        layer.name: Courses(layer, gradient, decision, ops.scale)
        for layer, decision in found.items()
        if decision is not None
    }


class _Depends(torch.autograd.Function):
    """A value as it is, with slopes [source, sample, neuron] by sources of its shape."""

    @staticmethod
    def forward(ctx: FunctionCtx, value: Tensor, slopes: Tensor, *sources: Tensor) -> Tensor:
        ctx.save_for_backward(slopes)
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, upstream: Tensor) -> tuple[Tensor | None, ...]:
        (slopes,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return (upstream, None, *(slopes * upstream).unbind(0))
