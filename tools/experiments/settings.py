"""The gradients that are searched: for each kind of network equally many of both families."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BOOLEAN, SURROGATE, PAPER = "boolean", "surrogate", "paper"
SEARCHED = (BOOLEAN, SURROGATE)
FAMILIES = (*SEARCHED, PAPER)
Change = Mapping[str, Any]  # of a recipe's keys; those of `gradient` one by one


def boolean(k: int = 0, p: float = 1.0, dither: bool = False, top: int | None = None, **more: float) -> Change:
    """A recipe's `gradient` of the Boolean kind; more: scale, reset_share."""
    options: dict[str, Any] = {"k": k, "p": p, "dither": dither}
    return _gradient("boolean", options if top is None else {**options, "top": top}, **more)


def surrogate(kind: str, width: float, **more: float) -> Change:
    """A recipe's `gradient` of a surrogate; more: scale, reset_share."""
    return _gradient(kind, {"width": width}, **more)


def trajectory(k: int, top: int, steps: int) -> Change:
    """A recipe's `gradient` that simulates the neuron again; its reset share is 1."""
    return _gradient("trajectory", {"k": k, "top": top, "steps": steps}, reset_share=1.0)


def float_boolean(word: str, fraction: int) -> Change:
    """A recipe's `gradient` of the Boolean kind, of u * 2^-fraction as a float."""
    return _gradient("float_boolean", {"format": word, "fraction": fraction})


def _gradient(kind: str, options: dict[str, Any], scale: float = 1.0, reset_share: float = 0.0) -> Change:
    return {"kind": kind, "options": options, "scale": scale, "reset_share": reset_share}


def described(gradient: Change) -> str:
    """A gradient in a few words: what differs from the plainest."""
    options = [f"{name} {value}" for name, value in gradient["options"].items()]
    more = [
        f"{name} {gradient[name]}" for name, plain in (("scale", 1.0), ("reset_share", 0.0)) if gradient[name] != plain
    ]
    return ", ".join([gradient["kind"], *options, *more])


def _recurrent(reset_share: float) -> Mapping[str, tuple[Change, ...]]:
    """Through forty steps a gradient must be small: a dithered one integrates to the number of its bits."""
    return {
        BOOLEAN: (
            boolean(k=7, dither=True, top=10, scale=0.25, reset_share=reset_share),
            boolean(k=8, dither=True, top=10, scale=0.5, reset_share=reset_share),
            boolean(k=7, dither=True, scale=0.125, reset_share=reset_share),
        ),
        SURROGATE: (
            surrogate("arctan", 0.5, reset_share=reset_share),
            surrogate("arctan", 0.25, reset_share=reset_share),
            surrogate("fast_sigmoid", 0.25, reset_share=reset_share),
        ),
    }


PAPERS_OWN = boolean()

# Equally many settings for both families; k near log2(threshold) - 2, as a threshold's scale asks for.
DENSE = {
    BOOLEAN: (
        boolean(k=7, dither=True),
        boolean(k=8, dither=True),
        boolean(k=7, dither=True, reset_share=0.5),
        boolean(k=7),
        boolean(p=0.5),
        boolean(k=6, dither=True),
    ),
    SURROGATE: (
        surrogate("arctan", 0.25),
        surrogate("arctan", 0.5),
        surrogate("arctan", 0.5, reset_share=0.5),
        surrogate("fast_sigmoid", 0.25),
        surrogate("triangle", 1.0),
        surrogate("boxcar", 0.5),
    ),
}
# Digits alone, whose trainings are short: more settings, the paper's own gradient among them.
DIGITS = {
    BOOLEAN: (*DENSE[BOOLEAN], PAPERS_OWN, boolean(k=7, dither=True, top=9)),
    SURROGATE: (*DENSE[SURROGATE], surrogate("arctan", 1.0), surrogate("triangle", 0.5)),
}
# A training takes minutes here, so there are fewer.
MNIST = {
    BOOLEAN: (boolean(k=7, dither=True), boolean(k=8, dither=True)),
    SURROGATE: (surrogate("arctan", 0.25), surrogate("arctan", 0.5)),
}
# Ten minutes a training: no search, but what the note of the task says was tried. Bits above the thresholds are left
# out: in a deep network they make every neuron take part.
CONVOLUTIONAL = {BOOLEAN: (boolean(k=7, dither=True, top=9),), SURROGATE: (surrogate("arctan", 0.5),)}
NARROW = {
    BOOLEAN: (boolean(k=4, dither=True), boolean(k=5, dither=True)),
    SURROGATE: MNIST[SURROGATE],
}
RECURRENT = _recurrent(0.5)
# Where a neuron spikes several times a step, a reset share of 1 steadies what returns to it.
STEADY = _recurrent(1.0)
SPEECH = {
    BOOLEAN: (
        boolean(k=7, dither=True, scale=0.125, reset_share=0.5),
        boolean(k=7, dither=True, scale=0.125, reset_share=1.0),
        boolean(k=7, p=1.5, dither=True, scale=4.0, reset_share=1.0),
        boolean(k=7, dither=True, top=10, scale=0.25, reset_share=1.0),
        boolean(k=8, p=1.5, dither=True, scale=5.0, reset_share=1.0),
        boolean(k=8, p=2.0, dither=True, scale=128.0, reset_share=1.0),
    ),
    SURROGATE: (
        surrogate("arctan", 0.5, reset_share=0.5),
        surrogate("arctan", 0.5, reset_share=1.0),
        surrogate("fast_sigmoid", 0.25, reset_share=0.5),
        surrogate("fast_sigmoid", 0.25, reset_share=1.0),
        surrogate("arctan", 0.25, reset_share=1.0),
        surrogate("triangle", 1.0, reset_share=1.0),
    ),
}
XYLO_DIGITS = {
    BOOLEAN: (boolean(k=7, dither=True, scale=0.25), *STEADY[BOOLEAN]),
    SURROGATE: (surrogate("arctan", 0.5), *STEADY[SURROGATE]),
}
XYLO_SPEECH = {
    BOOLEAN: (boolean(k=7, dither=True, scale=0.0625, reset_share=0.5), *STEADY[BOOLEAN]),
    SURROGATE: (surrogate("arctan", 0.5, scale=0.5, reset_share=0.5), *STEADY[SURROGATE]),
}
# Thresholds are 32 here.
COARSE = {
    BOOLEAN: (
        boolean(k=2, dither=True),
        boolean(k=3, dither=True),
        boolean(k=3, dither=True, top=5),
        trajectory(k=3, top=5, steps=1),
        trajectory(k=3, top=5, steps=3),
        trajectory(k=2, top=5, steps=3),
    ),
    SURROGATE: (
        surrogate("arctan", 0.25),
        surrogate("arctan", 0.5),
        surrogate("arctan", 0.5, reset_share=0.5),
        surrogate("fast_sigmoid", 0.25),
        surrogate("triangle", 1.0),
        surrogate("triangle", 0.5),
    ),
}
TRAJECTORY = {BOOLEAN: COARSE[BOOLEAN][3:], SURROGATE: COARSE[SURROGATE][:3]}
WORDS = {
    BOOLEAN: tuple(float_boolean(word, fraction) for word in ("float32", "float16", "bfloat16") for fraction in (0, 9)),
    SURROGATE: DENSE[SURROGATE],
}
