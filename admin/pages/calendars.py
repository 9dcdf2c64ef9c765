"""行事予定の取込み: a calendar as the town has it, looked at line by line, then made proposals (R09)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from activities import calendar_making, calendars
from activities.calendar_making import Said
from activities.hosts import Host
from activities.models import Organisation
from activities.refusals import policy_now
from activities.rules import calendar_list
from admin import approving
from admin.desk import ClerkDesk, Desk, Done, Problems
from admin.forms import Form, FormDep
from admin.pages.activities import worded
from admin.pages.imports import PAGE, After, Sent, State, file_of, reading
from core.errors import invalid
from core.sheets import MAX_BYTES
from core.texts import N_
from registry import import_files
from registry.models import MemberImport
from registry.rules.calendars import fiscal_year_start

router = APIRouter(include_in_schema=False)
CALENDARS: Final = "/staff/{lg_code}/calendars"
#: A date without an end lasts at most so long.
MOST_HOURS: Final = 12
FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "title": N_("活動の名前"),
        "day": N_("日付"),
        "month": N_("月（日と分かれているとき）"),
        "starts": N_("始まり"),
        "ends": N_("終わり"),
        "hours": N_("始まりと終わりが1つの列"),
        "place": N_("場所"),
        "capacity": N_("定員"),
        "host": N_("主催"),
        "category": N_("分野"),
        "summary": N_("内容"),
        "bring": N_("持ち物・服装"),
        "contact": N_("問い合わせ先"),
    }
)
REQUIRED: Final = ("title", "day", "place")
STATES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "ready": (N_("作れます"), "good"),
        "error": (N_("直すところがあります"), "warn"),
        "known": (N_("もうあります"), "plain"),
        "made": (N_("作りました"), "good"),
    }
)
ROW_PROBLEMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "row_no_title": N_("活動の名前がありません"),
        "row_no_place": N_("場所がありません"),
        "row_long_text": N_("長すぎる欄があります"),
        "row_bad_capacity": N_("定員を人数として読めません"),
        "row_no_host": N_("主催がありません"),
        "row_unknown_host": N_("関係団体にない主催です"),
        "row_no_category": N_("分野がありません"),
        "row_unknown_category": N_("知らない分野です"),
        "row_bad_date": N_("日付として読めません"),
        "row_bad_time": N_("時刻として読めません"),
        "row_no_time": N_("時刻がありません"),
        "row_no_end": N_("終わりの時刻がありません"),
        "row_past": N_("過ぎた日です"),
        "row_short": N_("1回と数える最短の時間より短いです"),
        "row_long": N_("12時間をこえます。午前・午後を書いてください"),
        "row_same_time": N_("始まりと終わりが同じ時刻です"),
        "row_twice": N_("同じ予定が前の行にあります"),
        "row_overlaps": N_("同じ活動の、時間の重なる予定が前の行にあります"),
        "session_overlaps": N_("同じ場所の、時間の重なる開催回がもうあります"),
    }
)


def show_all(desk: Desk, *, errors: Problems = (), status: int = 200, done: str = "") -> Response:
    """The calendars that were brought along, and the form for one more."""
    kind = calendars.kind_of(desk.book)
    with desk.transaction() as db:
        rows = import_files.imports_of(db, kind, lg_code=desk.lg_code)
        ids = [row.id for row in rows]
        return desk.render(
            db,
            "calendars.html",
            here="activities",
            errors=errors,
            status=status,
            done=done,
            rows=rows,
            line_counts=calendars.counts_of(db, lg_code=desk.lg_code, import_ids=ids),
            most=MAX_BYTES // 1024**2,
        )


@router.get(CALENDARS)
def all_calendars(desk: ClerkDesk, done: Done = "") -> Response:
    """R09: what was brought along, and what became of it."""
    return show_all(desk, done=done)


@router.post(CALENDARS)
def upload(desk: ClerkDesk, sent: Sent, form: FormDep) -> Response:
    """R09: read a calendar; nothing is made before somebody confirms."""

    def work(db: Session) -> str:
        name, data = file_of(sent)
        row = calendars.bring(db, reading(desk), name=name, data=data, book=desk.book)
        return f"{desk.home}/calendars/{row.id}"

    return desk.act(form, work, lambda errors, status: show_all(desk, errors=errors, status=status))


def show(
    desk: Desk,
    import_id: UUID,
    *,
    state: str = "",
    after: int = 0,
    errors: Problems = (),
    status: int = 200,
    done: str = "",
) -> Response:
    """One calendar: what would become of each line, with an error beside each that has one."""
    kind = calendars.kind_of(desk.book)
    with desk.transaction() as db:
        row = import_files.one(db, kind, lg_code=desk.lg_code, import_id=import_id)
        lines = calendars.lines_of(
            db,
            actor=desk.actor,
            row=row,
            state=state if state in STATES else None,
            after=after,
            limit=PAGE + 1,
            now=desk.now,
        )
        counts = calendars.counts_of(db, lg_code=desk.lg_code, import_ids=[row.id])
        return desk.render(
            db,
            "calendar.html",
            here="activities",
            errors=errors,
            status=status,
            done=done,
            row=row,
            lines=lines[:PAGE],
            more=lines[PAGE - 1].line if len(lines) > PAGE else None,
            after=after,
            state=state if state in STATES else "",
            states=STATES,
            problem_text=lambda code: _problem_text(desk, code),
            public=calendars.public_of(db, row),
            fields=FIELDS,
            needed=REQUIRED,
            incomplete=not kind.complete(row.columns),
            line_counts=counts[row.id],
            at_once=calendar_making.AT_ONCE,
            unknown=calendars.unknown_hosts(db, row),
            **_choices(db, desk, row),
        )


def _problem_text(desk: Desk, code: str) -> str:
    """What is wrong with a line, or what its date was refused for when it was to be made."""
    if code in ROW_PROBLEMS:
        return desk.say(ROW_PROBLEMS[code])
    return desk.platform.texts.reason_sentence(desk.language, {"code": code})


def _choices(db: Session, desk: Desk, row: MemberImport) -> dict[str, object]:
    policy = policy_now(db, desk.book, desk.lg_code, desk.now)
    this = fiscal_year_start(desk.today).year
    given = row.defaults.get("year", "")
    years = sorted({this, this + 1, *([int(given)] if given else [])})
    hosts = db.execute(
        select(Organisation.id, Organisation.name, Organisation.state)
        .where(Organisation.lg_code == desk.lg_code)
        .order_by(Organisation.name)
    ).all()
    say = desk.say
    return {
        "host_names": {host_id: name for host_id, name, _ in hosts},
        "host_options": [
            (str(host_id), name) for host_id, name, state in hosts if state == "active"
        ],
        "category_options": worded(desk, "category", policy.texts("activity.categories")),
        "year_options": [(str(year), say(N_("{year}年度"), year=year)) for year in years],
        "hour_options": [
            (str(hours), say(N_("{count}時間"), count=hours)) for hours in range(1, MOST_HOURS + 1)
        ],
        "question_options": worded(desk, "checklist", policy.texts("designation.checklist")),
        "insurance_options": worded(desk, "insurance", policy.texts("project.insurance")),
    }


@router.get(CALENDARS + "/{import_id}")
def one_calendar(
    desk: ClerkDesk, import_id: UUID, state: State = "", after: After = 0, done: Done = ""
) -> Response:
    """R09: the preview, and later what became of it."""
    return show(desk, import_id, state=state, after=after, done=done)


@router.post(CALENDARS + "/{import_id}/columns")
def choose(desk: ClerkDesk, import_id: UUID, form: FormDep) -> Response:
    """R09: which column is which, and what stands for empty cells."""

    def work(db: Session) -> str:
        chosen = {field: form.amount(f"column_{field}") for field in FIELDS}
        import_files.choose(
            db,
            calendars.kind_of(desk.book),
            reading(desk),
            import_id=import_id,
            columns={field: at for field, at in chosen.items() if at is not None},
            defaults=_defaults(form),
        )
        return f"{desk.home}/calendars/{import_id}"

    return desk.act(
        form, work, lambda errors, status: show(desk, import_id, errors=errors, status=status)
    )


def _defaults(form: Form) -> dict[str, str]:
    """What stands for cells that say nothing; unknown choices stand for nothing."""
    hours, year = form.amount("hours"), form.amount("year")
    if year is None or not calendar_list.FIRST_YEAR <= year <= calendar_list.LAST_YEAR:
        raise invalid("number_needed", field="year")
    found = {"year": str(year), "category": form.one("category", most=40)}
    if form.one("host"):
        found["host"] = str(form.id("host"))
    if hours is not None:
        found["hours"] = str(min(hours, MOST_HOURS))
    return found


@router.post(CALENDARS + "/{import_id}/confirm")
def confirm(desk: ClerkDesk, import_id: UUID, form: FormDep) -> Response:
    """R09, R10: the good lines become proposals; another member of staff decides (C47, d-11)."""
    desk.prove_fresh()

    def work(db: Session) -> str:
        policy = policy_now(db, desk.book, desk.lg_code, desk.now)
        made = calendar_making.confirm(
            db,
            host=Host(desk.actor, desk.lg_code, staff=True),
            import_id=import_id,
            said=Said(
                approving.answers(form.many("answers"), policy.texts("designation.checklist")),
                form.one("insurance", most=12),
            ),
            book=desk.book,
            now=desk.now,
        )
        return (
            f"{desk.home}/calendars/{import_id}?done={'calendar_made' if made else 'calendar_none'}"
        )

    return desk.act(
        form, work, lambda errors, status: show(desk, import_id, errors=errors, status=status)
    )


@router.post(CALENDARS + "/{import_id}/discard")
def discard(desk: ClerkDesk, import_id: UUID, form: FormDep) -> Response:
    """R09: a calendar that was looked at and not wanted is forgotten at once, or what is left of it."""

    def work(db: Session) -> str:
        kept = import_files.discard(
            db,
            calendars.kind_of(desk.book),
            actor=desk.actor,
            lg_code=desk.lg_code,
            import_id=import_id,
            now=desk.now,
        )
        if kept:
            return f"{desk.home}/calendars/{import_id}?done=calendar_rest_discarded"
        return f"{desk.home}/calendars?done=calendar_discarded"

    return desk.act(
        form, work, lambda errors, status: show(desk, import_id, errors=errors, status=status)
    )
