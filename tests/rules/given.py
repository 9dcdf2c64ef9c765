"""The facts of a case, and the error of a case that cannot be run as written."""

from collections.abc import Iterable, Mapping
from typing import Any


class CaseError(AssertionError):
    """A case that cannot be run as written."""


class Given:
    """The facts of a case, with a memory of what was read."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = dict(data)
        self._read: set[str] = set()

    def __call__(self, key: str, otherwise: Any = None) -> Any:
        self._read.add(key)
        return self._data.get(key, otherwise)

    def needed(self, key: str) -> Any:
        if key not in self._data:
            raise CaseError(f"the case does not say {key!r}")
        return self(key)

    def unread(self) -> set[str]:
        return set(self._data) - self._read


def part(data: Mapping[str, Any], allowed: Iterable[str]) -> Mapping[str, Any]:
    unknown = set(data) - set(allowed)
    if unknown:
        raise CaseError(f"unknown {sorted(unknown)}")
    return data
