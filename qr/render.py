"""Pictures of codes: SVG for pages and print, PNG where a picture file is asked for (R19)."""

import html
import io
from collections.abc import Iterable
from enum import IntEnum
from typing import Any

import qrcode
import zxingcpp
from qrcode.constants import ERROR_CORRECT_H, ERROR_CORRECT_L, ERROR_CORRECT_M, ERROR_CORRECT_Q
from qrcode.exceptions import DataOverflowError
from qrcode.image.pil import PilImage

from qr.typeset import one_line

# The quiet zone that the QR standard asks for, in modules.
QUIET_ZONE = 4


class Level(IntEnum):
    """How much damage a picture survives: M on screens, Q in print."""

    L = ERROR_CORRECT_L  # 7 %
    M = ERROR_CORRECT_M  # 15 %
    Q = ERROR_CORRECT_Q  # 25 %
    H = ERROR_CORRECT_H  # 30 %


def qr_svg(text: str, *, level: Level = Level.M, border: int = QUIET_ZONE, title: str) -> str:
    """The code as a stand-alone SVG; ``title`` is what a screen reader says.

    Black on a white ground of its own, so that it can be read on a dark page. There is
    neither a style nor a script nor an id in it: it may stand in a page under a strict
    content security policy, more than once. ValueError when the text is too long.
    """
    matrix = qr_matrix(text, level)
    size = len(matrix) + 2 * border
    name = escaped(title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" '
        f'role="img" aria-label="{name}" shape-rendering="crispEdges">'
        f"<title>{name}</title>"
        f'<path fill="#fff" d="M0 0h{size}v{size}H0z"/>'
        f'<path fill="#000" d="{modules_path(matrix, border)}"/>'
        "</svg>"
    )


def qr_png(
    text: str, *, level: Level = Level.M, border: int = QUIET_ZONE, box_size: int = 10
) -> bytes:
    """The code as a PNG, ``box_size`` pixels a module; ValueError when too long."""
    image = _made(text, level, border=border, box_size=box_size).make_image(image_factory=PilImage)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def qr_matrix(text: str, level: Level) -> list[list[bool]]:
    """The modules without quiet zone, True for black; ValueError when too long."""
    rows = _made(text, level).get_matrix()
    return [[bool(module) for module in row] for row in rows]


def quick_matrix(text: str, level: Level) -> list[list[bool]]:
    """As `qr_matrix`, by a writer in C++ that is a dozen times faster: for sheets of hundreds.

    ValueError when the text is too long.
    """
    try:
        code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level=level.name)
    except (RuntimeError, ValueError) as error:
        raise ValueError("The text is too long for a QR code.") from error
    # A picture of two dimensions, which its types do not tell.
    image: Any = zxingcpp.write_barcode_to_image(code, scale=1, add_quiet_zones=False)
    shades: Any = memoryview(image).tolist()
    return [[shade == 0 for shade in row] for row in shades]


def modules_path(matrix: Iterable[Iterable[bool]], offset: float = 0, scale: float = 1) -> str:
    """The black modules as one SVG path: a rectangle for each horizontal run."""
    pieces = []
    for y, row in enumerate(matrix):
        run = 0
        for x, black in enumerate([*row, False]):
            if black:
                run += 1
            elif run:
                left, top = _number(offset + (x - run) * scale), _number(offset + y * scale)
                pieces.append(f"M{left} {top}h{_number(run * scale)}v{_number(scale)}")
                pieces.append(f"h-{_number(run * scale)}z")
                run = 0
    return "".join(pieces)


def escaped(text: str) -> str:
    """The text for SVG content and attributes, whatever a person typed."""
    return html.escape(one_line(text), quote=True)


def _made(
    text: str, level: Level, *, border: int = 0, box_size: int = 1
) -> "qrcode.QRCode[PilImage]":
    code: qrcode.QRCode[PilImage] = qrcode.QRCode(
        error_correction=int(level), border=border, box_size=box_size, image_factory=PilImage
    )
    code.add_data(text)
    try:
        code.make(fit=True)
    except (DataOverflowError, ValueError) as error:
        raise ValueError("The text is too long for a QR code.") from error
    return code


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
