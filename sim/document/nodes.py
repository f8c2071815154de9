"""YAML text as a tree of plain values with their positions. No Python object is ever constructed from a tag."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from .scalars import AmbiguousError, read_plain, shortened

MAX_DEPTH = 32  # levels of nesting; a profile has ten
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

Path = tuple[str | int, ...]

KEYS = "{}"  # as the last step of a path: which keys the mapping has


class Mark(NamedTuple):
    """A place in a text, both counted from 1."""

    line: int
    column: int


class Fault(NamedTuple):
    """What is wrong with the value at `path`, or with its key; `mark` where the path does not lead there.

    `needs`: where else stands what makes it a fault; a path that ends in KEYS is the choice of a mapping's keys.
    """

    path: Path
    message: str
    key: bool = False
    mark: Mark | None = None
    needs: tuple[Path, ...] = ()

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.message}" if self.path else self.message


@dataclass
class Node:
    """One value: its plain data, where it and its key stand, and what it contains."""

    mark: Mark
    data: Any
    key: Mark | None = None
    children: dict[str | int, Node] = field(default_factory=dict)
    refused: bool = False  # a fault names it already
    lost: set[str] = field(default_factory=set)  # keys that were refused here, KEYS for one without a name

    def walk(self, path: Path = ()) -> Iterator[tuple[Path, Node]]:
        """Every node with its path, this one first."""
        yield path, self
        for step, child in self.children.items():
            yield from child.walk((*path, step))


def dotted(path: Path) -> str:
    """`neurons.hidden.step[3].add`"""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def read_nodes(text: str) -> tuple[Node | None, list[Fault]]:
    """The tree of the one document in `text`, and every fault of the YAML; None where it cannot be read on."""
    reader = _Reader(text)
    try:
        return reader.document(), reader.faults
    except _UnreadableError:
        return None, reader.faults
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        mark = Mark(at.line + 1, at.column + 1) if at else Mark(1, 1)
        return None, [*reader.faults, Fault((), _syntax(error.problem or "it ends too early"), mark=mark)]
    except (ValueError, OverflowError):  # what PyYAML does with "\UFFFFFFFF" and with a version of 5000 digits
        message = "not YAML: an escape or a number after this is out of range"
        return None, [*reader.faults, Fault((), message, mark=reader.last)]


def _syntax(problem: str) -> str:
    if "'\\t'" in problem:
        return "found a tab; indent with spaces"
    if "cannot start any token" in problem:
        return f"not YAML: {problem}; put the text in quotes"
    return "not YAML: " + problem.replace("'\\x00'", "the end of the file")


class _UnreadableError(Exception):
    """A fault was noted after which the rest cannot be read."""


class _Reader:
    """Builds nodes from PyYAML's events and notes what is refused."""

    def __init__(self, text: str) -> None:
        self.faults: list[Fault] = []
        self.events = yaml.parse(text, Loader=yaml.SafeLoader)
        self.last = Mark(1, 1)

    def next(self) -> Any:
        event: Any = next(self.events)
        self.last = Mark(event.end_mark.line + 1, event.end_mark.column + 1)
        return event

    def document(self) -> Node | None:
        self.next()
        if isinstance(self.next(), yaml.StreamEndEvent):
            self.faults.append(Fault((), "found nothing; the file is empty", mark=Mark(1, 1)))
            return None
        root = self.node((), self.next())
        self.next()
        event = self.next()
        if not isinstance(event, yaml.StreamEndEvent):
            self.faults.append(Fault((), "found a second document; a file holds one", mark=_start(event)))
        return root

    def refuse(self, path: Path, message: str, event: Any) -> None:
        self.faults.append(Fault(path, message, mark=_start(event)))

    def node(self, path: Path, event: Any) -> Node:
        if len(path) > MAX_DEPTH:
            self.refuse((), f"nested deeper than {MAX_DEPTH} levels", event)
            raise _UnreadableError
        node = Node(_start(event), None)
        decorated = self.decorated(path, event)
        if isinstance(event, yaml.MappingStartEvent):
            self.mapping(path, node)
        elif isinstance(event, yaml.SequenceStartEvent):
            self.sequence(path, node)
        elif isinstance(event, yaml.ScalarEvent) and not decorated:
            self.scalar(path, node, event)
        node.refused |= decorated
        return node

    def decorated(self, path: Path, event: Any) -> bool:
        """Refuse an alias, an anchor and a tag."""
        if isinstance(event, yaml.AliasEvent):
            self.refuse(path, f"found *{shortened(str(event.anchor))}, an alias; write the value out", event)
            return True
        if event.anchor is not None:
            self.refuse(path, f"found &{shortened(event.anchor)}, an anchor; write every value out", event)
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.refuse(path, f"found {shortened(tag)}, a tag; write the value without it", event)
        return event.anchor is not None or event.tag is not None

    def mapping(self, path: Path, node: Node) -> None:
        node.data = {}
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            name = self.key(path, event)
            child = self.node((*path, name) if name is not None else (*path, ""), self.next())
            if name is None:
                node.lost.add(KEYS)
                continue
            if name in node.children:
                first = node.children[name].key
                message = f"found the key twice; it is in line {first.line} already" if first else ""
                self.refuse((*path, name), message, event)
                node.lost.add(name)
                continue
            child.key = _start(event)
            node.children[name], node.data[name] = child, child.data

    def key(self, path: Path, event: Any) -> str | None:
        """The text of a key; None where it is refused."""
        if not isinstance(event, yaml.ScalarEvent):
            self.decorated(path, event)
            if not isinstance(event, yaml.AliasEvent):
                self.refuse(path, "found a list or mapping as a key; a key is text", event)
                self.skip()
            return None
        if self.decorated(path, event):
            return None
        if event.value == "<<" and event.style is None:
            self.refuse(path, "found <<, a merge key; write the keys out", event)
            return None
        try:
            value = read_plain(event.value) if event.style is None else event.value
        except AmbiguousError:
            value = None
        if not isinstance(value, str):
            found = shortened(event.value)
            self.refuse(path, f'found {found} as a key; write "{found}"' if found else "found no key before :", event)
            return None
        return value if self.printable(path, value, event) else None

    def skip(self) -> None:
        """Pass over the rest of a collection."""
        depth = 1
        while depth:
            event = self.next()
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)

    def sequence(self, path: Path, node: Node) -> None:
        node.data = []
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            index = len(node.data)
            child = self.node((*path, index), event)
            node.children[index] = child
            node.data.append(child.data)

    def scalar(self, path: Path, node: Node, event: Any) -> None:
        try:
            node.data = read_plain(event.value) if event.style is None else event.value
        except AmbiguousError as error:
            self.refuse(path, str(error), event)
            node.refused = True
        if isinstance(node.data, str) and not self.printable(path, node.data, event):
            node.data, node.refused = None, True

    def printable(self, path: Path, text: str, event: Any) -> bool:
        """Refuse what an escape such as "\\0" can smuggle in."""
        control = _CONTROL.search(text)
        if control:
            self.refuse(path, f"found the control character {control[0]!a}; allowed: text", event)
        return control is None


def _start(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)
