"""Two event-driven cores in plain Python, one event at a time: nothing is shared with the simulator."""

from __future__ import annotations

from collections import deque

ENDLESS = 20_000  # queued spikes after one event


class Core:
    """What both cores share: neurons in ascending order, a check after every update, a queue of own spikes."""

    depth: int

    def __init__(self, facts):
        self.facts = facts
        self.v = list(facts["v0"])
        self.size = len(self.v)
        self.dropped = 0

    def run(self, events):
        """Membranes after each event, output spikes in wire order as (event, neuron), and the count of dropped ones."""
        membranes, wire = [], []
        for number, event in enumerate(events):
            queue = deque()
            self.enter(event, queue, number, wire)
            queued = 0
            while queue:
                queued += 1
                assert queued < ENDLESS, f"event {number}: the core is never idle"
                self.spike(queue[0], queue, number, wire)
                queue.popleft()
            membranes.append(list(self.v))
        return membranes, wire, self.dropped

    def enter(self, event, queue, number, wire):
        """An event from outside. Spikes and virtual events wait in the queue like the core's own, others do not."""
        kind = event["kind"]
        if kind in ("spike", "virtual"):
            queue.append(None)
        if kind == "spike":
            self.spike(event["source"], queue, number, wire)
        elif kind == "reference":
            for neuron in range(self.reached()):
                self.finish(neuron, self.leaked(neuron), queue, number, wire)
        elif kind == "reference_one":
            self.finish(event["neuron"], self.leaked(event["neuron"]), queue, number, wire)
        elif kind == "virtual":
            self.finish(event["neuron"], self.virtual(event), queue, number, wire)
        else:
            raw = self.added(event["source"], event["neuron"])
            self.finish(event["neuron"], raw, queue, number, wire)
        if kind in ("spike", "virtual"):
            queue.popleft()

    def spike(self, source, queue, number, wire):
        for neuron in range(self.reached()):
            self.finish(neuron, self.added(source, neuron), queue, number, wire)

    def finish(self, neuron, value, queue, number, wire):
        fires = 0 <= value >= self.facts["thr"][neuron]
        self.v[neuron] = 0 if fires else value
        if not fires or self.facts["disable"][neuron]:
            return
        wire.append((number, neuron))
        if self.facts["open_loop"]:
            return
        if len(queue) < self.depth:
            queue.append(neuron)
        else:
            self.dropped += 1


class TinyOdin(Core):
    """Signed 12-bit membranes, signed 4-bit weights."""

    depth = 128

    def reached(self):
        return min(self.size, self.facts["max_neur"] + 1)

    def added(self, source, neuron):
        return clip(self.v[neuron] + self.facts["w"][source][neuron], -2048, 2047)

    def leaked(self, neuron):
        v, leak = self.v[neuron], self.facts["leak"][neuron]
        return min(v + leak, 0) if v < 0 else max(v - leak, 0)

    def virtual(self, event):
        return clip(self.v[event["neuron"]] + event["weight_in"], -2048, 2047)


class Odin(Core):
    """Unsigned 8-bit membranes, 3-bit weights whose sign is the source's."""

    depth = 32

    def reached(self):
        return self.size

    def added(self, source, neuron):
        counts = self.facts["mapped"][source][neuron] or self.facts["unmapped"]
        return self.moved(neuron, self.facts["w"][source][neuron] if counts else 0, self.facts["sign"][source])

    def moved(self, neuron, weight, inhibitory):
        return clip(self.v[neuron] + (-weight if inhibitory else weight), 0, 255)

    def leaked(self, neuron):
        leak = self.facts["leak"][neuron] if self.facts["leak_en"][neuron] else 0
        return max(self.v[neuron] - leak, 0)

    def virtual(self, event):
        if event["leak_in"]:
            return self.leaked(event["neuron"])
        return self.moved(event["neuron"], event["weight_in"], event["sign_in"])


def clip(value, low, high):
    return max(low, min(high, value))
