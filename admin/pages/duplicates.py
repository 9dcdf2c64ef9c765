"""同じ人かもしれない登録: two side by side, for a human to say whether they are one person (C42)."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from admin import dossier, words
from admin.desk import ClerkDesk, Desk, Done, Problems, not_oneself
from admin.forms import FormDep
from core.errors import invalid
from registry import duplicates

router = APIRouter(include_in_schema=False)
PAIR: Final = "/staff/{lg_code}/duplicates/{pair_id}"


def show(
    desk: Desk, pair_id: UUID, *, errors: Problems = (), status: int = 200, done: str = ""
) -> Response:
    """What each has here: the look is recorded for both."""
    with desk.transaction() as db:
        found = duplicates.open_pair(
            db, actor=desk.actor, lg_code=desk.lg_code, pair_id=pair_id, now=desk.now
        )
        return desk.render(
            db,
            "duplicate.html",
            here="members",
            errors=errors,
            status=status,
            done=done,
            row=found.row,
            reasons=[words.word(desk.say, "alike", one) for one in found.row.reasons],
            both=found.both,
            compared=_compared(desk, db, found),
        )


def _compared(desk: Desk, db: Session, found: duplicates.Pair) -> list[tuple[str, list[str]]]:
    """Lines of both, side by side, in words."""
    say, told = desk.say, desk.filters
    abouts = [dossier.about(db, one, today=desk.today) for one in found.both]
    lines = {
        say("登録番号"): [told["member_number"](one.member_number) for one in found.both],
        say("区分"): [words.word(say, "tier", one.tier) for one in found.both],
        say("状態"): [words.word(say, "registration_status", one.status) for one in found.both],
        say("登録日"): [told["day"](one.registered_on) for one in found.both],
        say("最後の利用"): [told["day"](one.last_access_on) for one in found.both],
        say("お住まい"): [
            one.residence.prefecture
            + ("" if one.residence.kind == "prefecture" else one.residence.name)
            if one.residence
            else say("まだわかりません")
            for one in abouts
        ],
        say("本人確認"): [words.word(say, "identity", one.identity_level) for one in found.both],
        say("紙の登録証"): [say("あり") if one.paper_card else say("なし") for one in abouts],
        say("この1年の参加"): [say("{count}回", count=one.counted) for one in abouts],
    }
    return list(lines.items())


@router.get(PAIR)
def one_pair(desk: ClerkDesk, pair_id: UUID, done: Done = "") -> Response:
    """C42: side by side."""
    return show(desk, pair_id, done=done)


def _person(db: Session, desk: Desk, pair_id: UUID, at: int) -> UUID:
    found = duplicates.pair(db, lg_code=desk.lg_code, pair_id=pair_id)
    return found.both[at].person_id


@router.post(PAIR)
def decide(desk: ClerkDesk, pair_id: UUID, form: FormDep) -> Response:
    """C42, C47: one person or two, said by somebody who is neither."""
    not_oneself(desk, lambda db: _person(db, desk, pair_id, 0))
    not_oneself(desk, lambda db: _person(db, desk, pair_id, 1))

    def work(db: Session) -> str:
        answer = form.needed("answer")
        if answer not in {"same", "different"}:
            raise invalid("field_needed", field="answer")
        duplicates.decide(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            pair_id=pair_id,
            same=answer == "same",
            now=desk.now,
        )
        if answer == "same":
            return f"{desk.home}/duplicates/{pair_id}?done=said_same"
        return f"{desk.home}?done=said_different"

    return desk.act(
        form, work, lambda errors, status: show(desk, pair_id, errors=errors, status=status)
    )
