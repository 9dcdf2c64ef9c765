"""QR codes in a photo that somebody sends (R19): the rung below the camera in the page.

Nothing of a photo is kept. What a phone calls a picture may be anything, so its size is read
before its pixels are, and a JPEG is only unpacked as far as a code needs.
"""

import io
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Final

import zxingcpp
from PIL import Image, UnidentifiedImageError

MAX_BYTES: Final = 12 * 1024 * 1024
#: A JPEG is unpacked to an eighth where that is enough; others whole, so they must be smaller.
MAX_PIXELS: Final = {"JPEG": 70_000_000, "PNG": 24_000_000, "WEBP": 24_000_000}
#: Sides in pixels, coarse first: most codes are found at once, small ones on a second look.
_LOOKS: Final = (1600, 4000)
_APPLE: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"})
_FORMATS: Final = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
_AT_ONCE: Final = BoundedSemaphore(2)
_PATIENCE_SECONDS: Final = 5.0


@dataclass
class PhotoError(Exception):
    """A photo that cannot be looked at; `code` is the sentence people get."""

    code: str


def codes_in(photo: bytes) -> tuple[str, ...]:
    """What the QR codes in a photo say, each once; empty when there is none to be read.

    Raises:
        PhotoError: It is too large, of a kind that cannot be opened, or no picture; or too many
            are being read at this moment.
    """
    if not photo:
        raise PhotoError(code="photo_missing")
    if len(photo) > MAX_BYTES:
        raise PhotoError(code="photo_too_large")
    if photo[4:8] == b"ftyp" and photo[8:12] in _APPLE:
        raise PhotoError(code="photo_heic")
    # Two at a time: a hall full of photos must not take the process from everybody else.
    if not _AT_ONCE.acquire(timeout=_PATIENCE_SECONDS):
        raise PhotoError(code="unavailable")
    try:
        for side in _LOOKS:
            found = zxingcpp.read_barcodes(_grey(photo, side), formats=_FORMATS)
            texts = tuple(dict.fromkeys(one.text for one in found if one.text))
            if texts:
                return texts
    finally:
        _AT_ONCE.release()
    return ()


def _grey(photo: bytes, side: int) -> Image.Image:
    """The picture in shades of grey, its longer side at most `side` pixels.

    Raises:
        PhotoError: It is no picture, a broken one, or one that would fill the memory.
    """
    try:
        with Image.open(io.BytesIO(photo), formats=tuple(MAX_PIXELS)) as image:
            if image.width * image.height > MAX_PIXELS[image.format or ""]:
                raise PhotoError(code="photo_too_large")
            # For a JPEG: unpack an eighth, a quarter or half of it, which is also quicker.
            image.draft("L", (side, side))
            image.thumbnail((side, side), Image.Resampling.BILINEAR)
            return image.convert("L")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PhotoError(code="photo_too_large") from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError):
        raise PhotoError(code="photo_unreadable") from None
