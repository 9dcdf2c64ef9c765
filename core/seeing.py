"""How somebody wants to see pages: size of letters and readings above kanji, kept in the browser.

Cookies and plain forms, so that it works with scripts off; nothing of it is known to the registry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse

TEXT_SIZE: Final = "text_size"
READINGS: Final = "readings"
LETTERS: Final = ("", "big", "huge")
#: Nothing: readings in やさしい日本語 only.
FURIGANA: Final = ("", "on", "off")
SECONDS: Final = 365 * 24 * 60 * 60
#: A path on this site; nothing that a browser would read as another site.
LOCAL_PATH: Final = re.compile(r"/(?![/\\])[^\x00-\x1f\\]*")


@dataclass(frozen=True, slots=True)
class Seeing:
    """What a page's frame asks.

    Attributes:
        letters: One of LETTERS.
        furigana: Whether kanji get readings.
        classes: Of the whole page, for its style sheet.
        here: Where the switches come back to.
    """

    letters: str
    furigana: bool
    classes: str
    here: str


def seeing_of(request: Request, lang: str) -> Seeing:
    """As the browser remembers it; やさしい日本語 has readings unless somebody said no."""
    letters = request.cookies.get(TEXT_SIZE, "")
    letters = letters if letters in LETTERS else ""
    readings = request.cookies.get(READINGS, "")
    plain = "plain" if readings == "off" else ""
    return Seeing(
        letters=letters,
        furigana=readings == "on" or (lang == "easy" and not plain),
        classes=" ".join(one for one in (letters, plain) if one),
        here=_here(request),
    )


def seeing_response(
    letters: str | None, furigana: str | None, back_to: str, *, secure: bool
) -> RedirectResponse:
    """Keep what was chosen a year, go back to where one was; what is unknown changes nothing.

    Args:
        letters: One of LETTERS; None when it was not asked.
        furigana: One of FURIGANA; None when it was not asked.
        back_to: A path on this site; anything else leads to the start page.
        secure: Whether cookies are for HTTPS only.
    """
    path = back_to if LOCAL_PATH.fullmatch(back_to) else "/"
    response = RedirectResponse(path, status_code=303)
    for name, chosen, known in ((TEXT_SIZE, letters, LETTERS), (READINGS, furigana, FURIGANA)):
        if chosen is not None and chosen in known:
            response.set_cookie(
                name, chosen, max_age=SECONDS, httponly=True, samesite="lax", secure=secure
            )
    return response


def _here(request: Request) -> str:
    """This page; after a form that was refused, the page on which it stood."""
    asked = urlsplit(str(request.url))
    if request.method not in {"GET", "HEAD"}:
        before = urlsplit(request.headers.get("referer", ""))
        if before.netloc != asked.netloc:
            return "/"
        asked = before
    path = f"{asked.path}?{asked.query}" if asked.query else asked.path
    return path if LOCAL_PATH.fullmatch(path) else "/"
