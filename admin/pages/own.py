"""One's own keys and sign-ins at the desk, and proving once more who one is (trust d-11)."""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from admin.desk import DONE, TOLD_IN_PLACE, Done, Problems, problems_of, status_of
from admin.forms import Form, FormDep
from admin.pages.signin import BINDING_COOKIE, Next, back, home_of, keep_binding, kind_of
from admin.pages.signin import status_of_code as status_of_signin
from core import passkey_list, signin
from core.access import Actor, ActorKind
from core.browsers import browser_of
from core.errors import Forbidden, Refused, SignInNeeded, TooMany, Unavailable
from core.ids import new_id
from core.passkey_challenges import available
from core.signin import SignedIn
from core.web import Answer, answer_once, clear_session, device_of, platform_of, set_session
from registry.api_passkeys import at_the_gate
from registry.doors import GATE, AnyActor, BookDep, operator_actor
from registry.fresh_doors import must_verify, prove_on_duty
from registry.signing_in import prove_code, send_code

#: Name and value of each field that waits for the proof, and where they are sent.
Kept = Sequence[tuple[str, str]]


def own_desk(actor: AnyActor) -> Actor:
    """A member of staff, wherever they work."""
    if actor.kind is ActorKind.ANONYMOUS:
        raise SignInNeeded(code="sign_in_needed")
    if actor.kind is not ActorKind.STAFF:
        raise Forbidden(code="forbidden")
    return actor


staff_router = APIRouter(include_in_schema=False, dependencies=[Depends(own_desk)])
operator_router = APIRouter(include_in_schema=False, dependencies=[Depends(operator_actor)])


def _show(
    request: Request, *, errors: Problems = (), status: int = 200, done: str = ""
) -> Response:
    platform, kind = platform_of(request), kind_of(request)
    found: SignedIn = request.state.signed_in
    with platform.database.transaction(GATE) as db:
        keys = passkey_list.passkeys_of(db, found.account_id)
        sessions = signin.living_sessions(db, found, now=platform.clock.now())
    say = platform.texts.translator(platform.desk.language(request))
    idle, absolute = signin.LIVES[kind]
    return platform.desk.render(
        request,
        "own.html",
        status,
        kind=kind,
        own=f"{home_of(kind)}/me",
        home_href=home_of(kind),
        sign_out_href=f"{home_of(kind)}/signout",
        errors=list(errors),
        done=say(DONE[done]) if done in DONE else "",
        keys=keys,
        most=passkey_list.MOST,
        longest_name=passkey_list.MAX_NAME,
        sessions=[(one, browser_of(one.user_agent)) for one in sessions],
        current=found.session_id,
        passkeys=available(platform.settings),
        idle_minutes=int(idle.total_seconds() // 60),
        whole_hours=int(absolute.total_seconds() // 3600),
        new_key=new_id,
    )


@staff_router.get("/staff/me")
@operator_router.get("/operator/me")
def show_own(request: Request, done: Done = "") -> Response:
    """One's passkeys, and where one is signed in."""
    return _show(request, done=done)


def _act(request: Request, actor: Actor, form: Form, work: Any, done: str) -> Response:
    def once(db: Session) -> Answer:
        work(db)
        return Answer.to(f"{home_of(kind_of(request))}/me?done={done}")

    try:
        return answer_once(request, at_the_gate(actor), actor=actor, work=once, key=form.key)
    except TOLD_IN_PLACE as error:
        return _show(request, errors=problems_of(request, error), status=status_of(error))


@staff_router.post("/staff/me/keys/{passkey_id}/name")
@operator_router.post("/operator/me/keys/{passkey_id}/name")
def rename(request: Request, passkey_id: UUID, form: FormDep, actor: AnyActor) -> Response:
    """Call a key something one knows it by."""
    now = platform_of(request).clock.now()

    def work(db: Session) -> None:
        passkey_list.rename(db, actor=actor, passkey_id=passkey_id, name=form.one("name"), now=now)

    return _act(request, actor, form, work, "key_renamed")


@staff_router.post("/staff/me/keys/{passkey_id}/remove")
@operator_router.post("/operator/me/keys/{passkey_id}/remove")
def remove(request: Request, passkey_id: UUID, form: FormDep, actor: AnyActor) -> Response:
    """Forget a key; the mailed code stays. Whoever only has the mailbox takes no key away."""
    platform = platform_of(request)
    now = platform.clock.now()
    prove_on_duty(platform, actor, now=now)

    def work(db: Session) -> None:
        passkey_list.remove(db, actor=actor, passkey_id=passkey_id, now=now)

    return _act(request, actor, form, work, "key_removed")


@staff_router.post("/staff/me/sign-ins/{sign_in_id}/end")
@operator_router.post("/operator/me/sign-ins/{sign_in_id}/end")
def end_one(request: Request, sign_in_id: UUID, form: FormDep, actor: AnyActor) -> Response:
    """End one of one's sign-ins; the server knows it no more from the next request on."""
    now = platform_of(request).clock.now()

    def work(db: Session) -> None:
        signin.end_other(db, request.state.signed_in, sign_in_id, now=now)

    return _act(request, actor, form, work, "sign_in_ended")


@staff_router.post("/staff/me/sign-ins/end")
@operator_router.post("/operator/me/sign-ins/end")
def end_all(request: Request) -> Response:
    """End every sign-in, this one too."""
    platform, found = platform_of(request), request.state.signed_in
    with platform.database.transaction(GATE) as db:
        signin.end_all_sessions(db, found.account_id, now=platform.clock.now())
    response = RedirectResponse(f"{home_of(kind_of(request))}/signin", status_code=303)
    clear_session(response, platform.settings)
    return response


# --- proving oneself again ------------------------------------------------------------------------


def _again(
    request: Request,
    step: str,
    *,
    action: str,
    kept: Kept = (),
    errors: Problems = (),
    status: int = 200,
    shown_code: str | None = None,
) -> Response:
    """A page of the proof. What was typed waits in it: nothing of it is stored here."""
    platform, kind = platform_of(request), kind_of(request)
    found: SignedIn = request.state.signed_in
    with platform.database.transaction(GATE) as db:
        has_key = passkey_list.can_prove(db, found.account_id)
    return platform.desk.render(
        request,
        "signin_again.html",
        status,
        kind=kind,
        step=step,
        door=f"{home_of(kind)}/signin/again",
        home_href=home_of(kind),
        sign_out_href=f"{home_of(kind)}/signout",
        errors=list(errors),
        has_key=has_key,
        email=found.email,
        action=back(kind, action),
        kept=kept,
        kept_json=json.dumps(list(kept), ensure_ascii=False) if kept else "",
        shown_code=shown_code,
    )


def ask_first(request: Request, form: Form) -> Response:
    """Instead of doing what a form asks: prove who you are, then it is sent as it was typed.

    It carries its own key, so it is done once however often it is sent.
    """
    kept = [(name, value) for name, value in form.data.multi_items() if isinstance(value, str)]
    return _again(request, "ask", action=request.url.path, kept=kept, status=401)


def _kept(form: Form) -> Kept:
    """The fields that wait; none when they were damaged on the way."""
    raw = form.data.get("kept")
    with suppress(ValueError, TypeError):
        pairs = json.loads(raw) if isinstance(raw, str) and raw else []
        return [(str(name), str(value)) for name, value in pairs]
    return ()


@staff_router.get("/staff/signin/again")
@operator_router.get("/operator/signin/again")
def ask_again(request: Request, wanted: Next = "") -> Response:
    """With a passkey, or with a new code where one has none."""
    return _again(request, "ask", action=wanted)


@staff_router.post("/staff/signin/again")
@operator_router.post("/operator/signin/again")
def send_again(request: Request, form: FormDep) -> Response:
    """Mail a code to one's own address."""
    platform, found = platform_of(request), request.state.signed_in
    waiting: dict[str, Any] = {"action": form.one("next"), "kept": _kept(form)}
    try:
        issued = send_code(
            platform,
            kind=found.kind,
            email=found.email or "",
            address=request.client.host if request.client else "unknown",
            language=platform.desk.language(request),
            now=platform.clock.now(),
        )
    except (*TOLD_IN_PLACE, TooMany, Unavailable) as error:
        problems, status = problems_of(request, error), status_of_signin(error)
        return _again(request, "ask", errors=problems, status=status, **waiting)
    shown = issued.code if platform.settings.show_sign_in_codes else None
    response = _again(request, "code", shown_code=shown, **waiting)
    keep_binding(response, platform, issued)
    return response


@staff_router.post("/staff/signin/again/code")
@operator_router.post("/operator/signin/again/code")
def prove_again(request: Request, form: FormDep, actor: AnyActor, book: BookDep) -> Response:
    """The code opens a new sign-in in the place of this one; what waited can be sent."""
    platform, device = platform_of(request), device_of(request)
    now, before = platform.clock.now(), request.state.signed_in
    waiting: dict[str, Any] = {"action": form.one("next"), "kept": _kept(form)}
    try:
        if must_verify(platform, actor):
            # A mailbox is no proof of who holds the key.
            raise Refused(code="passkey_needed")
        token, found = prove_code(
            platform,
            code=form.one("code"),
            binding=request.cookies.get(BINDING_COOKIE, ""),
            transport="cookie",
            user_agent=request.headers.get("user-agent", ""),
            device=device,
            now=now,
            book=book,
        )
    except TOLD_IN_PLACE as error:
        problems, status = problems_of(request, error), status_of(error)
        return _again(request, "code", errors=problems, status=status, **waiting)
    with platform.database.transaction(GATE) as db:
        # Another account's code proves nothing here, and opens nothing either.
        same = found.account_id == before.account_id
        signin.end_session(db, before.token_hash if same else found.token_hash, now=now)
    if not same:
        raise Forbidden(code="forbidden")
    response: Response = (
        _again(request, "send", **waiting)
        if waiting["kept"]
        else RedirectResponse(back(found.kind, waiting["action"]), status_code=303)
    )
    set_session(response, platform.settings, token, device)
    response.delete_cookie(BINDING_COOKIE)
    return response


def passkey_offered(request: Request) -> bool:
    """Whether to offer a passkey: signed in by a code, has none, and it can be kept here."""
    platform, found = platform_of(request), getattr(request.state, "signed_in", None)
    if found is None or found.method != "code" or not available(platform.settings):
        return False
    with platform.database.transaction(GATE) as db:
        return not passkey_list.has_passkey(db, found.account_id)
