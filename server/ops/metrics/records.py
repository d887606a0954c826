"""Records of numbers: added up over processes, written as JSON, read again, and described by a JSON schema.

All of it follows from the fields of a dataclass, so that no figure can be forgotten in one of the four.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import NoneType, UnionType
from typing import Any, Final, Self, get_args, get_origin, get_type_hints

from hybrid.bridge.histogram import Histogram


class Added(Enum):
    """What several processes have together of a field."""

    SUM = auto()
    MOST = auto()  #: what the one has that has most
    FIRST = auto()  #: what they have in common
    ONCE = auto()  #: what is in their lists, each once


_HOW: Final = "hybrid.add"
_ABOUT: Final = "hybrid.about"
_NOW: Final = "hybrid.now"


def figure(about: str, default: Any = 0, *, how: Added = Added.SUM, now: bool = False) -> Any:
    """Declare a field.

    Args:
        about: what it is, with its unit, for the schema.
        default: its value where nothing is said; a function that makes it, for what can be changed.
        how: what several processes have together.
        now: whether it is of this moment alone, and no count.
    """
    metadata = {_ABOUT: about, _HOW: how, _NOW: now}
    if callable(default):
        return dataclasses.field(default_factory=default, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Record:
    """Some figures. Those of several processes are added up field by field: numbers, histograms and tables by
    their keys; of texts the first counts, and lists are put one behind the other.
    """

    def __add__(self, other: Self) -> Self:
        """Both together."""
        values = {
            each.name: _added(getattr(self, each.name), getattr(other, each.name), each.metadata[_HOW])
            for each in dataclasses.fields(self)
        }
        return type(self)(**values)

    def past(self) -> Self:
        """What is left of the figures of a process that has ended: its counts."""
        counts = [each.name for each in dataclasses.fields(self) if not each.metadata[_NOW]]
        return type(self)(**{name: _past(getattr(self, name)) for name in counts})

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can say."""
        return {each.name: _to_json(getattr(self, each.name)) for each in dataclasses.fields(self)}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        """Take what :meth:`to_json` has returned, in another process perhaps. What is missing has its
        default, and what is unknown is passed over: another version may have written it.

        Raises:
            ValueError: a value is none of its field.
        """
        try:
            values = {name: _read(kind, said[name]) for name, kind in _kinds(cls).items() if name in said}
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this is no {cls.__name__}: {error}") from error
        return cls(**values)


def schema_of(kind: Any) -> dict[str, Any]:
    """Return the JSON schema of a record, or of what a field of one can be."""
    if isinstance(kind, type) and issubclass(kind, Record):
        fields = {each.name: each.metadata[_ABOUT] for each in dataclasses.fields(kind)}
        of_each = {name: {"description": about} for name, about in fields.items()}
        kinds = _kinds(kind)
        return {
            "type": "object",
            "required": list(fields),
            "properties": {name: said | schema_of(kinds[name]) for name, said in of_each.items()},
        }
    if kind is Histogram:
        number = {"type": ["number", "null"]}
        counts = {"type": "object", "additionalProperties": {"type": "integer"}}
        properties = {"count": {"type": "integer"}, **dict.fromkeys(("p50", "p95", "p99", "max"), number)}
        return {"type": "object", "required": ["buckets"], "properties": {**properties, "buckets": counts}}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return {"anyOf": [schema_of(each) for each in arguments]}
    if origin is tuple:
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin is not None:  # a mapping, whose keys are texts in JSON
        return {"type": "object", "additionalProperties": schema_of(arguments[1])}
    return {"type": _JSON_TYPES[kind]}


_JSON_TYPES: Final = {int: "integer", float: "number", str: "string", bool: "boolean", NoneType: "null"}


_known_kinds: dict[object, dict[str, Any]] = {}


def _kinds(cls: type[Record]) -> dict[str, Any]:
    """Return what the fields of a record can be."""
    if cls not in _known_kinds:
        hints = get_type_hints(cls)
        _known_kinds[cls] = {each.name: hints[each.name] for each in dataclasses.fields(cls)}
    return _known_kinds[cls]


def _added(one: Any, other: Any, how: Added) -> Any:
    if one is None or other is None:
        return other if one is None else one
    if isinstance(one, Mapping):
        both: dict[Any, Any] = {**one}
        for key, value in other.items():
            both[key] = _added(both[key], value, how) if key in both else value
        return both
    if how is Added.ONCE:
        return tuple(dict.fromkeys((*one, *other)))
    if how is Added.FIRST or isinstance(one, str | bool):
        return one or other
    return max(one, other) if how is Added.MOST else one + other


def _past(value: Any) -> Any:
    if isinstance(value, Record):
        return value.past()
    found: Any = value
    return {key: _past(each) for key, each in found.items()} if isinstance(value, Mapping) else value


def _to_json(value: Any) -> Any:
    if isinstance(value, (Record, Histogram)):
        return value.to_json()
    found: Any = value  # what the checks below would make a type of that is unknown
    if isinstance(value, Mapping):
        return {str(key): _to_json(each) for key, each in found.items()}
    return [_to_json(each) for each in found] if isinstance(value, tuple) else value


def _read(kind: Any, said: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        (other,) = [each for each in arguments if each is not NoneType]
        return None if said is None else _read(other, said)
    if origin is tuple:
        return tuple(_read(arguments[0], each) for each in said)
    if origin is not None:
        return {arguments[0](key): _read(arguments[1], each) for key, each in said.items()}
    if kind is Histogram or issubclass(kind, Record):
        return kind.from_json(said)
    if kind is float and type(said) is int:
        return float(said)
    if type(said) is not kind:
        raise TypeError(f"{said!r} is not of type {kind.__name__}")
    return said
