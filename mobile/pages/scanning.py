"""読み取り: every way to read a code, on one page (R19).

The phone's own camera app opens a poster's address by itself. This page holds the other rungs:
the camera in the page (`scan.js`; the decoder is loaded when it is needed and nowhere else), a
photo that the server reads, which works with scripts off, and the typed code. All of them end at
the doors of `mobile/pages/reception.py`.
"""

from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from core import shortcode
from core.errors import DomainError, Invalid, invalid
from mobile.pages.shell import VisitorDep, again, show
from qr import reading
from qr.codes import CodeError, Kind, ParsedCode, head_of, parse, url_with_code

router = APIRouter(include_in_schema=False)

PHOTO_PATH: Final = "/scan/photo"
#: The photo, and what a form wraps it in.
MAX_PHOTO: Final = reading.MAX_BYTES + 64 * 1024
_LONGEST_TYPED: Final = 40


def scan_page(
    request: Request,
    *,
    known: bool,
    code: str = "",
    read: bool = False,
    error: DomainError | None = None,
) -> Response:
    """The page with all rungs; `read`: the code is a venue's, from a photo, ready to be sent."""
    context: dict[str, Any] = {
        "known": known,
        "code": code,
        "read": read,
        "scan_id": uuid4(),
        "venue_head": head_of(Kind.VENUE),
    }
    if error is not None:
        return again(request, "checkin.html", error, camera=True, **context)
    return show(request, "checkin.html", camera=True, **context)


@router.get("/scan")
@router.get("/checkin")
@router.get("/v")
def code_page(
    request: Request,
    visitor: VisitorDep,
    code: Annotated[str, Query(max_length=shortcode.MAX_TEXT)] = "",
) -> Response:
    """The rungs; a typed poster's code leads to its page, for strangers too.

    A venue's code stands in the address's fragment, from where the small script takes it (C17).
    """
    if not code:
        return scan_page(request, known=visitor.person is not None)
    if shortcode.is_valid(code):
        return RedirectResponse(f"/c/{shortcode.normalise(code)}", status_code=303)
    wrong = invalid("malformed", field="code")
    return scan_page(
        request, known=visitor.person is not None, code=code[:_LONGEST_TYPED], error=wrong
    )


async def _read_photo(request: Request) -> bytes | None:
    """The file of the form; empty when there is none, None when it was too large to be read."""
    if request.scope["state"].get("body_too_large"):
        return None
    async with request.form() as form:
        sent = form.get("photo")
        return await sent.read() if isinstance(sent, UploadFile) else b""


@router.post(PHOTO_PATH)
def from_photo(
    request: Request, visitor: VisitorDep, photo: Annotated[bytes | None, Depends(_read_photo)]
) -> Response:
    """Reads the photo and forgets it. A poster's code leads to its page, a venue's to the button."""
    known = visitor.person is not None
    try:
        code = _the_code(photo)
    except Invalid as error:
        return scan_page(request, known=known, error=error)
    if shortcode.is_valid(code):
        return RedirectResponse(f"/c/{shortcode.normalise(code)}", status_code=303)
    if known:
        return scan_page(request, known=True, code=code, read=True)
    # Behind the hash no log sees it; the page keeps it through the sign-in (C17).
    return RedirectResponse(url_with_code("/v", code), status_code=303)


def _the_code(photo: bytes | None) -> str:
    """The one code of ours in a photo: a poster's, or a venue's.

    Raises:
        Invalid: There is none, more than one, another of ours, or the photo cannot be read.
    """
    if photo is None:
        raise invalid("photo_too_large", field="photo")
    try:
        texts = reading.codes_in(photo)
    except reading.PhotoError as error:
        raise invalid(error.code, field="photo") from None
    found = {code for text in texts if (code := _ours(text)) is not None}
    if len(found) > 1:
        raise invalid("photo_two_codes", field="photo")
    if found:
        return found.pop()
    if not texts:
        raise invalid("photo_no_code", field="photo")
    card = any(_parsed(text) is not None for text in texts)
    raise invalid("photo_of_card" if card else "photo_foreign", field="photo")


def _ours(text: str) -> str | None:
    """A poster's characters or a venue's code; nothing for any other text."""
    if shortcode.is_valid(text):
        return shortcode.normalise(text)
    parsed = _parsed(text)
    if parsed is None or parsed.kind is not Kind.VENUE:
        return None
    return text


def _parsed(text: str) -> ParsedCode | None:
    try:
        return parse(text)
    except CodeError:
        return None
