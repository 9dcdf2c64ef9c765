"""Without network: what a phone's worker keeps, and what it needs to know (R19, C18–C26, P02).

The worker itself is `mobile/static/sw.js`. It keeps the card, the next activities and the pages of
the check-in for three days, and check-ins until they are sent.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from core import sealing
from core.access import ActorKind
from core.clock import japan_day
from core.pages import as_served, vendor_file, vendored
from core.web import PlatformDep
from mobile.pages.home import MOST_NEXT, next_ones
from mobile.pages.shell import VisitorDep, show, visitor, who_tag
from registry.doors import BookDep, as_person
from registry.overview import held_by

router = APIRouter(include_in_schema=False)

_STATIC: Final = Path(__file__).resolve().parents[1] / "static"
#: What the kept pages load; the worker itself is fetched by the browser.
ASSETS: Final = (
    "card.js",
    "clock.js",
    "code.js",
    "counter.js",
    "fj.js",
    "keys.js",
    "phone.js",
    "pushed.js",
    "qr.js",
    "reader.js",
    "roster.js",
    "scan.js",
    "store.js",
    "manifest.webmanifest",
)
#: Reads codes for browsers that cannot; the package may have been built without it.
DECODER: Final = "qr-decoder.js"
_SHARED: Final = ("hills.svg", "icon-192.png", "mark.svg")
#: Cards that are kept: those of the towns one was last in touch with.
_CARDS: Final = 5


@router.get("/sw.js")
def worker() -> Response:
    """The worker, at the root so that all pages are in its reach. It may load from here only."""
    return Response(
        _worker(),
        media_type="text/javascript",
        headers={
            "Cache-Control": "no-cache",
            "Content-Security-Policy": "default-src 'self'",
        },
    )


@cache
def _worker() -> str:
    """A changed file makes another version, and with it new caches."""
    styles = sorted(f"pages/{path.name}" for path in (_STATIC / "pages").glob("*.css"))
    names = (*ASSETS, *styles)
    files = [as_served(_STATIC / name) for name in ("sw.js", *names)]
    address = vendored(DECODER)
    decoder = [] if address is None else [address]
    files += [vendor_file(DECODER)] if decoder else []
    version = hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:12]
    assets = [f"/static/{name}" for name in (*names, *_SHARED)]
    text = files[0].read_text("utf-8")
    return f'const VERSION = "{version}";\nconst ASSETS = {assets};\nconst DECODER = {decoder};\n{text}'


@router.get("/phone")
def state(request: Request, visit: VisitorDep, platform: PlatformDep, book: BookDep) -> Response:
    """The true time in milliseconds (C26), and for somebody signed in what their phone keeps.

    `seal` is the key under which their unsent check-ins lie in this phone: whoever signs in next
    can neither read nor send them (F24).
    """
    now = platform.clock.now()
    told: dict[str, Any] = {
        "now": round(now.timestamp() * 1000),
        "who": who_tag(platform, visit.actor),
        "lang": platform.phone.language(request),
        "seal": None,
        "pages": [],
        "cards": [],
    }
    if visit.actor.kind is ActorKind.PERSON and visit.person is not None:
        with platform.database.transaction(as_person(visit.actor)) as db:
            held = held_by(db, person_id=visit.actor.person_id, today=japan_day(now), book=book)
            planned = next_ones(db, visit.actor, now)[:MOST_NEXT]
        living = sorted(
            (one.row for one in held if one.row.status == "active"),
            key=lambda row: row.last_access_on,
            reverse=True,
        )
        told["seal"] = sealing.index(platform.secret, "phone-seal", str(visit.actor.person_id))
        told["cards"] = [row.lg_code for row in living[:_CARDS]]
        told["pages"] = [
            "/",
            *(["/card"] if len(living) != 1 else []),
            *(f"/card/{code}" for code in told["cards"]),
            *(f"/activities/{one.activity.lg_code}/{one.activity.id}" for one in planned),
        ]
    return JSONResponse(told)


@router.get("/queued", dependencies=[Depends(visitor)])
def queued(request: Request) -> Response:
    """Check-ins that wait in this phone, each with its reason."""
    return show(request, "queued.html")


@router.get("/not-kept", dependencies=[Depends(visitor)])
def not_kept(request: Request) -> Response:
    """There was no network and no room: what to do at the venue."""
    return show(request, "not_kept.html")


@router.get("/offline", dependencies=[Depends(visitor)])
def offline(request: Request) -> Response:
    """What works without network, for a page that does not."""
    return show(request, "offline.html")
