"""R27: what is read from a fan club's list, and what is wrong with a line of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

#: Usual names of columns, the most certain first. Nothing else of a list is kept.
COLUMNS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "name": ("氏名", "お名前", "名前", "会員氏名", "会員名", "氏名（漢字）", "お名前（漢字）", "name"),
        "email": (
            "メールアドレス", "Eメールアドレス", "電子メールアドレス", "Eメール", "電子メール",
            "メール", "email", "mail", "mailaddress", "PCメール", "携帯メール",
        ),
        "joined_on": (
            "入会日", "入会年月日", "登録日", "登録年月日", "加入日", "申込日", "申込年月日",
        ),
    }
)  # fmt: skip
NEEDED: Final = ("name", "email")
MAX_NAME: Final = 80


@dataclass(frozen=True, slots=True)
class Entry:
    """A line as it was understood; an address or day that is none is empty."""

    line: int
    name: str
    email_text: str
    email: str | None
    joined_text: str
    joined_on: date | None


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of a line: `ready`, `known` (asked before) or `error` with its reasons."""

    entry: Entry
    state: str
    problems: tuple[str, ...]


def judge(entries: Sequence[Entry], *, known: frozenset[str], today: date) -> tuple[Judged, ...]:
    """R27: each line by itself, but for an address that stands in two lines: the first one counts.

    Args:
        entries: The lines in order.
        known: Addresses that were asked before, whatever came of it.
        today: The Japanese day.
    """
    seen: set[str] = set()
    found = []
    for entry in entries:
        problems = tuple(_problems(entry, seen, today))
        state = "error" if problems else "known" if entry.email in known else "ready"
        if entry.email:
            seen.add(entry.email)
        found.append(Judged(entry, state, problems))
    return tuple(found)


def _problems(entry: Entry, seen: set[str], today: date) -> list[str]:
    found = []
    if not entry.name:
        found.append("row_no_name")
    elif len(entry.name) > MAX_NAME:
        found.append("row_long_name")
    if not entry.email_text:
        found.append("row_no_email")
    elif entry.email is None:
        found.append("row_bad_email")
    elif entry.email in seen:
        found.append("row_twice")
    if entry.joined_text and (entry.joined_on is None or entry.joined_on > today):
        found.append("row_bad_day")
    return found
