"""A document of the wrong shape, mended, so that what it means can be checked in the same round.

Samples of what its JSON Schema allows take the place of what was refused. A fault found afterwards counts only if
it rests on nothing that was mended: whatever the user writes there instead, the fault stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from .nodes import KEYS, Fault, Node, Path
from .wording import Allowed, Schema, choices, inside, kind_of

M = TypeVar("M", bound=BaseModel)


class Mended(Generic[M]):
    """A mended document."""

    def __init__(self, root: Node, refused: Iterable[Fault], model: type[M]) -> None:
        """`refused`: what `explain` found in `root`. Raises pydantic.ValidationError where samples do not help."""
        self._root = root
        mender = _Mender(root, {fault.path for fault in refused if not fault.key}, Allowed(model, root))
        self.value = model.model_validate_json(json.dumps(mender.data))
        self._renamed = mender.renamed
        self._mended = mender.mended
        self._around = {path[:length] for path in mender.mended for length in range(len(path))}

    def certain(self, faults: Iterable[Fault]) -> Iterator[Fault]:
        """Those of the faults of `value` that the document has as well."""
        for fault in faults:
            path, needs = self._written(fault.path), map(self._written, fault.needs)
            made_up = fault.path[-1:] != path[-1:] or not self._exists(path)
            mended = self._within(path[:-1]) if fault.key else self._touches(path)
            if not made_up and not mended and not any(map(self._touches, needs)):
                yield fault._replace(path=path)

    def _written(self, path: Path) -> Path:
        """`path` with the keys that the document has."""
        return tuple(self._renamed.get(step, step) for step in path)

    def _exists(self, path: Path) -> bool:
        node = self._root
        for step in path:
            if step not in node.children:
                return False
            node = node.children[step]
        return True

    def _within(self, path: Path) -> bool:
        return any(path[:length] in self._mended for length in range(len(path) + 1))

    def _touches(self, path: Path) -> bool:
        return path in self._around or self._within(path)


def mend(root: Node, refused: Iterable[Fault], model: type[M]) -> Mended[M] | None:
    """The document mended; None where samples do not make it a `model`."""
    try:
        return Mended(root, refused, model)
    except ValidationError:
        return None


class _Mender:
    """Builds the data of a mended document, and notes where it differs from what was written."""

    def __init__(self, root: Node, refused: set[Path], allowed: Allowed) -> None:
        self.mended: set[Path] = set()
        self.renamed: dict[str | int, str | int] = {}
        self._refused, self._allowed = refused, allowed
        taken = {text.removeprefix("-") for _, node in root.walk() for text in _texts(node)}
        self._names = (name for name in map("any{}".format, count(1)) if name not in taken)
        self.data = self._value((), root, [allowed.root])

    def _value(self, path: Path, node: Node, schemas: list[Schema]) -> Any:
        kind, plain = kind_of(node.data), [plain for schema in schemas for plain in self._allowed.plain(schema)]
        fitting = [schema for schema in self._allowed.nearest(plain, node.data) if schema.get("type") == kind]
        unfit = kind and not fitting
        if path in self._refused or unfit or (node.refused and node.data is None):
            return self._sample_at(path, schemas)
        for key in node.lost:
            self.mended |= {(*path, KEYS), (*path, key)}
        if isinstance(node.data, dict):
            return self._mapping(path, node, fitting[0])
        if isinstance(node.data, list):
            items = range(len(node.data))
            return [self._value((*path, i), node.children[i], inside(fitting[0], i)) for i in items]
        return node.data

    def _mapping(self, path: Path, node: Node, schema: Schema) -> dict[str, Any]:
        patterns, data = schema.get("patternProperties"), {}
        for key, child in node.children.items():
            inner, name = inside(schema, key), str(key)
            refused = patterns is not None and not any(re.fullmatch(pattern, name) for pattern in patterns)
            if not inner or refused:
                self.mended.add((*path, KEYS))
            if refused:
                name = self._name()
                self.renamed[name] = key
            if inner:
                data[name] = self._value((*path, key), child, inner)
        for key in schema.get("required", []):
            if key not in data:
                data[key] = self._sample_at((*path, key), inside(schema, key))
        return data

    def _sample_at(self, path: Path, schemas: list[Schema]) -> Any:
        self.mended.add(path)
        return self._sample(schemas)

    def _sample(self, schemas: Iterable[Schema]) -> Any:
        """A value that the first of the schemas allows; a name in it is one that the document does not have."""
        schema = next((plain for schema in schemas for plain in self._allowed.plain(schema)), {})
        if closed := choices(schema):
            return closed[-1]
        if "examples" in schema:
            return schema["examples"][0]
        kind = schema.get("type")
        if kind == "object":
            data = {key: self._sample(inside(schema, key)) for key in schema.get("required", [])}
            least = schema.get("minProperties", 0)
            return data | {name: self._sample(inside(schema, name)) for name in (self._name() for _ in range(least))}
        if kind == "array":
            return [self._sample(inside(schema, index)) for index in range(schema.get("minItems", 0))]
        if kind in ("integer", "number"):
            return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        return {"string": self._name(), "boolean": False}.get(str(kind))

    def _name(self) -> str:
        """A name that the document does not have."""
        return next(self._names)


def _texts(node: Node) -> Iterator[str]:
    for text in (node.data, *node.children):
        if isinstance(text, str):
            yield text
