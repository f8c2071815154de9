"""Gradients are made by name; what is unknown is refused with the nearest name."""

import pytest
from bitspike.errors import InputError
from bitspike.training.boolean import BooleanGradient
from bitspike.training.gradient import make_gradient
from bitspike.training.surrogate import Arctan, Boxcar, FastSigmoid, Triangle

KINDS = "boolean, float_boolean, trajectory, arctan, fast_sigmoid, triangle, boxcar"


def test_each_kind_makes_its_gradient():
    assert make_gradient("boolean", k=7, dither=True) == BooleanGradient(k=7, dither=True)
    for kind, made in (("arctan", Arctan), ("fast_sigmoid", FastSigmoid), ("triangle", Triangle), ("boxcar", Boxcar)):
        assert make_gradient(kind, width=0.25) == made(0.25)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (
            "arctam",
            {},
            f"gradient: kind: found 'arctam'; allowed: {KINDS}. Did you mean 'arctan'?",
        ),
        (
            None,
            {},
            f"gradient: kind: found None; allowed: {KINDS}",
        ),
        ("arctan", {"widht": 1}, "gradient arctan: option: found 'widht'; allowed: width. Did you mean 'width'?"),
        (
            "boolean",
            {"width": 1},
            "gradient boolean: option: found 'width'; allowed: k, p, dither, sign_bit, clamp, aligned, top",
        ),
        ("boolean", {"k": -2}, "boolean gradient: k: found -2; allowed: an integer, 0 or more"),
    ],
)
def test_what_is_unknown_is_refused(kind, options, message):
    with pytest.raises(InputError) as error:
        make_gradient(kind, **options)
    assert str(error.value) == message
