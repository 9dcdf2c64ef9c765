"""What every page of the phone shares: who looks, forms and their keys, answers in words."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID, uuid4

from fastapi import Depends, Query, Request
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse, Response

from core import sealing
from core.access import ANONYMOUS, Actor, ActorKind
from core.db import Context
from core.errors import DomainError, Problem, SignInNeeded, invalid
from core.furigana import hiragana
from core.tenancy import Audience
from core.texts import N_, Translate
from core.web import Answer, Platform, answer_once, platform_of
from registry import queries
from registry.doors import AnyActor, as_person
from registry.models import Person
from registry.notices import unread_count
from registry.people import refuse_individual_number

#: Reads what is published: activities, sessions, local governments. No person, no body.
PUBLIC = Context(Audience.PERSON, actor=ANONYMOUS.label)
_LOCAL_PATH = re.compile(r"/(?![/\\])[^\x00-\x1f\\]*")
_LONGEST_PATH = 300
_LONGEST_NUMBER = 5
_UNPROCESSABLE = 422
FOOTER = (
    (N_("設定"), "/settings"),
    (N_("こまったとき"), "/help"),
    (N_("このサービスについて"), "/about"),
    (N_("個人情報"), "/privacy"),
    (N_("使いやすさ"), "/accessibility"),
)


@dataclass(frozen=True, slots=True)
class Form:
    """What a form sent, as text; files are nothing here."""

    data: FormData

    def one(self, name: str) -> str:
        """A field's text without blanks around it; empty when it was not sent."""
        value = self.data.get(name)
        return value.strip() if isinstance(value, str) else ""

    def sent(self, name: str) -> str | None:
        """A field's text; None when the form had no such field."""
        return self.one(name) if name in self.data else None

    def many(self, name: str) -> list[str]:
        """All values of a field, as check boxes send them."""
        return [value for value in self.data.getlist(name) if isinstance(value, str) and value]

    @property
    def key(self) -> str:
        """The form's own key: the same form sent twice has one effect.

        Raises:
            Invalid: It was not made by our page.
        """
        found = self.one("_key")
        if not found:
            raise invalid("idempotency_key_missing", field="_key")
        return found

    def id(self, name: str) -> UUID:
        """A field that must hold an id.

        Raises:
            Invalid: It does not.
        """
        try:
            return UUID(self.one(name))
        except ValueError:
            raise invalid("validation", field=name) from None

    def text(self, name: str, *, most: int, needed: bool = False) -> str:
        """A field of free words, at most so long.

        Raises:
            Invalid: `field_needed`, `text_too_long`.
            Refused: `individual_number` (R12): none is ever kept.
        """
        found = self.one(name)
        if needed and not found:
            raise invalid("field_needed", field=name)
        if len(found) > most:
            raise invalid("text_too_long", field=name, found=len(found), needed=most)
        refuse_individual_number(found, field=name)
        return found

    def amount(self, name: str) -> int | None:
        """A whole number from 0; none when nothing was written.

        Raises:
            Invalid: `number_needed`.
        """
        found = self.one(name)
        if found and not (found.isdecimal() and len(found) <= _LONGEST_NUMBER):
            raise invalid("number_needed", field=name)
        # Full-width digits come from Japanese keyboards and are digits to `int`.
        return int(found) if found else None

    def year(self, name: str) -> int:
        """A field that must hold a year of the common era.

        Raises:
            Invalid: `birth_year_needed`.
        """
        text = self.one(name)
        if not (text.isdecimal() and len(text) == 4):  # noqa: PLR2004 (digits of such a year)
            raise invalid("birth_year_needed", field=name)
        return int(text)

    @property
    def back_to(self) -> str:
        """Where the form wants to go afterwards: a path on this site, else the start page."""
        return local_path(self.one("next"))


async def _read_form(request: Request) -> Form:
    return Form(await request.form())


FormDep = Annotated[Form, Depends(_read_form)]
#: `?next=`: where somebody was going; only ever used through `local_path`.
NextPath = Annotated[str, Query(alias="next")]


def local_path(path: str | None) -> str:
    """A path on this site; anything else leads to the start page."""
    if path and len(path) <= _LONGEST_PATH and _LOCAL_PATH.fullmatch(path):
        return path
    return "/"


def with_next(path: str, back_to: str) -> str:
    """A path that remembers where the person was going."""
    return path if back_to == "/" else f"{path}?next={quote(back_to, safe='/')}"


# --- who looks ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever opens a page that everybody may open."""

    actor: Actor
    person: Person | None = None


def registrant(request: Request, actor: AnyActor) -> Actor:
    if actor.kind is not ActorKind.PERSON:
        raise SignInNeeded(code="sign_in_needed")
    with platform_of(request).database.transaction(as_person(actor)) as db:
        # NotFound("profile_needed") leads to the first profile (app/errors.py).
        request.state.person = queries.person(db, actor.person_id)
        request.state.unread = unread_count(db, person_id=actor.person_id)
    return actor


def visitor(request: Request, actor: AnyActor) -> Visitor:
    if actor.kind is not ActorKind.PERSON:
        return Visitor(actor)
    with platform_of(request).database.transaction(as_person(actor)) as db:
        person = db.get(Person, actor.person_id)
        request.state.unread = unread_count(db, person_id=actor.person_id)
    request.state.person = person
    return Visitor(actor, person)


#: A signed-in registrant with a profile; others are led to where they get one.
Registrant = Annotated[Actor, Depends(registrant)]
VisitorDep = Annotated[Visitor, Depends(visitor)]


# --- answers --------------------------------------------------------------------------------------


def show(
    request: Request,
    template: str,
    status: int = 200,
    *,
    camera: bool = False,
    **context: Any,
) -> HTMLResponse:
    """One page of the phone, with what its frame needs."""
    actor: Actor | None = getattr(request.state, "actor", None)
    signed_in = actor is not None and actor.kind is ActorKind.PERSON
    platform = platform_of(request)
    who = who_tag(platform, actor)
    frame: dict[str, Any] = {
        "who": who,
        "signed_in": signed_in,
        "unread": getattr(request.state, "unread", 0),
        "person": getattr(request.state, "person", None),
        "footer_links": FOOTER,
        "reading": hiragana,
        "new_key": lambda: str(uuid4()),
    }
    page = platform.phone.render(request, template, status, camera=camera, **(frame | context))
    # Whose page this is, and in which language: the phone's worker keeps no page for anybody else.
    page.headers["X-Who"] = f"{who} {platform.phone.language(request)}"
    return page


def who_tag(platform: Platform, actor: Actor | None) -> str:
    """What a phone tells its people apart by; it says nothing about them."""
    if actor is None or actor.kind is not ActorKind.PERSON:
        return "-"
    return sealing.index(platform.secret, "phone-who", str(actor.person_id))[:32]


def translator(request: Request) -> Translate:
    """The words of this request's language."""
    platform = platform_of(request)
    return platform.texts.translator(platform.phone.language(request))


def field_errors(request: Request, error: DomainError) -> list[dict[str, str]]:
    """What is wrong with a form, as its summary and its fields say it."""
    platform = platform_of(request)
    lang = platform.phone.language(request)
    told: Sequence[Problem] = error.problems or (Problem(code=error.code),)
    return [
        {"field": one.field or "", "text": platform.texts.reason_sentence(lang, one.to_json())}
        for one in told
    ]


def again(request: Request, template: str, error: DomainError, **context: Any) -> HTMLResponse:
    """The same form with what was typed and what is wrong with it."""
    errors = field_errors(request, error)
    return show(request, template, _UNPROCESSABLE, errors=errors, **context)


def act(
    request: Request,
    form: Form,
    context: Context,
    actor: Actor,
    work: Callable[[Session], object],
    then: str | Callable[[Any], str],
) -> Response:
    """A form's effect, once for its key, and the page to go to after the commit.

    Args:
        request: The request.
        form: Its form, with a key.
        context: For whom the transaction works.
        actor: Who acts.
        work: The use case.
        then: The path to go to, or how to make it of the use case's answer.
    """

    def once(db: Session) -> Answer:
        done = work(db)
        return Answer.to(then if isinstance(then, str) else then(done))

    return answer_once(request, context, actor=actor, work=once, key=form.key)


def act_as_person(
    request: Request, form: Form, actor: Actor, work: Callable[[Session], object], then: str
) -> Response:
    """As `act`, on the person's own rows."""
    return act(request, form, as_person(actor), actor, work, then)


def plain_problems(error: DomainError) -> list[dict[str, object]]:
    """The reasons of a refusal for `ui.reasons`."""
    return [one.to_json() for one in (error.problems or (Problem(code=error.code),))]


def rehearsal(platform: Platform) -> bool:
    """Whether this is a rehearsal that shows codes on the page."""
    return platform.settings.show_sign_in_codes
