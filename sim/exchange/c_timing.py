"""A C program that runs an exported network on input from stdin and times every step."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.event_core import core_of
from ..engine.event_run import read_events
from ..engine.given import check_spikes
from ..network import Network

NAME = "net"  # the prefix under which the network is exported

_LIMITS = {"MOST_ROUNDS": 9, "FIRST_NS": 2_000_000_000, "ALL_NS": 5_000_000_000}  # of the first run, of all
_OPENED = """#define _POSIX_C_SOURCE 199309L /* clock_gettime */
#include <stdio.h>
#include <time.h>
#include "net.h"
"""
_STEP = """static int take(const item *given) { return net_step(&state, given->of) != 0; }
"""
_EVENT = """static int32_t spikes[net_neurons];
static int take(const item *given) {
    net_input event = {0};
    int32_t left;
%s    left = net_event(&state, &event, spikes);
%s    return left < 0;
}
"""
_FOLLOW = "    while (left >= 0 && state.waiting) left = net_follow(&state, spikes);\n"
_MAIN = """
static uint64_t nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
#if defined __x86_64__ || defined __i386__
#define CYCLES 1
#define ticks __builtin_ia32_rdtsc
#else
#define CYCLES 0
#define ticks nanoseconds
#endif
static item items[SAMPLES][STEPS];
static uint64_t least[SAMPLES][STEPS];
int main(void) {
    uint64_t nothing = UINT64_MAX, total = 0, longest = 0, start = nanoseconds(), first = ticks(), spent;
    size_t used = SAMPLES, round, sample, step;
    if (fread(items, sizeof items, 1, stdin) != 1) return 9;
    for (round = 0; round < 1000; round++) { /* what reading the clock takes */
        const uint64_t before = ticks(), taken = ticks() - before;
        if (taken < nothing) nothing = taken;
    }
    for (round = 0; round < MOST_ROUNDS; round++) {
        for (sample = 0; sample < used; sample++) {
            if (round == 0 && sample && nanoseconds() - start > FIRST_NS) used = sample;
            if (sample >= used) break;
            net_reset(&state);
            for (step = 0; step < STEPS; step++) {
                const uint64_t before = ticks();
                const int refused = take(&items[sample][step]);
                const uint64_t taken = ticks() - before;
                if (refused) {
                    fputs("a step was refused", stderr);
                    return 8;
                }
                if (round == 0 || taken < least[sample][step]) least[sample][step] = taken;
            }
        }
        if (round >= 2 && nanoseconds() - start > ALL_NS) {
            round++;
            break;
        }
    }
    spent = nanoseconds() - start;
    for (sample = 0; sample < used; sample++) {
        for (step = 0; step < STEPS; step++) {
            const uint64_t taken = least[sample][step] > nothing ? least[sample][step] - nothing : 0;
            total += taken;
            if (taken > longest) longest = taken;
        }
    }
    printf("%lu %lu %d %.17g %.17g %.17g\\n", (unsigned long)(used * STEPS), (unsigned long)round, CYCLES,
           (double)total / (double)(used * STEPS), (double)longest, (double)spent / (double)(ticks() - first));
    return 0;
}
"""


def timing_program(network: Network, given: Any) -> tuple[str, bytes]:
    """The program's text, and what it reads: input as for `run`.

    It prints: steps, rounds, whether its clock counts cycles, ticks of a mean step and of the longest, nanoseconds of
    a tick. Of each step the least of all rounds counts. Where a step is refused, it ends with 8 and says so.
    """
    if network.profile.clock == "step":
        items, taking = check_spikes(given, network), _STEP
    else:
        core = core_of(network)
        streams, members = read_events(given, network), ["source", "neuron"]
        members += dict.fromkeys(field for kind in core.kinds for field in kind.event.fields)
        none = np.zeros(len(streams[0]), np.int64)
        columns = [[each.kind, *(each.values.get(member, none) for member in members)] for each in streams]
        items = np.ascontiguousarray(np.array(columns).transpose(0, 2, 1))
        names = ["kind", "source", "neuron", *(f"field_{field}" for field in members[2:])]
        fields = "".join(f"    event.{name} = given->of[{at}];\n" for at, name in enumerate(names))
        taking = _EVENT % (fields, "" if core.queue is None else _FOLLOW)
    sizes = dict(zip(("SAMPLES", "STEPS", "WIDTH"), items.shape, strict=True))
    defined = "".join(f"#define {name} {value}\n" for name, value in {**sizes, **_LIMITS}.items())
    types = f"typedef struct {{ {items.dtype}_t of[WIDTH]; }} item;\nstatic net_state state;\n"
    return _OPENED + defined + types + taking + _MAIN, items.tobytes()
