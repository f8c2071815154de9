"""What cannot be trained exactly is refused, in one line that names the place."""

from __future__ import annotations

import json

import bitspike as bs
import numpy as np
import pytest
from bitspike.errors import InputError, OverflowRefusedError

torch = pytest.importorskip("torch")
from bitspike.training.model import SpikingNetwork  # noqa: E402
from bitspike.training.surrogate import Triangle  # noqa: E402
from training_networks import branch, chip, decay, template  # noqa: E402

ONE = [("input", "a", "forward")]


def model(profile, inputs=2, weights=None, **options):
    made = SpikingNetwork(template(profile, inputs, {"a": 1}, ONE), Triangle(1.0), **options)
    if weights is not None:
        synapses = made.synapses[0][0]
        with torch.no_grad():
            synapses.linear.weight.copy_(torch.tensor([weights]) * synapses.scale)
    return made


def test_a_network_that_no_float_holds_is_refused_when_it_is_made():
    membrane = chip(membrane="s54.saturate")
    with pytest.raises(InputError) as error:
        model(membrane)
    assert str(error.value) == "profile: training under small can need 54 bits; allowed: 53, all that is exact"
    assert model(chip(membrane="s52.saturate")).dtype == torch.float64


def test_a_refused_delivery_names_step_layer_register_and_value():
    refusing = model(chip(fast="s8.refuse"), weights=[100.0, 27.0])
    spikes = np.array([[[1, 1], [0, 0]], [[1, 1], [1, 1]]])
    refusing.trace(spikes)
    spikes[1, 1] = [1, 2]
    message = "layer a, fast: 154 does not fit s8.refuse, -128 to 127"
    with pytest.raises(OverflowRefusedError) as error:
        refusing.trace(spikes)
    assert str(error.value) == f"training, step 1, {message}"
    with pytest.raises(OverflowRefusedError) as error:
        bs.run(refusing.export(), spikes, engine="array")
    assert str(error.value) == f"sample 1, step 1, {message}"


def test_a_delivery_that_only_its_order_carries_beyond_the_word_is_refused():
    refusing = model(chip(fast="s8.refuse"), weights=[100.0, -100.0])
    refusing.trace([[[1, 1]]])
    with pytest.raises(OverflowRefusedError, match="fast: 200 does not fit"):
        refusing.trace([[[2, 2]]])


def test_a_refused_stage_names_its_register():
    with pytest.raises(OverflowRefusedError) as error:
        model(chip(fast="s10.saturate", membrane="s8.refuse"), weights=[-100.0, -30.0]).trace([[[1, 1]]])
    assert str(error.value) == "training, step 0, layer a, membrane: -130 does not fit s8.refuse, -128 to 127"


def test_a_refused_weight_names_its_projection():
    shifted = {"shift": {"into": "weight", "by": 2, "word": "s8.refuse"}}
    made = model(chip(stages=(shifted,)), weights=[31.0, 32.0])
    with pytest.raises(OverflowRefusedError) as error:
        made(torch.ones(1, 1, 2))
    message = "training, projection 'input' to 'a', weight: 128 does not fit s8.refuse, -128 to 127"
    assert str(error.value) == message


def test_a_reset_that_its_flag_leaves_out_is_not_refused():
    reset = {"add": {"into": "membrane", "terms": [-200]}}
    profile = chip(fast="s10.saturate", membrane="s8.refuse", branches=(branch(do=(reset,)),))
    trace = model(profile, weights=[1.0, 1.0]).trace([[[1, 1]]])
    assert trace["a"].registers["membrane"].item() == 2


def test_aliases_are_refused():
    layer = {"dash_syn0": 1, "dash_syn1": 1, "dash_mem": 1, "threshold": 9, "bias": 0}
    population = bs.Population("hidden", 2, layer, "hidden", aliases=[[1], [-1]])
    network = bs.Network(bs.load_profile("xylo-audio-2"), 1, [population], [])
    with pytest.raises(InputError, match=r"^layer 'hidden': aliases cannot be trained$"):
        SpikingNetwork(network, Triangle(1.0))


def changed(**connection):
    """The usual chip with other keys in its connections that act in the same step."""
    data = json.loads(chip().to_json())
    data["connections"]["forward"] |= connection
    return bs.Profile.from_json(json.dumps(data))


def test_a_connection_that_may_have_delays_and_has_none_is_trained():
    delayed = changed(delay={"per": "projection", "word": "u4"})
    assert model(delayed, weights=[3.0, 4.0]).trace([[[1, 1]]])["a"].registers["membrane"].item() == 6


def test_an_event_clock_is_refused():
    layer = bs.Population("a", 2, {"threshold": 9, "leak": 0, "disabled": 0})
    network = bs.Network(bs.load_profile("tinyodin"), 2, [layer], [])
    with pytest.raises(InputError) as error:
        SpikingNetwork(network, Triangle(1.0))
    assert str(error.value) == "profile 'tinyodin': found clock: event; only clock: step is trained"


@pytest.mark.parametrize(
    ("spikes", "message"),
    [
        (torch.zeros(1, 4, 3), "spikes: found shape (1, 4, 3); allowed: [sample, step, 2]"),
        (torch.zeros(4, 2), "spikes: found shape (4, 2); allowed: [sample, step, 2]"),
        (torch.zeros(1, 0, 2), "spikes: found shape (1, 0, 2); allowed: [sample, step, 2]"),
        (torch.full((1, 1, 2), 6), "spikes: found 6; allowed: integers 0 to 5"),
        (torch.full((1, 1, 2), -1), "spikes: found -1; allowed: integers 0 to 5"),
        (torch.full((1, 1, 2), 0.5), "spikes: found 0.5; allowed: integers 0 to 5"),
        (torch.full((1, 1, 2), torch.nan), "spikes: found nan; allowed: integers 0 to 5"),
    ],
)
def test_input_beyond_what_exactness_was_chosen_for_is_refused(spikes, message):
    made = model(chip(), max_input=5)
    with pytest.raises(InputError) as error:
        made(spikes)
    assert str(error.value) == message


def test_decays_are_part_of_the_choice_of_float():
    far = chip(step=({"shift": {"into": "membrane", "by": 40}}, decay("fast")))
    assert model(far).dtype == torch.float64
    beyond = chip(step=({"shift": {"into": "membrane", "by": 50}}, decay("fast")))
    with pytest.raises(InputError, match="can need 59 bits"):
        model(beyond)
