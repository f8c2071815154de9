"""The shape of what each node of a graph puts out."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from .graph import NEURONS, Graph, Node
from .operators import Kernels
from .pictures import Shape, picture_operator


def found_shapes(graph: Graph, entry: str, faults: list[str]) -> Mapping[str, Shape]:
    """By node, from the input `entry` on; what does not fit is added to `faults`."""
    shapes: dict[str, Shape] = {entry: tuple(int(side) for side in graph.nodes[entry].values["shape"].ravel())}
    waiting = [entry]
    while waiting:
        name = waiting.pop(0)
        for target in graph.targets(name):
            try:
                found = _after(graph.nodes[target], shapes[name])
            except ValueError as error:
                faults.append(f"node '{target}': {error}")
                continue
            if target not in shapes:
                shapes[target] = found
                waiting.append(target)
            elif prod(shapes[target]) != prod(found):
                faults.append(
                    f"node '{target}': found {prod(found)} values from '{name}'; "
                    f"allowed: {prod(shapes[target])}, as from its other edges"
                )
    unreached = [name for name in graph.nodes if name not in shapes]
    if unreached and not faults:
        faults.append(f"node '{unreached[0]}': found no way to it from the input '{entry}'; allowed: one")
    return shapes


def _after(node: Node, shape: Shape) -> Shape:
    """The shape that a node makes of what enters it. Raises ValueError with what does not fit."""
    values, size = node.values, prod(shape)
    if node.kind in ("Conv1d", "Conv2d", "SumPool2d", "AvgPool2d"):
        return _picture(node, shape)
    if node.kind == "Flatten":
        return _flat(node, shape)
    if node.kind in ("Affine", "Linear"):
        rows, wanted = values["weight"].shape
        out: Shape = (rows,)
    elif node.kind in ("Scale", "Delay", "Threshold", *NEURONS):
        given = max((v for v in values.values() if isinstance(v, np.ndarray)), key=lambda v: v.size)
        wanted, out = (given.size, shape) if given.size > 1 else (size, shape)
    else:
        return shape
    if wanted != size:
        raise ValueError(f"found {size} values entering, shape {shape}; allowed: {wanted}")
    return out


def _flat(node: Node, shape: Shape) -> Shape:
    axes = len(shape)
    start, end = (int(node.values[key].ravel()[0]) for key in ("start_dim", "end_dim"))
    start, end = (value + axes if value < 0 else value for value in (start, end))
    if not (0 <= start < axes and 0 <= end < axes):
        return (prod(shape),)  # an exporter that counts the batch: the order of values is the same
    return (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :])


def _picture(node: Node, shape: Shape) -> Shape:
    operator = picture_operator(node, shape)
    of = (operator.kernels.shape,) if isinstance(operator, Kernels) else ()
    picture: tuple[int, int, int] = operator.shape.output_shape(*of)
    return (picture[0], picture[2]) if node.kind == "Conv1d" else picture
