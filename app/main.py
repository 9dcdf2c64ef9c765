"""Puts the rooms together into one web application."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from activities import uploads
from activities.evidence import SqlEvidence
from activities.hot import HotDoor
from activities.presence import PolicyCache, Presence
from activities.rates import DeviceRates
from app import errors, health, openapi, routes
from app.headers import SafeHeaders
from app.squeeze import Squeezed
from core import sealing, sheets
from core.clock import Clock, clock_for
from core.db import Database
from core.furigana import Furigana
from core.incidents import Board
from core.limits import Limiter
from core.pages import Pages, static_files
from core.settings import Settings, refuse_unsafe
from core.texts import all_words
from core.web import Platform, RequestFacts, cookie_name, scanner_cookie
from mobile.pages import scanning
from qr.store import KeyStore
from registry.loading import local_governments
from registry.policybook import POLICY_DIR, numbers

ROOT = Path(__file__).resolve().parent.parent
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


#: Doors that take files, and how large.
ROOMY = {
    scanning.PHOTO_PATH: scanning.MAX_PHOTO,
    "/staff/{}/imports": sheets.MAX_BYTES,
    "/staff/{}/calendars": sheets.MAX_BYTES,
    "/staff/{}/sessions/{}/device-file": uploads.MAX_FILE,
}


def create_app(
    settings: Settings, *, database: Database | None = None, clock: Clock | None = None
) -> FastAPI:
    """The web application.

    Args:
        settings: Of this process.
        database: A database to use instead of the settings' own (tests).
        clock: A clock to use instead of the settings' own (tests).
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if database is not None:
            yield
            return
        opened: Database = app.state.platform.database
        opened.check_safe()
        app.state.hot = HotDoor(opened, app.state.presence)
        await app.state.hot.start()
        looking = asyncio.create_task(app.state.incidents.keep_looking(opened))
        # What lives as long as the process is not looked through again and again: each time
        # everybody at a gate would wait for a fifth of a second.
        gc.collect()
        gc.freeze()
        yield
        looking.cancel()
        await app.state.hot.close()
        opened.dispose()

    app = FastAPI(
        title="ふるさと住民登録 API",
        version="1",
        summary="Relationship-population registration: people, activities, presence, premium.",
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    equip(app, settings, database=database, clock=clock)
    errors.install(app)
    app.add_middleware(SameOriginWrites)
    app.add_middleware(RequestFacts, roomy=ROOMY)
    app.add_middleware(Squeezed, session_cookie=cookie_name(settings))
    app.add_middleware(SafeHeaders, https=settings.secure_cookies)
    app.include_router(health.router)
    routes.include_all(app)
    openapi.install(app)
    app.mount("/static", static_files("mobile", "admin"), name="static")
    return app


def equip(
    app: FastAPI,
    settings: Settings,
    *,
    database: Database | None = None,
    clock: Clock | None = None,
) -> None:
    """Give an application its parts; all that differs between two of them.

    Args:
        app: The application; the parts it had are forgotten.
        settings: Of this process.
        database: A database to use instead of the settings' own (tests).
        clock: A clock to use instead of the settings' own (tests).
    """
    refuse_unsafe(settings)
    platform = Platform(
        settings=settings,
        database=database or Database(settings),
        clock=clock or clock_for(settings.clock_file),
        texts=all_words(),
        phone=_pages("mobile"),
        desk=_pages("admin"),
        limiter=Limiter(settings.redis_url, sealing.digest(settings.database_url)[:12]),
    )
    book = numbers(settings.policy_dir or POLICY_DIR)
    app.state.platform = platform
    app.state.policy_book = book
    app.state.evidence = SqlEvidence()
    app.state.incidents = Board(platform.clock)
    app.state.presence = Presence(KeyStore(platform.secret), PolicyCache(book))
    app.state.rates = DeviceRates.of(settings, platform.limiter)
    # Opened with the process; a caller's own database (tests) is worked by threads.
    app.state.hot = None


# Pages come with the package and never change while it runs: a process that makes several
# applications (the tests) reads them once.


@cache
def _readings() -> Furigana:
    rows = list(local_governments())
    kana = {row["prefecture"]: row["kana"] for row in rows if row["kind"] == "prefecture"}
    return Furigana(
        (row["name"], row["kana"], before, kana.get(before, ""))
        for row in rows
        for before in ("" if row["kind"] == "prefecture" else row["prefecture"],)
    )


@cache
def _pages(room: str) -> Pages:
    folder = ROOT / room
    return Pages(
        all_words(),
        templates=[folder / "templates"],
        styles=sorted((folder / "static").glob("*.css")),
        furigana=_readings() if room == "mobile" else None,
    )


class SameOriginWrites:
    """Refuses a write that another site makes with the visitor's cookie (CSRF).

    Browsers say where a request comes from; a write with our cookie must say it is from here,
    and no write may say it is from elsewhere.
    Bearer tokens are not sent by browsers on their own and pass. Pure ASGI: it stands before
    every check-in and must cost next to nothing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at the request's headers, then hand it on or refuse it."""
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            request = Request(scope)
            platform: Platform = request.app.state.platform
            settings = platform.settings
            ours = (cookie_name(settings), scanner_cookie(settings))
            carries = any(name in request.cookies for name in ours)
            bearer = request.headers.get("authorization", "").lower().startswith("bearer ")
            here = _from_here(request)
            # Without a cookie, too, nobody is signed in from elsewhere, as somebody else.
            if not bearer and (here is False or (carries and here is None)):
                answer = errors.problem(request, 403, "cross_site")
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _from_here(request: Request) -> bool | None:
    """Whether a browser says that one of our own pages asks; None when nothing is said."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return None if origin is None else urlsplit(origin).netloc == request.headers.get("host")


def app_from_env() -> FastAPI:
    """The application with settings from the environment (`uvicorn --factory`)."""
    return create_app(Settings())
