"""The mutants of shipped profiles that survive `trials.py`, each with the reason why it computes the same bits.

A mutant of a word that refuses is not listed: nothing that is recorded overflows such a word. Those that a network can
overflow have tests of their own, in `test_random_speck.py` and `test_random_loihi.py`.
"""

from __future__ import annotations

REFUSES = "refuse -> "

ONCE = "what the branch writes ends its condition, or a source sends one spike at most"
APART = "the two write different registers, and neither reads what the other writes"
EXCLUDE = "the two conditions exclude each other"
EXACT = "a sum that never overflows, wraps, or only grows is the same in any order and in one write"
ZERO = "0 has no sign"
IMPLIED = "the other conditions imply it, or what it would let through changes nothing"
FITS = "whatever is written fits the narrower word, too, and what does not overflow is not changed"
ONE = "an event that reaches one neuron is followed by one spike at most, and the queue is empty by then"
NEVER = "the value is never reached"

LINKS = r"connections\.(dense|graded|recurrent)"
XYLO = {
    APART: [r"neurons\.(hidden|output)\.step: 0 and 1 swapped", "connections: 1 and 2 swapped"],
    ONCE: [r"connections\.(recurrent|readout)\.cap: 31 -> 32"],
}
XYLO_TWO = XYLO | {APART: [*XYLO[APART], r"neurons\.hidden\.step: 1 and 2 swapped"]}

SURVIVE: dict[str, dict[str, list[str]]] = {
    "generic-w8-v16": {
        APART: [r"neurons\.neuron\.step: 2 and 3 swapped"],
        ONCE: [r"connections\.recurrent\.cap: 255 -> 254"],
    },
    "loihi-brian2": {
        APART: [
            r"neurons\.neuron\.prepare: (1 and 2|3 and 4) swapped",
            r"neurons\.neuron\.step: (0 and 1|3 and 4|4 and 5) swapped",
            r"neurons\.neuron\.step\.5\.fire\.branches\.0\.do: 0 and 1 swapped",
            r"connections\.(external|internal)\.prepare: 1 and 2 swapped",
        ],
        # a neuron that waits has a membrane of 0, which neither decays nor passes a threshold of 0 or more
        IMPLIED: [
            r"neurons\.neuron\.step: 1 and 2 swapped",
            r"neurons\.neuron\.step\.2\.scale\.when: dropped",
            r"neurons\.neuron\.step\.5\.fire\.branches\.0\.when\.1: dropped",
        ],
        ZERO: [
            r"neurons\.neuron\.step\.2\.scale\.when\.0: sign changed",
            r"neurons\.neuron\.step\.3\.add\.when\.0: sign changed",
            r"neurons\.neuron\.step\.5\.fire\.branches\.0\.when\.1\.0: sign changed",
        ],
        ONCE: [
            r"neurons\.neuron\.step\.5\.fire\.branches\.0\.repeat: 1 -> 2",
            r"connections\.(external|internal)\.cap: none -> nonzero",
        ],
        EXACT: ["connections: 0 and 1 swapped", r"connections\.(external|internal): fit_per: step"],
        # the most is 255 << 13
        NEVER: [
            r"connections\.(external|internal)\.weight\.format\.3\.shift\.word: .* -> s22\(-2097088\.\.2097087\).*"
        ],
    },
    "loihi-lava": {
        APART: [
            r"neurons\.neuron\.prepare: (1 and 2|3 and 4|5 and 6|7 and 8|9 and 10) swapped",
            r"neurons\.neuron\.step: (1 and 2|4 and 5|5 and 6|8 and 9|9 and 10|13 and 14) swapped",
            LINKS + r"\.prepare: (0 and 1|1 and 2|3 and 4|4 and 5|6 and 7) swapped",
        ],
        # sums are exact, and wrap to 32 bits once more when they are added to the current
        EXACT: [
            r"neurons\.neuron\.registers\.addend: s32\.wrap -> s33\.wrap",
            r"connections: \d and \d swapped",
            LINKS + r"\.weight\.format: 3 and 4 swapped",
        ],
        # what the first correction makes of +2^23 the second undoes; weights of 0 have no sign; -255 floors to -256
        IMPLIED: [
            r"neurons\.neuron\.step: 12 and 13 swapped",
            r"neurons\.neuron\.step\.12\.add\.when\.(1: > -> >=|2: 8388608 -> 8388607)",
            LINKS + r"\.prepare\.4\.set\.when\.(1: dropped|1\.1: < -> <=|1\.2: 0 -> 1)",
            LINKS + r"\.prepare\.5: dropped",
            LINKS + r"\.prepare\.6\.set\.value: -256 -> -255",
            LINKS + r"\.sum\.then\.0\.shift\.word: dropped",
            LINKS + r"\.weight\.format\.[04]\.scale\.rounding: zero -> floor",
        ],
        # a phase of 32,768 or more is that of as many steps; 256 binary synapses of 16 bits are needed to pass 24
        NEVER: [
            r"neurons\.neuron\.registers\.phase: u16\.wrap -> .*",
            r"connections\.convolution: fit_per: source",
            r"connections\.convolution\.sum\.then\.0(: dropped|\.set\.word: .*)",
        ],
    },
    "loihi-nengo": {
        APART: [
            r"neurons\.neuron\.prepare: 1 and 2 swapped",
            r"neurons\.neuron\.step: (2 and 3|4 and 5) swapped",
            r"neurons\.neuron\.step\.9\.fire\.branches\.0\.do: 0 and 1 swapped",
        ],
        EXACT: [r"connections\.synapses: fit_per: step"],
    },
    "odin": {
        # a membrane beyond 255 is not below any threshold, and fires
        IMPLIED: [r"neurons\.neuron\.registers\.membrane: u8\.saturate -> u9\.saturate"],
        ONCE: [r"connections\.crossbar\.cap: none -> nonzero"],
        ZERO: [
            r"connections\.crossbar\.weight\.format: 0 and 1 swapped",
            r"connections\.crossbar\.weight\.format\.0\.set\.when\.[01]\.0: sign changed",
            r"events\.virtual\.do\.[01]\.add\.when\.0\.0: sign changed",
            r"events\.virtual\.do\.0\.add\.when\.1\.0: sign changed",
        ],
        ONE: [r"events\.(reference_one|synapse)\.queued: False -> True", r"events\.virtual\.queued: True -> False"],
        EXCLUDE: [r"events\.virtual\.do: (0 and 1|1 and 2) swapped"],
    },
    "ranc": {
        ONCE: [
            r"neurons\.axon\.step\.0\.fire\.branches\.0\.repeat: 1 -> 2",
            r"connections\.(packets|route|crossbar)\.cap: none -> nonzero",
        ],
        EXCLUDE: [
            r"neurons\.neuron\.step\.1\.fire\.branches: 1 and 2 swapped",
            r"connections\.crossbar\.weight\.format: \d and \d swapped",
        ],
        EXACT: ["connections: 0 and 1 swapped", r"connections\.(packets|route|crossbar): fit_per: step"],
        APART: ["connections: 1 and 2 swapped"],
        ZERO: [r"connections\.crossbar\.weight\.format\.0\.set\.when\.1\.0: sign changed"],
    },
    "speck-sinabs": {
        APART: [r"neurons\.neuron\.step: 0 and 1 swapped", "connections: 0 and 1 swapped"],
        # where the count is not that of this step, no branch is taken; a count of 0 changes nothing
        IMPLIED: [
            r"neurons\.neuron\.step\.1: dropped",
            r"neurons\.neuron\.step\.1\.set\.value: 0 -> 1",
            r"neurons\.neuron\.step\.2\.divide\.when\.(1: > -> >=|2: 0 -> -1)",
            r"neurons\.neuron\.step\.3\.fire\.branches\.0\.when\.0\.1: >= -> >",
            r"neurons\.neuron\.step\.3\.fire\.branches\.1\.when\.2: sign changed",
            r"neurons\.pool\.step\.0\.fire\.branches\.0\.when\.(1: > -> >=|2: 0 -> -1)",
        ],
        EXACT: [r"connections\.convolution: fit_per: source", r"connections\.pooling: fit_per: step"],
    },
    "spiker": {
        EXCLUDE: [r"neurons\.neuron\.step\.2\.fire\.branches: (0 and 1|2 and 3) swapped"],
        ZERO: [r"neurons\.neuron\.step\.2\.fire\.branches\.0\.when\.1\.0: sign changed"],
        ONCE: [r"connections\.(excitatory|inhibitory)\.cap: 1 -> 2"],
    },
    "tinyodin": {
        # a threshold is 0 or more
        IMPLIED: [r"neurons\.neuron\.step\.0\.fire\.branches\.0\.when\.(0: dropped|0\.2: 0 -> -1)"],
        ONCE: [r"connections\.crossbar\.cap: none -> nonzero"],
        ONE: [r"events\.reference_one\.queued: False -> True", r"events\.virtual\.queued: True -> False"],
    },
    "xylo-audio-2": XYLO_TWO,
    "xylo-audio-3": XYLO_TWO,
    "xylo-imu": XYLO,
    "xylo-core-1": XYLO_TWO | {FITS: [r"neurons\.(hidden|output)\.registers\.loss: s17\.saturate -> .*"]},
}
