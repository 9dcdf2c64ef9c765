"""名簿の取込み: a fan club's list is brought along, looked at, and its people asked (R27)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile

from admin.desk import ClerkDesk, Desk, Done, Problems
from admin.forms import FormDep
from core.errors import invalid
from core.sheets import MAX_BYTES
from core.texts import N_
from registry import import_files, importing
from registry.import_files import Reading
from registry.importing import PEOPLE
from registry.rules import fan_list

router = APIRouter(include_in_schema=False)
IMPORTS: Final = "/staff/{lg_code}/imports"
PAGE: Final = 100
FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {"name": N_("氏名"), "email": N_("メールアドレス"), "joined_on": N_("入会日")}
)
STATES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "ready": (N_("送れます"), "good"),
        "error": (N_("直すところがあります"), "warn"),
        "known": (N_("前に案内しました"), "plain"),
        "to_mail": (N_("これから送ります"), "info"),
        "asked": (N_("返事を待っています"), "info"),
        "agreed": (N_("同意して登録"), "good"),
        "expired": (N_("返事なし・消去済み"), "plain"),
    }
)
ROW_PROBLEMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "row_no_name": N_("氏名がありません"),
        "row_long_name": N_("氏名が長すぎます"),
        "row_no_email": N_("メールアドレスがありません"),
        "row_bad_email": N_("メールアドレスの形が正しくありません"),
        "row_twice": N_("同じメールアドレスが前の行にあります"),
        "row_bad_day": N_("入会日を日付として読めません"),
    }
)
State = Annotated[str, Query(max_length=8)]
After = Annotated[int, Query(ge=0, le=1_000_000)]


def show_all(desk: Desk, *, errors: Problems = (), status: int = 200, done: str = "") -> Response:
    """The lists that were brought along, and the form for one more."""
    with desk.transaction() as db:
        rows = import_files.imports_of(db, PEOPLE, lg_code=desk.lg_code)
        counts = importing.counts_of(db, lg_code=desk.lg_code, import_ids=[row.id for row in rows])
        return desk.render(
            db,
            "imports.html",
            here="members",
            errors=errors,
            status=status,
            done=done,
            rows=rows,
            line_counts=counts,
            most=MAX_BYTES // 1024**2,
        )


@router.get(IMPORTS)
def all_imports(desk: ClerkDesk, done: Done = "") -> Response:
    """R27: what was brought along, and what became of it."""
    return show_all(desk, done=done)


async def _read_file(request: Request) -> tuple[str, bytes] | None:
    """Name and content of the form's file; None when it was too large to be read."""
    if request.scope["state"].get("body_too_large"):
        return None
    async with request.form() as form:
        sent = form.get("file")
        return (
            (sent.filename or "", await sent.read()) if isinstance(sent, UploadFile) else ("", b"")
        )


Sent = Annotated[tuple[str, bytes] | None, Depends(_read_file)]


def file_of(sent: tuple[str, bytes] | None) -> tuple[str, bytes]:
    """Name and content of what was sent.

    Raises:
        Invalid: `sheet_size`, `file_needed`.
    """
    if sent is None:
        raise invalid("sheet_size", field="file", needed=MAX_BYTES // 1024**2)
    if not sent[1]:
        raise invalid("file_needed", field="file")
    return sent


def reading(desk: Desk) -> Reading:
    """This member of staff, reading a file."""
    return Reading(desk.actor, desk.lg_code, desk.platform.secret, desk.now)


@router.post(IMPORTS)
def upload(desk: ClerkDesk, sent: Sent, form: FormDep) -> Response:
    """R27: read a file; nobody is asked before somebody confirms."""

    def work(db: Session) -> str:
        name, data = file_of(sent)
        row = import_files.upload(db, PEOPLE, reading(desk), name=name, data=data)
        return f"{desk.home}/imports/{row.id}"

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
    """One list: what would happen to each line, with an error beside each that has one."""
    with desk.transaction() as db:
        row = import_files.one(db, PEOPLE, lg_code=desk.lg_code, import_id=import_id)
        lines = importing.lines_of(
            db,
            actor=desk.actor,
            row=row,
            state=state if state in STATES else None,
            after=after,
            limit=PAGE + 1,
            now=desk.now,
        )
        return desk.render(
            db,
            "import.html",
            here="members",
            errors=errors,
            status=status,
            done=done,
            row=row,
            lines=lines[:PAGE],
            more=lines[PAGE - 1].line if len(lines) > PAGE else None,
            after=after,
            state=state if state in STATES else "",
            states=STATES,
            row_problems=ROW_PROBLEMS,
            fields=FIELDS,
            needed=fan_list.NEEDED,
            incomplete=not PEOPLE.complete(row.columns),
            line_counts=importing.counts_of(db, lg_code=desk.lg_code, import_ids=[row.id])[row.id],
        )


@router.get(IMPORTS + "/{import_id}")
def one_import(
    desk: ClerkDesk, import_id: UUID, state: State = "", after: After = 0, done: Done = ""
) -> Response:
    """R27: the preview, and later what became of it."""
    return show(desk, import_id, state=state, after=after, done=done)


@router.post(IMPORTS + "/{import_id}/columns")
def choose(desk: ClerkDesk, import_id: UUID, form: FormDep) -> Response:
    """R27: which column is which, for headers that nobody knows."""

    def work(db: Session) -> str:
        chosen = {field: form.amount(f"column_{field}") for field in FIELDS}
        import_files.choose(
            db,
            PEOPLE,
            reading(desk),
            import_id=import_id,
            columns={field: at for field, at in chosen.items() if at is not None},
        )
        return f"{desk.home}/imports/{import_id}"

    return desk.act(
        form, work, lambda errors, status: show(desk, import_id, errors=errors, status=status)
    )


@router.post(IMPORTS + "/{import_id}/confirm")
def confirm(desk: ClerkDesk, import_id: UUID, form: FormDep) -> Response:
    """R27: now its people are asked, one mail each."""

    def work(db: Session) -> str:
        importing.confirm(
            db, actor=desk.actor, lg_code=desk.lg_code, import_id=import_id, now=desk.now
        )
        return f"{desk.home}/imports/{import_id}?done=import_confirmed"

    return desk.act(
        form, work, lambda errors, status: show(desk, import_id, errors=errors, status=status)
    )


@router.post(IMPORTS + "/{import_id}/discard")
def discard(desk: ClerkDesk, import_id: UUID, form: FormDep) -> Response:
    """R27: a list that was looked at and not wanted is forgotten at once."""

    def work(db: Session) -> str:
        import_files.discard(
            db, PEOPLE, actor=desk.actor, lg_code=desk.lg_code, import_id=import_id, now=desk.now
        )
        return f"{desk.home}/imports?done=import_discarded"

    return desk.act(
        form, work, lambda errors, status: show(desk, import_id, errors=errors, status=status)
    )
