"""設定: language, readings of place names, size of the letters; kept in this browser."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.seeing import READINGS, TEXT_SIZE, seeing_response
from core.texts import N_
from core.web import PlatformDep
from mobile.pages.shell import FormDep, VisitorDep, show

router = APIRouter(include_in_schema=False)

SIZES: Final = (("", N_("ふつう")), ("big", N_("大きく")), ("huge", N_("もっと大きく")))
KANA: Final = (
    ("", N_("やさしい日本語のときだけ")),
    ("on", N_("ふりがなをつける")),
    ("off", N_("ふりがなを出さない")),
)


@router.get("/settings")
def settings(request: Request, who: VisitorDep) -> Response:
    """What can be chosen, and what is chosen now; without an account as well."""
    return show(
        request,
        "settings.html",
        sizes=SIZES,
        kana=KANA,
        size=request.cookies.get(TEXT_SIZE, ""),
        readings=request.cookies.get(READINGS, ""),
        known=who.person is not None,
    )


@router.post("/settings")
def choose(form: FormDep, platform: PlatformDep) -> Response:
    """Keep what was chosen for a year; anything unknown is the usual."""
    return seeing_response(
        form.sent("text_size"),
        form.sent("readings"),
        form.one("next") or "/settings",
        secure=platform.settings.secure_cookies,
    )
