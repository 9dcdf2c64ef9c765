"""Photos of codes as phones send them: worn, tilted, huge, of the wrong kind, or no photo at all."""

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image, ImageDraw, ImageFilter

from qr.reading import MAX_BYTES, PhotoError, codes_in
from qr.render import Level, qr_png

POSTER = "HTTPS://FURUSATO.EXAMPLE/C/7KQ2M9XD"


def code(text: str = POSTER, *, box_size: int = 8) -> Image.Image:
    return Image.open(io.BytesIO(qr_png(text, level=Level.Q, box_size=box_size))).convert("RGB")


def photo(
    *codes: Image.Image, size: tuple[int, int] = (1600, 1200), turn: float = 7
) -> Image.Image:
    """Codes on a wall, side by side, as somebody holds a phone."""
    wall = Image.new("RGB", size, (214, 205, 190))
    ImageDraw.Draw(wall).line(
        (0, size[1] // 3, size[0], size[1] // 2), fill=(120, 100, 80), width=9
    )
    for place, one in enumerate(codes):
        turned = one.rotate(turn, expand=True, fillcolor=(214, 205, 190))
        wall.paste(turned, (size[0] // 12 + place * (size[0] // 2), size[1] // 4))
    return wall


def sent(image: Image.Image, kind: str = "JPEG", quality: int = 80) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=quality)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_r19_a_photo_of_a_poster_is_read(kind: str) -> None:
    assert codes_in(sent(photo(code()), kind)) == (POSTER,)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda image: image.filter(ImageFilter.GaussianBlur(2)),
        lambda image: image.point(lambda shade: shade // 3),
        lambda image: image.rotate(180, expand=True),
        lambda image: image.rotate(31, expand=True),
        lambda image: image.convert("L"),
    ],
    ids=["blurred", "dark", "upside-down", "tilted", "grey"],
)
def test_ordinary_faults_of_photos_do_not_matter(
    spoil: Callable[[Image.Image], Image.Image],
) -> None:
    assert codes_in(sent(spoil(photo(code(), turn=0)))) == (POSTER,)


def test_a_large_photo_is_read_and_a_small_code_on_it_on_the_second_look() -> None:
    large = photo(code(box_size=4), size=(4000, 3000))
    assert codes_in(sent(large)) == (POSTER,)


def test_each_code_is_named_once() -> None:
    assert codes_in(sent(photo(code(), code()))) == (POSTER,)
    assert set(codes_in(sent(photo(code(), code("another"))))) == {POSTER, "another"}


def test_nothing_to_read_is_no_error() -> None:
    assert codes_in(sent(photo())) == ()
    assert codes_in(sent(photo(code()).filter(ImageFilter.GaussianBlur(40)))) == ()


def png_of(width: int, height: int) -> bytes:
    """A few bytes that claim to be a picture of any size."""
    packed = zlib.compress(b"\0" * 64)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pieces = [b"\x89PNG\r\n\x1a\n"]
    for name, data in ((b"IHDR", head), (b"IDAT", packed), (b"IEND", b"")):
        sum_ = zlib.crc32(name + data)
        pieces += [struct.pack(">I", len(data)), name, data, struct.pack(">I", sum_)]
    return b"".join(pieces)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (b"", "photo_missing"),
        (b"\0" * (MAX_BYTES + 1), "photo_too_large"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "photo_heic"),
        (b"%PDF-1.7 a document", "photo_unreadable"),
        (b"GIF89a" + b"\0" * 40, "photo_unreadable"),
        (png_of(6_000, 5_000), "photo_too_large"),
        (png_of(10_000, 10_000), "photo_too_large"),
        (png_of(60_000, 60_000), "photo_too_large"),
        (png_of(300, 300), "photo_unreadable"),
        (sent(photo(code()))[:4000], "photo_unreadable"),
    ],
    ids=["nothing", "bytes", "heic", "pdf", "gif", "30mp", "100mp", "bomb", "hollow", "cut"],
)
def test_what_cannot_be_looked_at_says_why(given: bytes, why: str) -> None:
    with pytest.raises(PhotoError) as told:
        codes_in(given)
    assert told.value.code == why
