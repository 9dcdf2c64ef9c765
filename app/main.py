"""Puts the rooms together into one web application."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response

from activities.evidence import SqlEvidence
from activities.hot import HotDoor
from activities.presence import PolicyCache, Presence
from app import errors, health, routes
from core.clock import Clock, clock_for
from core.db import Database
from core.pages import Pages, static_files
from core.settings import Settings, refuse_unsafe
from core.texts import Texts
from core.web import Platform, RequestFacts, cookie_name
from qr.store import KeyStore
from registry.policybook import POLICY_DIR, load_policy

ROOT = Path(__file__).resolve().parent.parent
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def create_app(
    settings: Settings, *, database: Database | None = None, clock: Clock | None = None
) -> FastAPI:
    """The web application.

    Args:
        settings: Of this process.
        database: A database to use instead of the settings' own (tests).
        clock: A clock to use instead of the settings' own (tests).
    """
    refuse_unsafe(settings)
    texts = Texts.load()
    platform = Platform(
        settings=settings,
        database=database or Database(settings),
        clock=clock or clock_for(settings.clock_file),
        texts=texts,
        phone=_pages(texts, "mobile"),
        desk=_pages(texts, "admin"),
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if database is not None:
            yield
            return
        platform.database.check_safe()
        app.state.hot = HotDoor(platform.database, app.state.presence)
        await app.state.hot.start()
        yield
        await app.state.hot.close()
        platform.database.dispose()

    app = FastAPI(
        title="ふるさと住民登録 API",
        version="1",
        summary="Relationship-population registration: people, activities, presence, premium.",
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.platform = platform
    book = load_policy(settings.policy_dir or POLICY_DIR)
    app.state.policy_book = book
    app.state.evidence = SqlEvidence()
    app.state.presence = Presence(KeyStore(platform.secret), PolicyCache(book))
    # Opened with the process; a caller's own database (tests) is worked by threads.
    app.state.hot = None
    errors.install(app)
    app.middleware("http")(_same_origin_writes)
    app.add_middleware(RequestFacts)
    app.include_router(health.router)
    routes.include_all(app)
    app.mount("/static", static_files("mobile", "admin"), name="static")
    return app


def _pages(texts: Texts, room: str) -> Pages:
    folder = ROOT / room
    return Pages(
        texts,
        templates=[folder / "templates"],
        styles=sorted((folder / "static").glob("*.css")),
    )


async def _same_origin_writes(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Refuse a write that another site makes with the visitor's cookie (CSRF).

    Browsers say where a request comes from; a write with our cookie must say it is from here.
    Bearer tokens are not sent by browsers on their own and pass.
    """
    platform: Platform = request.app.state.platform
    carries = cookie_name(platform.settings) in request.cookies
    bearer = request.headers.get("authorization", "").lower().startswith("bearer ")
    if request.method not in SAFE_METHODS and carries and not bearer and not _from_here(request):
        return errors.problem(request, 403, "cross_site")
    return await call_next(request)


def _from_here(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")


def app_from_env() -> FastAPI:
    """The application with settings from the environment (`uvicorn --factory`)."""
    return create_app(Settings())  # type: ignore[call-arg] # pydantic-settings fills it in
