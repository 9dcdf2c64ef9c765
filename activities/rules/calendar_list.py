"""R09: what is read from a town's calendar of activities, and what is wrong with a line of it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from types import MappingProxyType
from typing import Final
from uuid import UUID

#: Usual names of columns, the most certain first.
COLUMNS: Final[Mapping[str, Sequence[str]]] = MappingProxyType(
    {
        "title": (
            "活動名", "催し名", "催し", "行事名", "イベント名", "事業名", "行事", "イベント",
            "活動", "名称", "件名", "タイトル", "行事・活動名", "title",
        ),
        "day": (
            "日付", "開催日", "開催年月日", "実施日", "活動日", "年月日", "月日", "期日", "日時",
            "開催日時", "実施日時", "日程", "日", "date",
        ),
        "month": ("月",),
        "starts": ("開始", "開始時刻", "開始時間", "始まり", "始", "開会", "start"),
        "ends": ("終了", "終了時刻", "終了時間", "終わり", "終", "閉会", "end"),
        "hours": ("時間", "時刻", "開催時間", "実施時間", "活動時間"),
        "place": ("場所", "会場", "開催場所", "実施場所", "活動場所", "集合場所", "place"),
        "capacity": ("定員", "募集人数", "募集人員", "募集定員", "人数", "capacity"),
        "host": (
            "主催団体", "主催", "主催者", "団体名", "実施団体", "実施主体", "担当課", "担当", "所管課",
        ),
        "category": ("分野", "種別", "カテゴリ", "カテゴリー", "分類", "区分", "category"),
        "summary": ("内容", "活動内容", "概要", "説明", "事業概要", "詳細"),
        "bring": ("持ち物", "持ち物・服装", "服装", "持参品"),
        "contact": ("問い合わせ先", "問合せ先", "問合先", "連絡先", "問い合わせ", "問合せ"),
    }
)  # fmt: skip
#: Of each group one at least must have its column.
NEEDED: Final = (("title",), ("day",), ("place",), ("starts", "hours", "day"))
#: What a field may hold, in letters.
MOST: Final[Mapping[str, int]] = MappingProxyType(
    {"title": 120, "place": 200, "summary": 1000, "bring": 400, "contact": 200}
)
ONE_DAY: Final = timedelta(days=1)
#: What seems longer was misread more likely than held: 午後11時〜1時, 12:30〜1:30.
LONGEST: Final = timedelta(hours=12)
#: Fiscal years that a calendar may be of.
FIRST_YEAR: Final = 2020
LAST_YEAR: Final = 2100
_BEGIN_AND_END: Final = 2
#: None when they could not be read.
Times = tuple[time, ...] | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line as it was understood; what could not be read is None.

    Attributes:
        line: Its number in the sheet.
        texts: What is taken over as it was written, by field.
        host: Who holds it, as written.
        category: Its kind, as written.
        day: Its day.
        times: Its times, none to two; None when they could not be read.
        capacity: Places, 0 when none are said; None when they could not be read.
    """

    line: int
    texts: Mapping[str, str]
    host: str
    category: str
    day: date | None
    times: Times
    capacity: int | None

    @property
    def title(self) -> str:
        """What it is called."""
        return self.texts["title"]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a line is held against.

    Attributes:
        hosts: Active organisations by name.
        host: Who holds what names nobody.
        categories: Kinds that may be proposed, by word and by code.
        category: The kind of what names none.
        hours: How long what has no end lasts; 0: an end is needed.
        minutes_minimum: A shorter one never counts (R08).
        known: Keys of what is there already.
        now: The instant.
        zone: Tells an instant from a Japanese day and time.
    """

    hosts: Mapping[str, UUID]
    host: UUID | None
    categories: Mapping[str, str]
    category: str
    hours: int
    minutes_minimum: int
    known: frozenset[str]
    now: datetime
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of a line: `ready`, `known` (there already) or `error` with its reasons."""

    entry: Entry
    state: str
    problems: tuple[str, ...]
    organisation_id: UUID | None
    category: str
    span: tuple[datetime, datetime] | None
    key: str


def key_of(organisation_id: UUID, title: str, starts_at: datetime, place: str) -> str:
    """The same date of the same activity at the same place, whatever file it stands in."""
    told = "\n".join((str(organisation_id), title, str(int(starts_at.timestamp())), place))
    return hashlib.sha256(told.encode()).hexdigest()


def judge(entries: Sequence[Entry], ground: Ground) -> tuple[Judged, ...]:
    """R09: each line by itself, but for dates that stand twice or overlap: the first one counts."""
    seen: dict[tuple[UUID, str, str], list[tuple[datetime, datetime]]] = {}
    keys: set[str] = set()
    found = []
    for entry in entries:
        organisation_id = ground.hosts.get(entry.host) if entry.host else ground.host
        category = ground.categories.get(entry.category) if entry.category else ground.category
        span = _span(entry, ground)
        problems = [*_of_words(entry), *_of_place(entry, organisation_id, category)]
        problems += _of_time(entry, span, ground)
        key = ""
        if not problems and organisation_id and span:
            key = key_of(organisation_id, entry.title, span[0], entry.texts["place"])
            others = seen.setdefault((organisation_id, entry.title, entry.texts["place"]), [])
            if key in keys:
                problems.append("row_twice")
            elif any(span[0] < end and begin < span[1] for begin, end in others):
                problems.append("row_overlaps")
            else:
                others.append(span)
                keys.add(key)
        state = "error" if problems else "known" if key in ground.known else "ready"
        found.append(
            Judged(entry, state, tuple(problems), organisation_id, category or "", span, key)
        )
    return tuple(found)


def _span(entry: Entry, ground: Ground) -> tuple[datetime, datetime] | None:
    """From when to when; an end before the beginning lies on the next day."""
    if entry.day is None or not entry.times:
        return None
    begin = datetime.combine(entry.day, entry.times[0], ground.zone)
    if len(entry.times) == 1:
        return (begin, begin + timedelta(hours=ground.hours)) if ground.hours else None
    end = datetime.combine(entry.day, entry.times[1], ground.zone)
    return begin, end if end > begin else end + ONE_DAY


def _of_words(entry: Entry) -> list[str]:
    found = [] if entry.title else ["row_no_title"]
    if not entry.texts["place"]:
        found.append("row_no_place")
    if any(len(entry.texts[field]) > most for field, most in MOST.items()):
        found.append("row_long_text")
    if entry.capacity is None:
        found.append("row_bad_capacity")
    return found


def _of_place(entry: Entry, organisation_id: UUID | None, category: str | None) -> list[str]:
    found = []
    if organisation_id is None:
        found.append("row_unknown_host" if entry.host else "row_no_host")
    if not category:
        found.append("row_unknown_category" if entry.category else "row_no_category")
    return found


def _of_time(entry: Entry, span: tuple[datetime, datetime] | None, ground: Ground) -> list[str]:
    """The first thing that is wrong with its day and its times."""
    if entry.day is None:
        return ["row_bad_date"]
    if entry.times is None or len(entry.times) > _BEGIN_AND_END:
        return ["row_bad_time"]
    if span is None:
        return ["row_no_end" if entry.times else "row_no_time"]
    if span[0] <= ground.now:
        return ["row_past"]
    return _of_length(span[1] - span[0], ground)


def _of_length(lasts: timedelta, ground: Ground) -> list[str]:
    if lasts == ONE_DAY:
        return ["row_same_time"]
    if lasts > LONGEST:
        return ["row_long"]
    return ["row_short"] if lasts < timedelta(minutes=ground.minutes_minimum) else []
