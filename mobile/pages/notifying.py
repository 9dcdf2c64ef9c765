"""お知らせの設定: which notices leave the app, when, in which language; further opt-outs (R02, R23)."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from core import push
from core.access import Actor
from core.errors import Invalid
from core.models import Account
from core.texts import N_
from core.web import Platform, PlatformDep
from mobile.pages.shell import FormDep, Registrant, act_as_person, again, show
from registry import notifying, people, pushing
from registry.doors import BookDep, as_person
from registry.models import Person
from registry.rules.notifying import OPTIONAL, Topic, switch_of
from registry.rules.policy import PolicyBook

router = APIRouter(include_in_schema=False)

TOPICS: Final[Mapping[Topic, tuple[str, str]]] = {
    Topic.ACTIVITY: (N_("活動のお知らせ"), N_("申込み、空き、中止、明日の予定")),
    Topic.REGISTRATION: (N_("まちの登録のお知らせ"), N_("登録、アンケート、登録を続けるかの確認")),
    Topic.PREMIUM: (N_("プレミアム登録のお知らせ"), N_("申請、更新、要件の変更")),
    Topic.FAMILY: (N_("家族のお知らせ"), N_("保護者の方の同意、お子さま、お手伝い")),
}
CHANNEL_NAMES: Final = {
    "mail": N_("メールで受け取る"),
    "push": N_("この携帯電話などに表示する"),
}
LANGUAGES: Final = (("ja", "日本語"), ("easy", "やさしい日本語"), ("en", "English"))


@router.get("/settings/notices")
def page(request: Request, actor: Registrant, platform: PlatformDep, book: BookDep) -> Response:
    """What is chosen now; the app itself always shows every notice."""
    return show(request, "notice_settings.html", **_page(request, platform, actor, book))


def _page(request: Request, platform: Platform, actor: Actor, book: PolicyBook) -> dict[str, Any]:
    person: Person = request.state.person
    with platform.database.transaction(as_person(actor)) as db:
        now = platform.clock.now()
        chosen = notifying.choices_of(db, actor=actor, now=now, book=book)
        language = db.get_one(Account, actor.person_id).language
        browsers = pushing.browsers_of(db, actor=actor)
    return {
        "browsers": browsers,
        "push_key": push.public_key(platform.settings),
        "switches": [
            (topic.value, *TOPICS[topic], channel, CHANNEL_NAMES[channel],
             switch_of(topic, channel) not in chosen.off)
            for topic in OPTIONAL
            for channel in notifying.CHANNELS
        ],
        "chosen": chosen,
        "hours": notifying.HOURS,
        "notice_language": language,
        "languages": LANGUAGES,
        "linked": person.link_default,
    }  # fmt: skip


@router.post("/settings/notices")
def choose(
    request: Request, form: FormDep, actor: Registrant, platform: PlatformDep, book: BookDep
) -> Response:
    """R02, R23: kept at once; what waits to be sent follows it."""
    now = platform.clock.now()
    off = [
        switch_of(topic, channel)
        for topic in OPTIONAL
        for channel in notifying.CHANNELS
        if form.one(f"{channel}-{topic.value}") != "yes"
    ]

    def work(db: Session) -> None:
        evening = _hour(form.one("quiet_from"))
        morning = _hour(form.one("quiet_until"))
        if form.one("quiet") != "yes":
            evening = morning = 0
        notifying.choose(db, actor=actor, evening=evening, morning=morning, off=off, now=now)
        changes = {
            "language": form.one("notice_language") or None,
            "link_default": form.one("link_default") == "yes",
        }
        people.update_profile(db, actor=actor, changes=changes, now=now, book=book)

    try:
        return act_as_person(request, form, actor, work, "/settings/notices?done=1")
    except Invalid as error:
        page = _page(request, platform, actor, book)
        return again(request, "notice_settings.html", error, **page)


@router.post("/settings/notices/browsers/{subscription_id}/stop")
def stop(
    request: Request,
    subscription_id: UUID,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
) -> Response:
    """R23: a browser shows no more notices; lost phones are stopped from any other."""
    now = platform.clock.now()

    def work(db: Session) -> None:
        pushing.stop(db, actor=actor, subscription_id=subscription_id, now=now)

    return act_as_person(request, form, actor, work, "/settings/notices?done=1")


def _hour(text: str) -> int:
    """An hour as a list sends it; one that is none is refused by the use case."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 2 else -1  # noqa: PLR2004 (digits of an hour)
