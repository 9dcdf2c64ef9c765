"""判定: all reasons with what was found and needed, the facts, and the same decision made again."""

from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from admin import judged, words
from admin.desk import Desk, Done, Problems, ReverserDesk, ViewerDesk
from admin.forms import FormDep
from admin.judged import Explained
from admin.numbers import label_of, shown_value
from core import audit
from registry import renewal_reversal

router = APIRouter(include_in_schema=False)
JUDGEMENT = "/staff/{lg_code}/judgements/{judgement_id}"


def show(
    desk: Desk,
    judgement_id: UUID,
    *,
    errors: Problems = (),
    status: int = 200,
    done: str = "",
) -> Response:
    """One judgement; the look is recorded and the person can read of it."""
    with desk.transaction() as db:
        found = judged.explained(
            db, judgement_id, book=desk.book, today=desk.today, english=desk.english
        )
        audit.record(
            db,
            actor=desk.actor,
            action="judgement.read",
            subject=("judgement", judgement_id),
            now=desk.now,
            lg_code=desk.lg_code,
            person_id=found.row.person_id,
            purpose="approval",
        )
        return desk.render(
            db,
            "judgement.html",
            here="approvals",
            status=status,
            errors=errors,
            done=done,
            found=found,
            facts=_facts(desk, found),
            presence_rows=_presence_rows(desk, found),
            number_rows=_number_rows(desk, found),
        )


def _facts(desk: Desk, found: Explained) -> list[tuple[str, str]]:
    """What was known of the person, and nothing that was not used."""
    say, given = desk.say, found.applicant
    minor = found.registration.minor_until
    return [
        (say("本人確認"), words.word(say, "identity", given["identity_level"])),
        (say("証明書の有効性"), say("有効") if given["identity_valid"] else say("失効")),
        (say("住所地"), found.residence or say("まだわかりません")),
        (
            say("年齢"),
            say("成人") if minor is None or minor <= found.row.as_of else say("未成年"),
        ),
        (say("保護者の同意"), say("あり") if given.get("guardian_consent") else say("なし")),
        (say("滞在日"), say("{count}日", count=len(given.get("stay_days") or ()))),
        (say("参加実績"), say("{count}件", count=len(found.presences))),
    ]


def _presence_rows(desk: Desk, found: Explained) -> list[list[str]]:
    say, filters = desk.say, desk.filters
    return [
        [
            filters["day"](one.day),
            one.title,
            say("{minutes}分", minutes=one.minutes),
            say("数える") if one.counted else say("数えない"),
        ]
        for one in found.presences
    ]


def _number_rows(desk: Desk, found: Explained) -> list[list[str]]:
    filters = desk.filters
    return [
        [
            one.key if one.parameter is None else label_of(desk, one.parameter),
            shown_value(desk, one.value, "" if one.parameter is None else one.parameter.unit),
            filters["day"](one.since),
            one.source + ("" if one.confirmed else desk.say("（案）")),
        ]
        for one in found.numbers
    ]


@router.get(JUDGEMENT)
def one_judgement(desk: ViewerDesk, judgement_id: UUID, done: Done = "") -> Response:
    """R15: anybody who asks why gets the same answer."""
    return show(desk, judgement_id, done=done)


@router.post(JUDGEMENT + "/reverse")
def reverse(desk: ReverserDesk, judgement_id: UUID, form: FormDep) -> Response:
    """R15: within 90 days what a night decided about a renewal is undone."""

    def work(db: Session) -> str:
        renewal_reversal.reverse(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            judgement_id=judgement_id,
            reason=form.one("reason", most=400),
            now=desk.now,
            book=desk.book,
        )
        return f"{desk.home}/judgements/{judgement_id}?done=reversed"

    return desk.act(
        form, work, lambda errors, status: show(desk, judgement_id, errors=errors, status=status)
    )
