"""The one place where refusals become HTTP: problem+json for the API, a kind page for people."""

from collections.abc import Mapping
from urllib.parse import quote

import asyncpg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import DataError, DBAPIError
from starlette.exceptions import HTTPException

from admin.pages.own import ask_first
from core.db import sqlstate
from core.errors import (
    Conflict,
    DomainError,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Problem,
    Refused,
    SignInNeeded,
    TooMany,
    Unavailable,
)
from core.web import platform_of, wants_json

STATUS: Mapping[type[DomainError], int] = {
    Invalid: 422,
    SignInNeeded: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Refused: 409,
    Gone: 410,
    TooMany: 429,
    Unavailable: 503,
}
#: SQLSTATEs that mean "somebody else was faster; ask again": deadlock, serialisation, lock timeout.
BUSY = frozenset({"40001", "40P01", "55P03", "57014"})
#: Values PostgreSQL cannot hold (a NUL, a lone surrogate, a number out of range): the caller's input.
UNSTORABLE = frozenset({"22021", "22P05", "22P02", "22003", "22008", "22001"})
#: Seconds to wait where a refusal for too many tries names none.
RETRY_AFTER = 60
PROBLEM = "application/problem+json"
#: Where pages are the desk's.
DESKS = ("/staff", "/operator")


def wants_page(request: Request) -> bool:
    """Whether people's words are wanted rather than the API's."""
    if request.url.path.startswith(("/api/", "/health/", "/.well-known/")):
        return False
    # The phone's own worker sends forms that waited for network, and reads what came of them.
    return not wants_json(request)


def problem(
    request: Request, status: int, code: str, problems: list[Problem] | None = None
) -> Response:
    """The answer for a refusal, in the shape its audience reads."""
    platform = platform_of(request)
    shown = problems or [Problem(code=code)]
    if wants_page(request):
        pages = platform.desk if _audience(request) else platform.phone
        return pages.render_error(request, status, [one.to_json() for one in shown])
    language = platform.phone.language(request)
    listed = [
        one.to_json() | {"detail": platform.texts.reason_sentence(language, one.to_json())}
        for one in shown
    ]
    return JSONResponse(
        {
            "type": f"urn:furusato:problem:{code}",
            "title": code,
            "status": status,
            "code": code,
            "detail": listed[0]["detail"],
            "problems": listed,
        },
        status_code=status,
        media_type=PROBLEM,
    )


def _audience(request: Request) -> str:
    """The first step of the desk's addresses, by which its pages are told from the phone's."""
    return next((one for one in DESKS if request.url.path.startswith(one)), "")


def _asked_for(request: Request) -> str:
    """Path and query of the request, fit to be a query's value."""
    query = f"?{request.url.query}" if request.url.query else ""
    return quote(request.url.path + query, safe="/")


def install(app: FastAPI) -> None:
    """Register the mapping on an application."""

    @app.exception_handler(DomainError)
    def domain(request: Request, error: DomainError) -> Response:
        if isinstance(error, SignInNeeded) and wants_page(request) and request.method == "GET":
            again = "/again" if error.code == "fresh_sign_in_needed" else ""
            door = f"{_audience(request)}/signin{again}"
            return RedirectResponse(f"{door}?next={_asked_for(request)}", status_code=303)
        waiting = getattr(request.state, "form", None)
        if error.code == "fresh_sign_in_needed" and waiting and _audience(request):
            return ask_first(request, waiting)
        if error.code == "profile_needed" and wants_page(request) and request.method == "GET":
            return RedirectResponse(f"/welcome?next={_asked_for(request)}", status_code=303)
        status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
        answer = problem(request, status, error.code, list(error.problems))
        if isinstance(error, TooMany):
            answer.headers["Retry-After"] = str(error.facts.get("retry_after", RETRY_AFTER))
        return answer

    @app.exception_handler(RequestValidationError)
    def validation(request: Request, error: RequestValidationError) -> Response:
        found = [
            Problem(
                code="validation",
                field=".".join(str(part) for part in one["loc"] if part != "body") or "body",
                found=one["type"],
            )
            for one in error.errors()
        ]
        return problem(request, 422, "validation", found)

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        codes = {404: "not_found", 405: "method_not_allowed", 400: "malformed_request"}
        return problem(request, error.status_code, codes.get(error.status_code, "http"))

    @app.exception_handler(Exception)
    def fault(request: Request, _error: Exception) -> Response:
        # A fault of ours is logged by the server with its trace; the answer says nothing of it.
        return problem(request, 500, "unknown")

    _install_database(app)


def _install_database(app: FastAPI) -> None:
    """What the database says, in people's words: busy, not storable, or away for a moment."""

    @app.exception_handler(DBAPIError)
    def database(request: Request, error: DBAPIError) -> Response:
        state = sqlstate(error)
        if state in BUSY:
            return problem(request, 409, "busy")
        # The driver itself refuses a NUL, without a state of the server.
        unstorable = isinstance(error, DataError) or isinstance(error.orig, UnicodeError)
        if state in UNSTORABLE or unstorable or error.orig is None:
            return problem(request, 422, "validation")
        if error.connection_invalidated or _is_away(state):
            return _away(request)
        raise error

    @app.exception_handler(asyncpg.PostgresError)
    def hot_door(request: Request, error: asyncpg.PostgresError) -> Response:
        if error.sqlstate in BUSY:
            return problem(request, 409, "busy")
        if error.sqlstate in UNSTORABLE:
            return problem(request, 422, "validation")
        if _is_away(error.sqlstate):
            return _away(request)
        raise error

    @app.exception_handler(asyncpg.InterfaceError)
    @app.exception_handler(ConnectionError)
    def unreachable(request: Request, _error: Exception) -> Response:
        return _away(request)


def _is_away(state: str | None) -> bool:
    """Whether a SQLSTATE means that the server is stopping, starting or cut off."""
    return state is None or state.startswith(("57P", "08"))


def _away(request: Request) -> Response:
    answer = problem(request, 503, "database_away")
    answer.headers["Retry-After"] = "2"
    return answer
