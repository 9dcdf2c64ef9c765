"""What stands in the files that staff take: a body's own rows and nothing else (R25)."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from activities.models import Activity, Participation
from activities.trail import Wanted, within_body
from admin import words
from admin.desk_words import ACTORS, AUDIT
from core.clock import JAPAN
from core.models import AuditEvent
from core.shortcode import MEMBER, grouped
from core.texts import N_, Translate
from registry.members import of_body
from registry.models import DeskExport, LocalGovernment, Registration
from registry.staff import staff_of

#: Rows of a file at most, whoever asks.
MOST: Final = 100_000
MEMBERS: Final = (
    N_("登録番号"), N_("名前"), N_("ふりがな"), N_("区分"), N_("状態"), N_("市区町村から"),
    N_("登録日"), N_("最後の利用"),
)  # fmt: skip
PARTICIPATIONS: Final = (
    N_("日"), N_("登録番号"), N_("名前"), N_("活動"), N_("分野"), N_("分"), N_("確かめ方"),
    N_("指定された活動"), N_("数えるか"),
)  # fmt: skip
#: The record, here and where it is taken at once (admin.pages.audit).
RECORD: Final = (
    N_("いつ"), N_("だれが"), N_("名前"), N_("何を"), N_("対象"), N_("目的"), N_("件数"), N_("結果"),
)  # fmt: skip
HEADS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"members": MEMBERS, "participations": PARTICIPATIONS, "audit": RECORD}
)
KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "members": N_("登録者の一覧"),
        "participations": N_("参加実績の一覧"),
        "audit": N_("操作と閲覧の記録"),
    }
)


def count(db: Session, lg_code: str, kind: str, wanted: Mapping[str, Any]) -> int:
    """How many rows such a file would have."""
    rows = _statement(lg_code, kind, wanted).order_by(None).subquery()
    return db.scalar(select(func.count()).select_from(rows)) or 0


def lines(db: Session, row: DeskExport, say: Translate) -> Iterator[list[object]]:
    """The rows of a file, and one more than it may have where the list has grown."""
    found = db.execute(_statement(row.lg_code, row.kind, row.wanted).limit(row.most + 1))
    if row.kind == "members":
        return (_member(one.Registration, say) for one in found)
    if row.kind == "participations":
        return (_participation(*one, say=say) for one in found)
    names = {f"staff:{one.account_id}": one.name for one in staff_of(db, row.lg_code)}
    return (event_line(one.AuditEvent, names, say) for one in found)


def told(
    db: Session, row: DeskExport, say: Translate, *, rows: int, now: datetime, grown: bool = False
) -> tuple[str, ...]:
    """The line above the table: what it is, whose, what for, who took it, when (d-13).

    `grown` says that the list has more rows than the file.
    """
    names = {one.account_id: one.name for one in staff_of(db, row.lg_code)}
    government = db.get_one(LocalGovernment, row.lg_code)
    return (
        say(KINDS[row.kind]),
        government.name,
        say(N_("{number}件"), number=rows),
        say(N_("目的：{purpose}"), purpose=words.word(say, "export_purpose", row.purpose)),
        say(N_("受け取る人：{name}"), name=names.get(row.asked_by, "")),
        moment(now),
        *([say(N_("一覧が増えたため、入りきらない行があります"))] if grown else []),
    )


def _statement(lg_code: str, kind: str, wanted: Mapping[str, Any]) -> Select[*tuple[Any, ...]]:
    if kind == "members":
        return of_body(lg_code, tier=wanted.get("tier"), status=wanted.get("status"))
    if kind == "participations":
        return _participations(lg_code, _day(wanted, "since"), _day(wanted, "until"))
    return within_body(lg_code, _of_record(wanted), limit=MOST + 1)


def _participations(
    lg_code: str, since: date | None, until: date | None
) -> Select[Participation, str, str, str]:
    statement = (
        select(Participation, Registration.member_number, Registration.display_name, Activity.title)
        .join(
            Registration,
            (Registration.lg_code == Participation.lg_code)
            & (Registration.id == Participation.registration_id),
        )
        .join(
            Activity,
            (Activity.lg_code == Participation.lg_code)
            & (Activity.id == Participation.activity_id),
        )
        .where(Participation.lg_code == lg_code, Participation.annulled_at.is_(None))
        .order_by(Participation.day, Participation.id)
    )
    if since is not None:
        statement = statement.where(Participation.day >= since)
    if until is not None:
        statement = statement.where(Participation.day <= until)
    return statement


def _of_record(wanted: Mapping[str, Any]) -> Wanted:
    ids = {name: UUID(wanted[name]) for name in ("person_id", "staff") if wanted.get(name)}
    return Wanted.of(
        ids.get("person_id"),
        ids.get("staff"),
        wanted.get("action"),
        _day(wanted, "since"),
        _day(wanted, "until"),
    )


def _day(wanted: Mapping[str, Any], name: str) -> date | None:
    return date.fromisoformat(wanted[name]) if wanted.get(name) else None


def _member(row: Registration, say: Translate) -> list[object]:
    return [
        grouped(row.member_number, MEMBER),
        row.display_name,
        row.kana,
        words.word(say, "tier", row.tier),
        words.word(say, "registration_status", row.status),
        say("はい") if row.derived else say("いいえ"),
        row.registered_on.isoformat(),
        row.last_access_on.isoformat(),
    ]


def _participation(
    row: Participation, number: str, name: str, title: str, *, say: Translate
) -> list[object]:
    return [
        row.day.isoformat(),
        grouped(number, MEMBER),
        name,
        title,
        words.word(say, "category", row.category),
        row.minutes,
        words.word(say, "method", row.method),
        say("はい") if row.designated else say("いいえ"),
        say("はい") if row.counted else say("いいえ"),
    ]


def event_line(one: AuditEvent, names: Mapping[str, str], say: Translate) -> list[object]:
    """A row of the record in words."""
    kind = one.actor.partition(":")[0]
    return [
        moment(one.at),
        say(ACTORS[kind]) if kind in ACTORS else kind,
        names.get(one.actor, one.actor),
        say(AUDIT[one.action]) if one.action in AUDIT else one.action,
        " ".join(part for part in (one.subject_kind, one.subject_id) if part),
        words.word(say, "audit_purpose", one.purpose) if one.purpose else "",
        one.row_count,
        say("できた") if one.outcome == "done" else say("断った"),
    ]


def moment(at: datetime) -> str:
    """An instant as Japanese time, for machines and people."""
    return at.astimezone(JAPAN).isoformat(timespec="seconds")
