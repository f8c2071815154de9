"""Faults of kinds of events, of the queue, and of what leaves a neuron, each at its place in the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_profiles import refusals

REACHES = "allowed: all, one, or a mapping with the key 'last'"
SPIKE = "spike:\n    reaches: all"
REFERENCE_ONE = "reference_one:\n    reaches: one"
KINDS = "spike, reference, reference_one, virtual, synapse"
NAMES = "membrane, threshold, leak, leak_enable, disabled, open_loop, unmapped"

BAD = [
    (SPIKE, "spike:\n    reaches: @two", f"events.spike.reaches: found 'two'; {REACHES}"),
    (SPIKE, "spike:\n    reaches: @al", f"events.spike.reaches: found 'al'; {REACHES}. Did you mean 'all'?"),
    (SPIKE, "spike:\n    reaches: @[all]", f"events.spike.reaches: found a list of 1; {REACHES}"),
    (SPIKE, "spike:\n    reaches: @7", f"events.spike.reaches: found 7; {REACHES}"),
    (SPIKE, "spike:\n    reaches:@", f"events.spike.reaches: found nothing; {REACHES}"),
    (SPIKE, "spike:\n    @reaches: {}", "events.spike.reaches: missing key 'last'"),
    (SPIKE, "spike:\n    reaches: {last: @-1}", "events.spike.reaches.last: found -1; allowed: 0 or more"),
    (SPIKE, "spike:\n    reaches: {last: @leak}",
     "events.spike.reaches.last: found 'leak'; allowed: open_loop, unmapped, an integer"),
    (SPIKE, "spike:\n    reaches: {last: 3, @first: 1}", "events.spike.reaches.first: unknown key; allowed: last"),
    ("    over: crossbar", "    over: @crosbar",
     "events.spike.over: found 'crosbar'; allowed: crossbar. Did you mean 'crossbar'?"),
    ("    over: crossbar", "    over: @[crossbar]",
     "events.spike.over: found a list of 1; allowed: text that matches [a-z][a-z0-9_]*"),
    ("{weight_in: u3,", "{weight_in: @u3.wrap,", "events.virtual.fields.weight_in: found 'u3.wrap'; allowed: u3"),
    ("{weight_in: u3,", "{weight_in: @u<bits>,",
     "events.virtual.fields.weight_in: found 'bits'; allowed: open_loop, unmapped"),
    ("{weight_in: u3,", "{@neuron: u3, weight_in: u3,",
     "events.virtual.fields.neuron: is a reserved name; choose another"),
    ("{weight_in: u3,", "{@kind: u3, weight_in: u3,", "events.virtual.fields.kind: is a reserved name; choose another"),
    ("{weight_in: u3,", "{@unmapped: u3, weight_in: u3,",
     "events.virtual.fields.unmapped: names a register, a parameter or a value already; choose another name"),
    ("queued: true", "queued: @1", "events.spike.queued: found 1; allowed: true or false"),
    ("terms: [weight_in]", "terms: [@weight]",
     f"events.virtual.do[0].add.terms[0]: found 'weight'; allowed: {NAMES}, weight_in, sign_in, leak_in, an integer. "
     "Did you mean 'weight_in'?"),
    ("add: {into: membrane, terms: [weight_in]", "set: {into: membrane, value: @256",
     "events.virtual.do[0].set.value: found 256; allowed: 0 to 255"),
    ("queue: {event: spike", "queue: {event: @spik",
     f"queue.event: found 'spik'; allowed: {KINDS}. Did you mean 'spike'?"),
    ("queue: {event: spike", "queue: {event: @virtual",
     "queue.event: found 'virtual'; allowed: an event with a source ('over') and nothing else to carry"),
    ("depth: 32", "depth: @0", "queue.depth: found 0; allowed: an integer from 1 to 65535"),
    ("depth: 32", "depth: @65536", "queue.depth: found 65536; allowed: an integer from 1 to 65535"),
    ("limit: 100000", "limit: @0", "queue.limit: found 0; allowed: an integer from 1 to 2147483647"),
    ("limit: 100000", "limit: @1e5", "queue.limit: found 1e5; write 100000"),
    ("when_full: drop", "when_full: @wait", "queue.when_full: found 'wait'; allowed: drop"),
    ("unless: open_loop", "unless: @disabled",
     "queue.unless: found 'disabled'; allowed: open_loop, unmapped, an integer"),
    ("unless: open_loop", "unless: @-open_loop",
     "queue.unless: found '-open_loop'; allowed: open_loop, unmapped, an integer. Did you mean 'open_loop'?"),
    ("output_unless: disabled", "output_unless: @disable",
     f"neurons.neuron.output_unless: found 'disable'; allowed: {NAMES}, an integer. Did you mean 'disabled'?"),
    ("output_unless: disabled", "output_unless: @[disabled]",
     "neurons.neuron.output_unless: found a list of 1; allowed: a register, a parameter or an integer; -name and "
     "name*name compute"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), BAD)
def test_a_bad_key_of_an_event_or_of_the_queue_is_refused_at_its_place(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert refusals(tmp_path, "odin", (old, new)) == [message]


def test_an_event_writes_no_wider_word_than_the_step(tmp_path: Path) -> None:
    edits = [
        ("membrane: u8.saturate", "membrane: u8.saturate\n      last: u3.wrap"),
        ("- add: {into: membrane, terms: [weight_in]", "- set: {into: last, value: weight_in, word: @s9.saturate"),
    ]
    assert refusals(tmp_path, "odin", *edits) == [
        "events.virtual.do[0].set.word: found s9.saturate; allowed: 0 to 7 at most, what the class's step writes"
    ]


def test_every_bad_key_of_events_queue_and_neuron_is_found_in_one_round(tmp_path: Path) -> None:
    edits = [
        ("output_unless: disabled", "output_unless: @disable"),
        (SPIKE, "spike:\n    reaches: @two"),
        ("    over: crossbar", "    over: @crosbar"),
        (REFERENCE_ONE, "reference_one:\n    reaches: {last: @-2}"),
        ("{weight_in: u3,", "{weight_in: @u99,"),
        ("depth: 32", "depth: @many"),
        ("unless: open_loop", "unless: @open"),
    ]
    assert [message.split(":")[0] for message in refusals(tmp_path, "odin", *edits)] == [
        "neurons.neuron.output_unless",
        "events.spike.reaches",
        "events.spike.over",
        "events.reference_one.reaches.last",
        "events.virtual.fields.weight_in",
        "queue.depth",
        "queue.unless",
    ]


def test_what_leaves_a_neuron_is_decided_under_an_event_clock_only(tmp_path: Path) -> None:
    edits = [("    registers:\n      accumulator", "    @output_unless: leak\n    registers:\n      accumulator")]
    assert refusals(tmp_path, "generic-w8-v16", *edits) == [
        "neurons.neuron.output_unless: is for an event clock; allowed: none with clock: step"
    ]
