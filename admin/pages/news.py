"""便り: what registrants read on the town's page (R23)."""

from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from admin.desk import ClerkDesk, Desk, Done, Problems, ViewerDesk
from admin.forms import FormDep
from registry import news

router = APIRouter(include_in_schema=False)
NEWS = "/staff/{lg_code}/news"
_SHOWN = 50


def show_all(
    desk: Desk,
    *,
    title: str = "",
    text: str = "",
    errors: Problems = (),
    status: int = 200,
    done: str = "",
) -> Response:
    """What stands on the page, and the form for one more."""
    with desk.transaction() as db:
        return desk.render(
            db,
            "news.html",
            here="news",
            status=status,
            errors=errors,
            done=done,
            title=title,
            text=text,
            rows=news.news_of(db, lg_code=desk.lg_code, limit=_SHOWN),
            most_title=news.MOST_TITLE,
            most_text=news.MOST_TEXT,
        )


@router.get(NEWS)
def list_news(desk: ViewerDesk, done: Done = "") -> Response:
    """The latest first."""
    return show_all(desk, done=done)


@router.post(NEWS)
def publish(desk: ClerkDesk, form: FormDep) -> Response:
    """On the town's page at once."""

    def work(db: Session) -> str:
        news.publish(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            title=form.needed("title", most=news.MOST_TITLE),
            text=form.needed("text", most=news.MOST_TEXT),
            now=desk.now,
        )
        return f"{desk.home}/news?done=news_published"

    typed = {name: str(form.data.get(name) or "")[: news.MOST_TEXT] for name in ("title", "text")}
    return desk.act(
        form, work, lambda errors, status: show_all(desk, errors=errors, status=status, **typed)
    )


@router.post(NEWS + "/{news_id}/withdraw")
def withdraw(desk: ClerkDesk, news_id: UUID, form: FormDep) -> Response:
    """Nobody reads it any more; the record keeps it."""

    def work(db: Session) -> str:
        news.withdraw(db, actor=desk.actor, lg_code=desk.lg_code, news_id=news_id, now=desk.now)
        return f"{desk.home}/news?done=news_withdrawn"

    return desk.act(form, work, lambda errors, status: show_all(desk, errors=errors, status=status))
