"""登録者からの質問: answered from the row of 今日, with the town's usual sentences at hand."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from admin import words
from admin.desk import ClerkDesk, Desk
from admin.forms import Form, FormDep
from admin.pages import today
from core.errors import invalid
from registry import questions

router = APIRouter(include_in_schema=False)
QUESTION: Final = "/staff/{lg_code}/questions/{question_id}"


@router.post(QUESTION)
def answer(desk: ClerkDesk, question_id: UUID, form: FormDep) -> Response:
    """A sentence that fits, own words, or both."""

    def work(db: Session) -> str:
        questions.answer(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            question_id=question_id,
            text=_answer(desk, form),
            now=desk.now,
        )
        return f"{desk.home}?done=question_answered"

    return desk.act(
        form, work, lambda errors, status: today.show(desk, errors=errors, status=status)
    )


def _answer(desk: Desk, form: Form) -> str:
    """Raises Invalid: `field_needed`: neither a sentence was chosen nor a word written."""
    chosen = form.one("sentence", most=20)
    japanese = desk.platform.texts.translator("ja")
    said = words.word(japanese, "sentence", chosen) if words.known("sentence", chosen) else ""
    own = form.one("answer", most=questions.MOST_TEXT - len(said))
    text = "\n".join(part for part in (said, own) if part)
    if not text:
        raise invalid("field_needed", field="answer")
    return text
