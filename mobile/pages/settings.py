"""設定: language, readings of place names, size of the letters; kept in this browser."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from core.texts import N_
from core.web import PlatformDep
from mobile.pages.shell import READINGS, TEXT_SIZE, FormDep, VisitorDep, show

router = APIRouter(include_in_schema=False)

_YEAR: Final = 365 * 24 * 60 * 60
SIZES: Final = (("", N_("ふつう")), ("big", N_("大きく")), ("huge", N_("もっと大きく")))
KANA: Final = (("", N_("ふりがなを出す")), ("off", N_("ふりがなを出さない")))


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
    response = RedirectResponse("/settings", status_code=303)
    for name, choices in ((TEXT_SIZE, SIZES), (READINGS, KANA)):
        chosen = form.one(name)
        if chosen not in dict(choices):
            continue
        response.set_cookie(
            name,
            chosen,
            max_age=_YEAR,
            httponly=True,
            samesite="lax",
            secure=platform.settings.secure_cookies,
        )
    return response
