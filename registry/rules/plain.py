"""Facts and decisions as plain JSON and back, so that a judgement can be stored and replayed.

One codec serves every record of the rules: dataclasses, enumerations, dates, instants, ids,
tuples and optional values. Reading is strict: an unknown or missing name is an error with the
path to it, because a silently dropped input gives a decision nobody can explain.
"""

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self, cast, get_args, get_origin, get_type_hints
from uuid import UUID


class PlainError(ValueError):
    """A stored record cannot be read back; the sentence names the place."""


class Plain:
    """Base of the records that can be written as JSON and read back to an equal record."""

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """The record as JSON-ready values: dates in ISO form, enumerations by value."""
        written: dict[str, Any] = {}
        for name in _names(type(self)):
            value = getattr(self, name)
            # Most values are written as they are; a night writes millions of them.
            written[name] = value if type(value) in _AS_THEY_ARE else to_plain(value)
        return written

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The record that `to_json` wrote. Raises PlainError on unknown or missing names."""
        return cast("Self", _read(cls, data, cls.__name__))


def to_plain(value: object) -> Any:
    """Any value of the rules as JSON-ready values."""
    kind = type(value)
    writer = _WRITERS.get(kind)
    if writer is None:
        writer = _WRITERS[kind] = _writer(kind)
    return writer(value)


def _writer(kind: Any) -> Callable[[Any], Any]:
    for base, writer in _WRITERS_BY_BASE:
        if issubclass(kind, base):
            return writer
    return _same


def _same(value: Any) -> Any:
    return value


def _write_table(value: Any) -> Any:
    return {str(key): to_plain(item) for key, item in value.items()}


def _write_list(value: Any) -> Any:
    return [to_plain(item) for item in value]


def _names(kind: Any) -> tuple[str, ...]:
    names = _NAMES.get(kind)
    if names is None:
        names = _NAMES[kind] = tuple(_shape(kind))
    return names


# How each kind of value is written; looked up once for each exact type, as a nightly job writes
# hundreds of thousands of values.
_WRITERS_BY_BASE: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (Plain, lambda record: record.to_json()),
    (StrEnum, str),
    (UUID, str),
    (date, lambda value: value.isoformat()),
    (Mapping, _write_table),
    ((tuple, list), _write_list),
)
_WRITERS: dict[Any, Callable[[Any], Any]] = {}

_AS_THEY_ARE = frozenset({str, int, float, bool, type(None)})
_NAMES: dict[Any, tuple[str, ...]] = {}

# Shapes never change while the program runs.
_SHAPES: dict[Any, dict[str, tuple[Any, bool]]] = {}


def _shape(kind: Any) -> dict[str, tuple[Any, bool]]:
    """Field name to its type and whether it may be left out."""
    if kind not in _SHAPES:
        hints = get_type_hints(kind)
        # What a record works out for itself is not written.
        _SHAPES[kind] = {
            field.name: (hints[field.name], field.default is not MISSING)
            for field in fields(kind)
            if field.init
        }
    return _SHAPES[kind]


def _read(kind: Any, value: Any, path: str) -> Any:
    origin = get_origin(kind)
    if origin is types.UnionType:
        return _read_union(kind, value, path)
    if origin is tuple:
        return _read_tuple(kind, value, path)
    if kind is Any or origin is not None:
        return value
    return _reader(kind)(kind, value, path)


def _reader(kind: Any) -> Callable[[Any, Any, str], Any]:
    if is_dataclass(kind):
        return _read_record
    if kind in {date, datetime}:
        return _read_moment
    return _read_named if issubclass(kind, StrEnum | UUID) else _read_scalar


def _read_union(kind: Any, value: Any, path: str) -> Any:
    if value is None and type(None) in get_args(kind):
        return None
    problem = PlainError(f"{path}: {value!r} fits none of the allowed kinds.")
    for option in get_args(kind):
        if option is type(None):
            continue
        try:
            return _read(option, value, path)
        except PlainError as error:
            problem = error
    raise problem


def _read_tuple(kind: Any, value: Any, path: str) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise PlainError(f"{path}: a list is needed, found {value!r}.")
    options = get_args(kind)
    if options[-1] is Ellipsis:
        return tuple(_read(options[0], item, f"{path}[{at}]") for at, item in enumerate(value))
    if len(options) != len(value):
        raise PlainError(f"{path}: {len(options)} values are needed, found {len(value)}.")
    pairs = zip(options, value, strict=True)
    return tuple(_read(option, item, f"{path}[{at}]") for at, (option, item) in enumerate(pairs))


def _read_record(kind: Any, value: Any, path: str) -> Any:
    if isinstance(value, kind):
        return value
    if not isinstance(value, Mapping):
        raise PlainError(f"{path}: a table is needed, found {value!r}.")
    shape = _shape(kind)
    unknown = sorted(str(name) for name in value if name not in shape)
    if unknown:
        raise PlainError(f"{path}: unknown names {', '.join(unknown)}.")
    missing = [name for name, (_, free) in shape.items() if not free and name not in value]
    if missing:
        raise PlainError(f"{path}: missing names {', '.join(missing)}.")
    return kind(**{name: _read(shape[name][0], value[name], f"{path}.{name}") for name in value})


def _read_moment(kind: Any, value: Any, path: str) -> Any:
    if type(value) is kind:
        return value
    try:
        return kind.fromisoformat(value)
    except (TypeError, ValueError):
        raise PlainError(f"{path}: {value!r} is no {kind.__name__} in ISO form.") from None


def _read_named(kind: Any, value: Any, path: str) -> Any:
    try:
        return value if isinstance(value, kind) else kind(value)
    except (AttributeError, TypeError, ValueError):
        raise PlainError(f"{path}: {value!r} is no {kind.__name__}.") from None


def _read_scalar(kind: Any, value: Any, path: str) -> Any:
    fits = isinstance(value, int | float) if kind is float else isinstance(value, kind)
    if not fits or (isinstance(value, bool) and kind is not bool):
        raise PlainError(f"{path}: {value!r} is no {kind.__name__}.")
    return value
