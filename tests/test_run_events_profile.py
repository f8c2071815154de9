"""What cannot be run of an event-clocked profile is refused with its place."""

import re
from pathlib import Path

import pytest
from bitspike.errors import DocumentError
from bitspike.profile import check_profile

TEXT = (Path(__file__).parent.parent / "hwconfigs" / "odin.yaml").read_text(encoding="utf-8")
EVENTS = TEXT[TEXT.index("events:") : TEXT.index("queue: {")]
QUEUE = TEXT[TEXT.index("queue: {") : TEXT.index("limits:")]
NAMES = "membrane, threshold, leak, leak_enable, disabled, open_loop, unmapped"
SECOND = """  other:
    registers: {membrane: u8.saturate}
    parameters: {threshold: u8}
    step:
      - fire: {branches: [{when: [membrane, ">=", threshold], emit: 1, repeat: 1, do: []}]}

connections:"""


def faults(folder, *edits):
    """The faults after these edits, without the file's name and the place in it."""
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    file = folder / "my.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        check_profile(file)
    return [re.sub(rf"^{re.escape(str(file))}:\d+:\d+: ", "", fault) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "reaches: all",
            "reaches: two",
            "events.spike.reaches: found 'two'; allowed: all, one, or a mapping with the key 'last'",
        ),
        (
            "reaches: all",
            "reaches: {last: nine}",
            "events.spike.reaches.last: found 'nine'; allowed: open_loop, unmapped, an integer",
        ),
        ("reaches: all", "reaches: {last: -1}", "events.spike.reaches.last: found -1; allowed: 0 or more"),
        (
            "over: crossbar",
            "over: crosbar",
            "events.spike.over: found 'crosbar'; allowed: crossbar. Did you mean 'crossbar'?",
        ),
        ("    queued: true\n", "", "events.spike: missing key 'queued'"),
        (
            "{weight_in: u3",
            "{source: u3, weight_in: u3",
            "events.virtual.fields.source: is a reserved name; choose another",
        ),
        (
            "{weight_in: u3",
            "{spikes: u3, weight_in: u3",
            "events.virtual.fields.spikes: is a reserved name; choose another",
        ),
        (
            "{weight_in: u3",
            "{leak: u3, weight_in: u3",
            "events.virtual.fields.leak: names a register, a parameter or a value already; choose another name",
        ),
        (
            "{into: membrane, by: leak",
            "{into: membran, by: leak",
            "events.reference.do[0].shrink.into: found 'membran'; allowed: membrane. Did you mean 'membrane'?",
        ),
        (
            "{into: membrane, by: leak",
            "{into: membrane, by: leek",
            f"events.reference.do[0].shrink.by: found 'leek'; allowed: {NAMES}, an integer. Did you mean 'leak'?",
        ),
        (
            "{into: membrane, by: leak",
            "{into: membrane, by: -1",
            "events.reference.do[0].shrink.by: found -1; allowed: 0 or more",
        ),
        (
            "terms: [weight_in]",
            "terms: [weight_on]",
            f"events.virtual.do[0].add.terms[0]: found 'weight_on'; allowed: {NAMES}, weight_in, sign_in, leak_in, "
            "an integer. Did you mean 'weight_in'?",
        ),
        (
            "queue: {event: spike",
            "queue: {event: spikes",
            "queue.event: found 'spikes'; allowed: spike, reference, reference_one, virtual, synapse. "
            "Did you mean 'spike'?",
        ),
        (
            "queue: {event: spike",
            "queue: {event: synapse",
            "queue.event: found 'synapse'; allowed: an event with a source ('over') and nothing else to carry",
        ),
        (
            "unless: open_loop",
            "unless: open",
            "queue.unless: found 'open'; allowed: open_loop, unmapped, an integer. Did you mean 'open_loop'?",
        ),
        ("depth: 32", "depth: 0", "queue.depth: found 0; allowed: an integer from 1 to 65535"),
        (
            "timing: same_step",
            "timing: next_step",
            "connections.crossbar.timing: found 'next_step'; allowed: same_step with clock: event",
        ),
        (
            "from: [neuron]",
            "from: [input]",
            "connections.crossbar.from[0]: found 'input'; allowed: neuron with clock: event",
        ),
        (
            "    cap: none",
            "    cap: none\n    delay: {per: source, word: u4}",
            "connections.crossbar.delay: is for clock: step",
        ),
        (
            "fit_per: source",
            "sum: {word: s8.saturate, then: []}\n    fit_per: step",
            "connections.crossbar.fit_per: found 'step'; allowed: source with clock: event",
        ),
        ("repeat: 1", "repeat: 2", "neurons.neuron.step: found spikes 0 to 2; allowed: 0 or 1 with clock: event"),
        ("emit: 1", "emit: leak", "neurons.neuron.step: found spikes 0 to 127; allowed: 0 or 1 with clock: event"),
        (
            "    output_unless: disabled",
            "    output_unless: disabled\n    relay: {order: ascending, cap: 1}",
            "neurons.neuron.relay: is for clock: step",
        ),
        ("connections:", SECOND, "neurons.other: found 2 classes; allowed: 1 with clock: event"),
        ("clock: event", "clock: event\ninput: u1", "input: is for clock: step; an event says what it carries"),
        (EVENTS + QUEUE, "", "missing key 'events': the kinds of events"),
    ],
)
def test_what_an_event_clock_cannot_run_is_refused(tmp_path, old, new, fault):
    assert faults(tmp_path, (old, new)) == [fault]


def test_a_value_that_may_be_below_0_is_no_last_neuron(tmp_path):
    edits = [
        ("open_loop: {value: 0, min: 0", "open_loop: {value: 0, min: -1"),
        ("reaches: all", "reaches: {last: open_loop}"),
    ]
    fault = "events.spike.reaches.last: found 'open_loop', which may be -1; allowed: 0 or more"
    assert faults(tmp_path, *edits) == [fault]


def test_events_are_refused_where_time_passes_in_steps(tmp_path):
    assert faults(tmp_path, ("clock: event", "clock: step\ninput: u1")) == [
        "neurons.neuron.output_unless: is for an event clock; allowed: none with clock: step",
        "events: is for clock: event",
        "queue: is for clock: event",
    ]


def test_a_queue_may_be_left_out(tmp_path):
    file = tmp_path / "my.yaml"
    file.write_text(TEXT.replace(QUEUE, ""), encoding="utf-8")
    assert check_profile(file)[0].queue is None
