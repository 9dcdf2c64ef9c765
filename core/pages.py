"""Pages for people: templates, the language of a request, and the headers every page carries.

A roof makes one `Pages` per audience and hands it that audience's own templates and styles; the
shared ones of `core` come first. All styles are inlined (a round trip costs seconds on a weak
line) and allowed by their hash, so cached offline pages keep working and no page needs a nonce.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from core import formats
from core.clock import JAPAN
from core.furigana import Furigana
from core.incidents import Board
from core.seeing import LOCAL_PATH, seeing_of
from core.shortcode import MEMBER, grouped
from core.texts import LANGUAGES, Texts, html_lang, language

LANGUAGE_COOKIE: Final = "lang"
_LANGUAGE_SECONDS: Final = 365 * 24 * 60 * 60
_CORE: Final = Path(__file__).resolve().parent
_SHARED_STYLES: Final = (_CORE / "static" / "tokens.css", _CORE / "static" / "shared.css")

_NOT_FOUND: Final = 404
_SERVER_ERROR: Final = 500
# The page a person gets when nothing more exact is known.
_CODE_BY_STATUS: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: "malformed",
        401: "sign_in_needed",
        403: "forbidden",
        404: "not_found",
        405: "method_not_allowed",
        409: "conflict",
        410: "gone",
        422: "validation",
        429: "rate_limited",
        503: "unavailable",
    }
)


class Pages:
    """Renders one audience's pages in the language of each request."""

    def __init__(
        self,
        texts: Texts,
        *,
        templates: Sequence[Path] = (),
        styles: Sequence[Path] = (),
        globals_: Mapping[str, object] = MappingProxyType({}),
        furigana: Furigana | None = None,
    ) -> None:
        """Load everything now, so that a missing file stops the start and not a visitor.

        Args:
            texts: the catalogues.
            templates: the audience's template folders; they win over core's.
            styles: the audience's style sheets, inlined after core's.
            globals_: more names that every template of this audience may use.
            furigana: puts readings above kanji, for an audience that may switch them on.

        Raises:
            OSError: a style sheet is missing.
        """
        self.texts = texts
        self._furigana = furigana
        self.css = compact("".join(path.read_text("utf-8") for path in (*_SHARED_STYLES, *styles)))
        self._headers = _headers(self.css)
        folders = [str(path) for path in (*templates, _CORE / "templates")]
        loader = FileSystemLoader(folders)
        self._environments = {lang: self._environment(loader, lang, globals_) for lang in LANGUAGES}

    def environment(self, lang: str) -> Environment:
        """The templates of one language (for partial answers and tests)."""
        return self._environments[language(lang)]

    def language(self, request: Request) -> str:
        """The language this person chose; never guessed from an address (frontend.md, h)."""
        return language(request.cookies.get(LANGUAGE_COOKIE))

    def render(
        self,
        request: Request,
        template: str,
        status: int = 200,
        *,
        camera: bool = False,
        **context: object,
    ) -> HTMLResponse:
        """One page, with its headers.

        Args:
            request: decides language; templates see it as `request`.
            template: name in the audience's folders.
            status: HTTP status.
            camera: this page scans codes; all others forbid the camera.
            context: what the template shows. `errors` is a list of {field, text}.
        """
        lang = self.language(request)
        page = self._environments[lang].get_template(template)
        seeing = seeing_of(request, lang)
        html = page.render(
            {
                "errors": [],
                **context,
                "seeing": seeing,
                "request": request,
                "incident": _incident(request, lang),
            }
        )
        if self._furigana and seeing.furigana:
            html = self._furigana.put(html)
        response = HTMLResponse(html, status_code=status)
        response.headers.update(self._headers)
        response.headers["Permissions-Policy"] = _permissions(camera=camera)
        response.headers["Content-Language"] = html_lang(lang)
        return response

    def render_error(
        self, request: Request, status: int, reasons: Sequence[Mapping[str, Any]] = ()
    ) -> HTMLResponse:
        """The page for a refusal or a failure: what happened and what to do next.

        Args:
            request: decides the language.
            status: HTTP status; without reasons it also chooses the sentence.
            reasons: each {code, rule, found, needed, names, action}, the most useful first.
        """
        lang = self.language(request)
        told = reasons or ({"code": _CODE_BY_STATUS.get(status, "unknown")},)
        sentences = [self.texts.reason_sentence(lang, reason) for reason in told]
        advice = [self.texts.action_sentence(lang, reason) for reason in told]
        return self.render(
            request,
            "error.html",
            status,
            failed=status >= _SERVER_ERROR,
            missing=status == _NOT_FOUND,
            sentences=list(dict.fromkeys(sentences)),
            advice=[text for text in dict.fromkeys(advice) if text],
        )

    def _environment(
        self, loader: FileSystemLoader, lang: str, more: Mapping[str, object]
    ) -> Environment:
        env = Environment(
            loader=loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        env.filters.update(_filters(self.texts, lang))
        env.globals.update(
            _=self.texts.translator(lang),
            lang=lang,
            html_lang=html_lang(lang),
            css=Markup(self.css),  # noqa: S704 (our own style sheets, read from the package)
            mark=Markup(_mark()),  # noqa: S704 (our own drawing)
            static=static_url,
            vendored=vendored,
            **more,
        )
        # Macros are a global, so that partial files and blocks see them without an import.
        env.globals["ui"] = env.get_template("macros.html").module
        return env


def _incident(request: Request, lang: str) -> Mapping[str, object] | None:
    """The disturbance that this process knows of, for the head of a page."""
    app = request.scope.get("app")
    board: Board | None = getattr(app.state, "incidents", None) if app else None
    told = board.shown() if board else None
    return None if told is None else {"text": told.text(lang), "ends_at": told.ends_at}


def _filters(texts: Texts, lang: str) -> dict[str, Any]:
    def reason(value: Mapping[str, Any]) -> str:
        return texts.reason_sentence(lang, value)

    def advice(value: Mapping[str, Any]) -> str:
        return texts.action_sentence(lang, value)

    return {
        "day": partial(_in, formats.day, lang),
        "clock_time": partial(_in, formats.clock_time, lang),
        "moment": partial(_in, formats.moment, lang),
        "era_day": formats.era_day,
        "number": formats.number,
        "member_number": _member_number,
        "listing": partial(_in, formats.listing, lang),
        "span": lambda start, end: formats.span(start, end, lang),
        "iso": _iso,
        "japan_date": formats.japan_date,
        "error_for": error_for,
        "reason": reason,
        "advice": advice,
    }


def _member_number(code: str) -> str:
    """In groups that stay on one line."""
    return grouped(code, MEMBER).replace(" ", "\u00a0")


def _in(function: Any, lang: str, value: object, **options: object) -> str:
    return cast("str", function(value, lang, **options))


def _iso(value: date) -> str:
    """For `<time datetime>`: an instant in Japan time with its offset, or a day."""
    if isinstance(value, datetime):
        return value.astimezone(JAPAN).isoformat(timespec="minutes")
    return value.isoformat()


def error_for(errors: Sequence[Mapping[str, str]], field: str) -> str:
    """The first error sentence of a field, or an empty text."""
    return next((error["text"] for error in errors if error.get("field") == field), "")


def compact(css: str) -> str:
    """A style sheet without comments and spare blanks."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    css = re.sub(r"\s+", " ", css)
    css = re.sub(r"\s*([{};,>])\s*", r"\1", css)
    css = re.sub(r":\s+", ":", css)
    return css.replace(";}", "}").strip()


def style_hash(css: str) -> str:
    """The Content-Security-Policy source of exactly this inline style sheet."""
    return f"'sha256-{b64encode(hashlib.sha256(css.encode()).digest()).decode()}'"


def _headers(css: str) -> dict[str, str]:
    policy = (
        "default-src 'self'",
        "script-src 'self'",
        f"style-src 'self' {style_hash(css)}",
        "img-src 'self' data:",
        "worker-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "object-src 'none'",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "X-Content-Type-Options": "nosniff",
        # Nothing goes to other sites; to our own, since with "no-referrer" a form is sent with
        # "Origin: null", and old browsers say nothing else of where it comes from.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Vary": "Cookie",
    }


def _permissions(*, camera: bool) -> str:
    allowed = "camera=(self)" if camera else "camera=()"
    return f"{allowed}, geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"


def _mark() -> str:
    """The product's mark as inline SVG; its title is said by the name beside it."""
    svg = (_CORE / "static" / "mark.svg").read_text("utf-8")
    return svg.replace(
        "<svg ", '<svg class="mark" aria-hidden="true" focusable="false" ', 1
    ).strip()


# --- languages and static files -----------------------------------------------------------------


def language_response(chosen: str, back_to: str) -> RedirectResponse:
    """The answer to the language switch: keep the choice a year, go back to where one was.

    Args:
        chosen: short language name; anything unknown means Japanese.
        back_to: a path on this site; anything else leads to the start page.
    """
    path = back_to if LOCAL_PATH.fullmatch(back_to) else "/"
    response = RedirectResponse(path, status_code=303)
    response.set_cookie(
        LANGUAGE_COOKIE, language(chosen), max_age=_LANGUAGE_SECONDS, httponly=True, samesite="lax"
    )
    return response


def static_url(name: str) -> str:
    """Where a shared picture is served; mount `static_files` at /static."""
    return f"/static/{name}"


def vendored(name: str) -> str | None:
    """Where a file that others wrote is served; None when the package was built without it."""
    return static_url(f"vendor/{name}") if vendor_file(name).is_file() else None


def vendor_file(name: str) -> Path:
    """Where such a file lies when it is there."""
    return _CORE / "static" / "vendor" / name


@cache
def _small() -> Mapping[str, tuple[Path, str]]:
    """The small forms of our own scripts, by name, each with the sum of what it was made of."""
    folder = _CORE / "static" / "vendor"
    try:
        made = json.loads((folder / "manifest.json").read_text("utf-8"))["own"]
    except (OSError, ValueError, KeyError):
        return {}
    return {name: (folder / "own" / name, made_of) for name, made_of in made.items()}


def as_served(script: Path) -> Path:
    """What a browser gets of a script of ours: its small form while that was made of this text."""
    small, made_of = _small().get(script.name, (script, ""))
    if made_of != hashlib.sha256(script.read_bytes()).hexdigest() or not small.is_file():
        return script
    return small


class _Kept(StaticFiles):
    """Static files that phones may keep for a day and then ask about by their tag."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Our own scripts are served small."""
        full, found = super().lookup_path(path)
        if found is not None and full.endswith(".js"):
            small = as_served(Path(full))
            return str(small), small.stat()
        return full, found

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "public, max-age=86400"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def static_files(*packages: str) -> StaticFiles:
    """The static folders of `core` and of the named rooms, as one application."""
    return _Kept(packages=[(name, "static") for name in ("core", *packages)])
