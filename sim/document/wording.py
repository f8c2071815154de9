"""Says in one line each what a document's model refused: what was found, and what its JSON Schema allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from ..datapath import WORDING
from ..errors import suggest
from .nodes import Fault, Node, Path
from .scalars import shortened

Schema = Mapping[str, Any]


def explain(errors: Iterable[Any], root: Node, model: type[BaseModel]) -> list[Fault]:
    """A fault for each of pydantic's errors, and for each empty or wrongly typed value that it lets pass."""
    allowed = Allowed(model, root)
    faults, silent = [], set()
    for path, node in root.walk():
        if not node.refused and not allowed.passes(node, path):
            faults.append(Fault(path, found_but(node.data, allowed.text(path))))
            silent.add(path)
        if node.refused:
            silent.add(path)
    for error in errors:
        fault = _fault(error, root, allowed)
        if fault and (fault.key or fault.path not in silent):
            faults.append(fault)
    return faults


def show(data: Any) -> str:
    """A value as the user wrote it, more or less."""
    if data is None:
        return "nothing"
    if isinstance(data, bool):
        return str(data).lower()
    if isinstance(data, dict | list):
        kind = "mapping" if isinstance(data, dict) else "list"
        return f"a {kind} of {len(data)}" if data else f"an empty {kind}"
    return repr(shortened(data)) if isinstance(data, str) else str(data)


def found_but(found: Any, allowed: str) -> str:
    """`found 's16.saturat'; allowed: s16.saturate, s16.wrap. Did you mean 's16.saturate'?`"""
    if allowed == "text" and isinstance(found, int | float):
        return f"found {show(found)}; allowed: text, in quotes"
    names = [name for name in allowed.split(", ") if " " not in name]
    return f"found {show(found)}; allowed: {allowed}{suggest(found, names)}"


def _fault(error: Any, root: Node, allowed: Allowed) -> Fault | None:
    """Pydantic's error in our words; None where it only follows from others."""
    kind, context, loc = error["type"], error.get("ctx", {}), error["loc"]
    is_key = loc[-1:] == ("[key]",)
    path, node = _resolve(root, loc[:-1] if is_key else loc)
    if is_key:
        return Fault(path, f"found the key {show(path[-1])}; allowed: {allowed.key(path[:-1])}", key=True)
    if kind == "missing" and isinstance(loc[-1], str):
        return Fault(path, f"missing key '{loc[-1]}'", key=True)
    if kind == "extra_forbidden":
        names = allowed.keys(path[:-1])
        return Fault(path, f"unknown key; allowed: {', '.join(names)}{suggest(path[-1], names)}", key=True)
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _stage(path, node, context, allowed)
    if kind == "too_short" and len(node.children) >= context["min_length"]:
        return None
    if kind in ("value_error", "assertion_error"):
        text = str(context["error"])
        whole = isinstance(node.data, dict) and allowed.keys(path)  # a mapping whose keys contradict each other
        return Fault(path, text if whole else found_but(node.data, text))
    return Fault(path, found_but(node.data, allowed.text(path)))


def _stage(path: Path, node: Node, context: Mapping[str, Any], allowed: Allowed) -> Fault:
    """A list entry that is no stage, or a mapping whose discriminator names no kind."""
    field = context.get("discriminator", "").strip("'")
    if field in node.children:
        expected = context["expected_tags"].replace("'", "")
        return Fault((*path, field), found_but(node.children[field].data, expected))
    names = allowed.keys(path)
    if len(node.children) == 1:
        name = next(iter(node.children))
        message = f"unknown stage {show(name)}; allowed: {', '.join(names)}{suggest(name, names)}"
        return Fault(path, message, mark=node.children[name].key)
    found = show(node.data) if not node.children else "the keys " + ", ".join(map(str, node.children))
    return Fault(path, f"found {found}; allowed: one of {', '.join(names)}, with its own keys indented below it")


def _resolve(root: Node, loc: tuple[str | int, ...]) -> tuple[Path, Node]:
    """The node that `loc` leads to, past the tags of unions, which are in no file."""
    path: Path = ()
    node = root
    for index, step in enumerate(loc):
        is_tag = index > 0 and isinstance(loc[index - 1], int) and loc[index + 1 : index + 2] == (step,)
        if not is_tag and step in node.children:
            path, node = (*path, step), node.children[step]
    return path, node


@cache
def _schema_of(model: type[BaseModel]) -> Schema:
    return model.model_json_schema()


class Allowed:
    """What a model's JSON Schema allows at a path."""

    def __init__(self, model: type[BaseModel], document: Node) -> None:
        """`document` tells which part of a union is meant."""
        self.root = _schema_of(model)
        self._steps: dict[Path, tuple[list[Schema], Node]] = {(): ([self.root], document)}

    def passes(self, node: Node, path: Path) -> bool:
        """False for an empty value, and for `true` or `1.0` where 1 is meant: pydantic takes them for equal."""
        schemas = list(self._at(path))
        if not schemas:
            return True  # an unknown key, which has a fault of its own
        every = [choice for schema in schemas for choice in choices(schema)]
        closed = every and all("const" in schema or "enum" in schema for schema in schemas)
        if closed and node.data in every:
            return any(type(node.data) is type(choice) for choice in every if choice == node.data)
        return node.data is not None

    def keys(self, path: Path) -> list[str]:
        """The keys of the mapping at `path`."""
        return list(dict.fromkeys(key for schema in self._at(path) for key in schema.get("properties", {})))

    def key(self, path: Path) -> str:
        """What a key of the mapping at `path` looks like."""
        patterns = (pattern for schema in self._at(path) for pattern in schema.get("patternProperties", {}))
        return " or ".join(_describe({"type": "string", "pattern": pattern}) for pattern in patterns)

    def text(self, path: Path) -> str:
        """What the value at `path` may be."""
        worded = [text for schema in self._reached(path) for text in self._worded(schema)]
        keys = self.keys(path)
        if keys and not worded:
            return f"a mapping with the keys {', '.join(keys)}"
        return " or ".join(worded or dict.fromkeys(_describe(schema) for schema in self._at(path)))

    def _at(self, path: Path) -> Iterator[Schema]:
        for schema in self._reached(path):
            yield from (plain for plain in self.plain(schema) if plain.get("type") != "null")

    def _reached(self, path: Path) -> list[Schema]:
        """The schemas at a path, references and unions as they are."""
        return self._step(path)[0]

    def _step(self, path: Path) -> tuple[list[Schema], Node]:
        """The schemas at a path, and the document's node: both are kept."""
        if path not in self._steps:
            schemas, node = self._step(path[:-1])
            plain = self.nearest((plain for schema in schemas for plain in self.plain(schema)), node.data)
            inner = [inner for schema in plain for inner in inside(schema, path[-1])]
            self._steps[path] = inner, node.children.get(path[-1], Node(node.mark, None))
        return self._steps[path]

    def nearest(self, schemas: Iterable[Schema], data: Any) -> list[Schema]:
        """The plain schemas that `data` is likest to, in its kind and then in its members; all where there is none."""
        candidates = list(schemas)
        fitting = [schema for schema in candidates if schema.get("type") == kind_of(data)]
        if len(fitting) < 2:
            return fitting or candidates
        likeness = [self._likeness(schema, data) for schema in fitting]
        return [schema for schema, like in zip(fitting, likeness, strict=True) if like == max(likeness)]

    def _likeness(self, schema: Schema, data: Any) -> int:
        """How many keys of a mapping the schema knows; whether it allows the kind of a list's first item."""
        if isinstance(data, dict):
            return len(schema.get("properties", {}).keys() & data.keys())
        if not isinstance(data, list) or not data:
            return 0
        kinds = [plain.get("type") for member in inside(schema, 0) for plain in self.plain(member)]
        return int((kind_of(data[0]) == "array") == (kinds == ["array"]))

    def plain(self, schema: Schema) -> Iterator[Schema]:
        """The schema without references and unions."""
        parts = self._parts(schema)
        for part in parts:
            yield from self.plain(part)
        if not parts:
            yield schema

    def _parts(self, schema: Schema) -> list[Schema]:
        parts = [*schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])]
        if "$ref" in schema:
            parts.append(self.root["$defs"][schema["$ref"].rpartition("/")[2]])
        return parts

    def _worded(self, schema: Schema) -> Iterator[str]:
        """What the schema, or a part of it, says that it allows."""
        if WORDING in schema:
            yield schema[WORDING]
            return
        for part in self._parts(schema):
            yield from self._worded(part)


def inside(schema: Schema, step: str | int) -> list[Schema]:
    """The schemas of one member of a mapping or a list."""
    if isinstance(step, int):
        members = [*schema.get("prefixItems", [])[step : step + 1], schema.get("items")]
    elif step in schema.get("properties", {}):
        members = [schema["properties"][step]]
    else:
        members = [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
    return [member for member in members if isinstance(member, dict)]


def kind_of(data: Any) -> str | None:
    """What JSON Schema calls a mapping and a list; None for other data."""
    return {"dict": "object", "list": "array"}.get(type(data).__name__)


def choices(schema: Schema) -> list[Any]:
    """The values of a schema that lists them."""
    return [schema["const"]] if "const" in schema else schema.get("enum", [])


def _describe(schema: Schema) -> str:
    """A schema in words: `an integer from 1 to 255`."""
    if closed := choices(schema):
        return ", ".join(choice if isinstance(choice, str) else show(choice) for choice in closed)
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return ("an integer" if kind == "integer" else "a number") + _range(schema)
    if kind == "string":
        pattern = schema.get("pattern", "").removeprefix("^").removesuffix("$")
        return f"text that matches {pattern}" if pattern else "text" + _size(schema, "Length", "character")
    if kind == "array":
        return "a list" + _size(schema, "Items", "item")
    if kind == "object":
        return "a mapping" + _size(schema, "Properties", "key")
    return "true or false" if kind == "boolean" else "another value"


def _range(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if least is not None and most is not None:
        return f" from {least} to {most}"
    limits = {"of at least": least, "of at most": most, "above": above, "below": below}
    return "".join(f" {word} {limit}" for word, limit in limits.items() if limit is not None)


def _size(schema: Schema, what: str, noun: str) -> str:
    least, most = schema.get(f"min{what}"), schema.get(f"max{what}")
    if least is not None and least == most:
        return f" of {least} {noun}" + ("s" if least != 1 else "")
    limits = {"at least": least, "at most": most}
    text = " and ".join(
        f"{word} {limit} {noun}" + ("s" if limit != 1 else "") for word, limit in limits.items() if limit is not None
    )
    return f" of {text}" if text else ""
