"""What every door shares: the platform's parts, request facts, answers given once, paging.

A door opens its transaction with `Database.transaction`, which commits when the block ends,
so an answer never leaves before its effect is on disk.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import idempotency, sealing
from core.access import Actor
from core.clock import Clock
from core.db import Context, Database
from core.errors import invalid
from core.ids import new_id, new_token
from core.limits import Limit, Limiter
from core.pages import Pages
from core.settings import Settings
from core.texts import Texts

T = TypeVar("T")

MAX_BODY = 256 * 1024
#: How many times its limit a body is read and forgotten for the sake of a kind answer.
_DRAINED = 8
SESSION_COOKIE = "fj"
#: Marks a browser over its sign-ins, so that a new one is noticed (d-11); says nothing of a person.
DEVICE_COOKIE = "fd"
SCANNER_COOKIE = "fg"
DEVICE_COOKIE_SECONDS = 400 * 24 * 3600
#: The longest absolute life of a sign-in (core.signin); the server may end it earlier.
SESSION_COOKIE_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Platform:
    """The parts a process is made of; kept on `app.state.platform`."""

    settings: Settings
    database: Database
    clock: Clock
    texts: Texts
    phone: Pages
    desk: Pages
    limiter: Limiter

    @property
    def secret(self) -> str:
        """The platform's secret, for indexes and seals."""
        return self.settings.secret_key.get_secret_value()


def platform_of(request: Request) -> Platform:
    """The platform behind a request."""
    platform: Platform = request.app.state.platform
    return platform


def address_of(request: Request) -> str:
    """The network address that asks."""
    return request.client.host if request.client else "unknown"


def limit_search(platform: Platform, actor: Actor) -> None:
    """C29: whoever searches for people does not do it all day.

    Raises:
        TooMany: `rate_limited`.
    """
    limit = Limit("search", platform.settings.limit_searches)
    platform.limiter.take(limit, actor.label, now=platform.clock.now())


PlatformDep = Annotated[Platform, Depends(platform_of)]


def cookie_name(settings: Settings) -> str:
    """The session cookie; `__Host-` where the site is https, as browsers demand Secure for it."""
    return f"__Host-{SESSION_COOKIE}" if settings.secure_cookies else SESSION_COOKIE


def _device_cookie(settings: Settings) -> str:
    return f"__Host-{DEVICE_COOKIE}" if settings.secure_cookies else DEVICE_COOKIE


def scanner_cookie(settings: Settings) -> str:
    """The cookie of a phone that is enrolled as an organiser's scanner."""
    return f"__Host-{SCANNER_COOKIE}" if settings.secure_cookies else SCANNER_COOKIE


def device_of(request: Request) -> str:
    """The mark of the browser that asks; a new one when it carries none of ours."""
    found = request.cookies.get(_device_cookie(platform_of(request).settings), "")
    return found if len(found) == len(new_token()) else new_token()


def set_session(response: Response, settings: Settings, token: str, device: str) -> None:
    """Give a browser its session and its mark: not readable by scripts, not sent from other sites.

    How long a session holds is decided by the server, which keeps it.
    """
    for name, value, seconds in (
        (cookie_name(settings), token, SESSION_COOKIE_SECONDS),
        (_device_cookie(settings), device, DEVICE_COOKIE_SECONDS),
    ):
        response.set_cookie(
            name,
            value,
            httponly=True,
            samesite="lax",
            secure=settings.secure_cookies,
            max_age=seconds,
            path="/",
        )


def clear_session(response: Response, settings: Settings) -> None:
    """Take a browser's session back."""
    response.delete_cookie(
        cookie_name(settings), httponly=True, samesite="lax", secure=settings.secure_cookies
    )


def wants_json(request: Request) -> bool:
    """Whether a page's form was sent by a machine that asks for the outcome as data."""
    return request.headers.get("accept") == "application/json"


def request_id(request: Request) -> str:
    """The id that ties log lines and audit rows to this request."""
    found: str = request.scope["state"]["request_id"]
    return found


@dataclass(frozen=True, slots=True)
class Answer:
    """What a write answers: a body for the API, or a place to go to for a page's form."""

    body: dict[str, Any] | None = None
    status: int = 200
    location: str | None = None

    @classmethod
    def of(cls, model: BaseModel, status: int = 200) -> "Answer":
        """An answer with a schema's content."""
        return cls(body=model.model_dump(mode="json"), status=status)

    @classmethod
    def to(cls, location: str) -> "Answer":
        """Go there with GET (a form's answer)."""
        return cls(status=303, location=location)

    def response(self) -> Response:
        """As an HTTP response."""
        if self.location is not None:
            return RedirectResponse(self.location, status_code=303)
        if self.body is None:
            return Response(status_code=self.status)
        return JSONResponse(self.body, status_code=self.status)


def answer_once(
    request: Request,
    context: Context,
    *,
    actor: Actor,
    work: Callable[[Session], Answer],
    key: str | None = None,
) -> Response:
    """Do a write under its idempotency key, in one transaction, and answer after the commit.

    The key is the `Idempotency-Key` header, or a form's hidden field passed as `key`.
    A refusal rolls everything back, the key with it: it had no effect, and a repeat is judged anew.

    Raises:
        Invalid: There is no key, or it is longer than 255 characters.
    """
    platform = platform_of(request)
    name = require_key(request, key)
    body_hash: str = request.scope["state"]["body_hash"]
    now = platform.clock.now()
    place = f"{actor.label} {name}"

    def once(db: Session) -> Answer:
        stored = idempotency.claim(db, actor=actor.label, key=name, request_hash=body_hash, now=now)
        if stored is not None:
            kept = json.loads(sealing.unseal(platform.secret, place, stored.body["sealed"]))
            return Answer(kept["body"], stored.status, kept["location"])
        answer = work(db)
        db.flush()
        # Sealed: an answer may hold a token that is shown once, or somebody's profile. As text,
        # so that the repeat is the same byte for byte.
        kept = json.dumps({"body": answer.body, "location": answer.location})
        idempotency.keep(
            db,
            actor=actor.label,
            key=name,
            status=answer.status,
            body={"sealed": sealing.seal(platform.secret, place, kept)},
        )
        return answer

    return platform.database.run(context, once).response()


def require_key(request: Request, key: str | None = None) -> str:
    """The idempotency key of a write, bound to its method and path.

    A door that has to do something before its one transaction asks for it first.

    Args:
        request: The request; its `Idempotency-Key` header counts unless `key` is given.
        key: A form's hidden field.

    Raises:
        Invalid: There is no key, or it is longer than 255 characters.
    """
    name = key or request.headers.get("idempotency-key")
    if not name:
        raise invalid("idempotency_key_missing", field="Idempotency-Key")
    if len(name) > idempotency.MAX_LENGTH:
        raise invalid(
            "idempotency_key",
            field="Idempotency-Key",
            needed=idempotency.MAX_LENGTH,
            found=len(name),
        )
    bound = f"{request.method} {request.url.path} {name}"
    if len(bound) > idempotency.MAX_LENGTH:
        # Cut, two keys could look like one.
        return hashlib.sha256(bound.encode()).hexdigest()
    return bound


class RequestFacts:
    """Middleware: bounds the body, remembers its hash, gives the request an id.

    Pure ASGI, because a body read twice through Starlette's request is easily lost.
    """

    def __init__(
        self,
        app: ASGIApp,
        max_body: int = MAX_BODY,
        roomy: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Keep the limits.

        Args:
            app: What comes next.
            max_body: The largest body, in bytes.
            roomy: Paths that take more, and how much; `{}` stands for one part of a path.
                A larger body is refused by the door itself, in words: it gets none of it, and
                `body_too_large` in the state.
        """
        self._app = app
        self._max_body = max_body
        self._roomy = [
            (re.compile(re.escape(path).replace(r"\{\}", "[^/]+")), size)
            for path, size in roomy.items()
        ]

    def _room(self, path: str) -> int | None:
        return next((size for one, size in self._roomy if one.fullmatch(path)), None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the whole body (bounded), then hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["request_id"] = str(new_id())
        body = b""
        if scope["method"] in {"POST", "PUT", "PATCH", "DELETE"}:
            room = self._room(scope["path"])
            read = await _bounded(receive, room or self._max_body, drain=room is not None)
            if read is None:
                return
            body, whole = read
            if not whole and room is None:
                await _too_large(send)
                return
            state["body_too_large"] = not whole
        query = scope.get("query_string", b"")
        state["body_hash"] = hashlib.sha256(query + b"\0" + body).hexdigest()
        handed = False

        async def replay() -> Message:
            nonlocal handed
            if handed or scope["method"] not in {"POST", "PUT", "PATCH", "DELETE"}:
                return await receive()
            handed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)


async def _bounded(receive: Receive, limit: int, *, drain: bool) -> tuple[bytes, bool] | None:
    """A body and whether it is whole; None when the caller hung up.

    A body over the limit is given up, or with `drain` read to its end and forgotten: a browser
    reads no answer before it has sent everything.
    """
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece = message.get("body", b"")
        size += len(piece)
        more = message.get("more_body", False)
        if size <= limit:
            pieces.append(piece)
        elif not drain or size > _DRAINED * limit:
            return b"", False
    return (b"".join(pieces), True) if size <= limit else (b"", False)


async def _too_large(send: Send) -> None:
    body = json.dumps(
        {
            "type": "about:blank",
            "title": "too_large",
            "status": 413,
            "code": "too_large",
            "needed": MAX_BODY,
        }
    ).encode()
    await send(
        {
            "type": "http.response.start",
            "status": 413,
            "headers": [(b"content-type", b"application/problem+json")],
        }
    )
    await send({"type": "http.response.body", "body": body})


def encode_cursor(*parts: str) -> str:
    """A cursor over ordering values; opaque to callers."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, length: int) -> tuple[str, ...]:
    """The ordering values of a cursor.

    Raises:
        Invalid: It was not made by `encode_cursor`.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = json.loads(base64.urlsafe_b64decode(padded))
    except ValueError as error:
        raise invalid("cursor", field="cursor") from error
    if not isinstance(parts, list) or len(parts) != length:
        raise invalid("cursor", field="cursor")
    return tuple(str(part) for part in parts)


class Items(BaseModel, Generic[T]):
    """The one shape of an answer that is a list; where more follow, a cursor leads to them."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    items: list[T]
    next_cursor: str | None = Field(
        default=None, description="Send it back as `cursor` for the next page; none on the last one"
    )
