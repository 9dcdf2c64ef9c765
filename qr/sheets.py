"""Sheets to print: the poster for the notice board, the card for the wallet (R19, R22).

The poster's code is copyable by design, hence its third step: an organiser looks (R19).
The card prints no validity date, as a renewal or the law may move it (C14).
"""

from collections.abc import Callable
from dataclasses import dataclass

from core.shortcode import MEMBER, POSTER, grouped
from qr import drawing
from qr.drawing import FOREST, GREY, INK, PAPER, SKY
from qr.render import Level, qr_matrix
from qr.typeset import text_width, wrap, wrap_or_cut

A4_WIDTH, A4_HEIGHT = 210, 297
CARD_WIDTH, CARD_HEIGHT = 85.6, 53.98
LEFT, RIGHT = 16, 194
# Between the picture and the code there is room for the title and the rows.
UPPER, LOWER = 82, 167
CODE_SIDE = 88
# Title size, size of the rows, lines a row's value may take: tried in this order.
SIZES = ((17, 6.6, 2), (15, 6.6, 2), (13, 6.2, 2), (11, 5.6, 2), (9.5, 5, 2), (8, 4.8, 1))
MAX_SESSIONS = 4


@dataclass(frozen=True, slots=True)
class PosterWords:
    """What a poster says besides its facts; Japanese unless another language is handed in."""

    kind: str = "担い手活動"
    when: str = "日時"
    where: str = "場所"
    more: str = "ほか、全{count}回"
    host: str = "主催"
    heading: str = "参加の受付はこちら"
    steps: tuple[str, str, str] = (
        "携帯電話のカメラで、左の四角いコードを写す",
        "画面の「参加を受付する」を押す",
        "受付の係に画面を見せる",
    )
    typed: str = "コードを読めないときは、この番号を入力"
    without_phone: str = "携帯電話がなくても参加できます。受付の係に声をかけてください。"
    scheme: str = "ふるさと住民登録"
    alt: str = "参加受付のポスター"


@dataclass(frozen=True, slots=True)
class Poster:
    """The facts of a poster. ``when`` has one entry a session; ``code`` is a poster code."""

    town: str
    activity: str
    when: tuple[str, ...]
    where: str
    host: str
    base_url: str
    code: str


@dataclass(frozen=True, slots=True)
class CardWords:
    """What a card says besides its facts."""

    heading: str = "ふるさと住民登録証"
    number: str = "登録番号"
    note: str = "受付で、お名前とあわせて確認します。"
    alt: str = "ふるさと住民登録証"


@dataclass(frozen=True, slots=True)
class Card:
    """The facts of a card. ``signed_code`` is the text of :func:`qr.codes.sign_card`.

    ``premium`` decides the look only; ``tier`` is what people read. ``name`` is printed
    where the person wishes it.
    """

    town: str
    tier: str
    premium: bool
    member_number: str
    signed_code: str
    name: str | None = None


JAPANESE_POSTER = PosterWords()
JAPANESE_CARD = CardWords()


def poster_url(base_url: str, code: str) -> str:
    """The address on a poster, in capitals: they make a smaller picture (R19).

    The route ignores case, as host names do; a path in ``base_url`` must do so too.
    """
    return f"{base_url.rstrip('/')}/C/{code}".upper()


def poster_svg(poster: Poster, words: PosterWords = JAPANESE_POSTER) -> str:
    """An A4 poster, portrait, to be printed in colour or black and white (R19)."""
    title = f"{words.alt}: {poster.town} {poster.activity}"
    pieces = [
        drawing.box(0, 0, A4_WIDTH, A4_HEIGHT, fill=PAPER),
        drawing.landscape(10, 10, 190, 60),
        _poster_head(poster, words),
        _poster_facts(poster, words),
        _poster_code(poster),
        _poster_steps(words),
        _poster_foot(poster, words),
    ]
    return drawing.sheet(A4_WIDTH, A4_HEIGHT, title, pieces)


def card_svg(
    card: Card,
    words: CardWords = JAPANESE_CARD,
    *,
    matrix: Callable[[str, Level], list[list[bool]]] = qr_matrix,
) -> str:
    """A wallet card of 85.6 by 54 mm, to be cut out (R22); its code is at level Q.

    `matrix` draws the code: `qr_matrix`, or `quick_matrix` for sheets of many cards.
    """
    ground = FOREST if card.premium else PAPER
    on_ground = PAPER if card.premium else FOREST
    side, left = 37.0, 4.5
    pieces = [
        drawing.box(
            0.25,
            0.25,
            CARD_WIDTH - 0.5,
            CARD_HEIGHT - 0.5,
            fill=PAPER,
            stroke="#b3b3b3",
            round_=3.2,
        ),
        drawing.box(2, 2, CARD_WIDTH - 4, 8.4, fill=ground, stroke=FOREST, round_=1.6),
        drawing.text(left, 7.75, words.heading, 4, bold=True, fill=on_ground),
        _card_tier(card, ground, on_ground),
        _fitted(left, 20.6, card.town, 7.4, 39, bold=True),
        _fitted(left, 29, card.name, 4.6, 39) if card.name else "",
        drawing.text(left, 38.2, words.number, 2.5, fill=GREY),
        drawing.text(left, 43, grouped(card.member_number, MEMBER), 4.1, bold=True, mono=True),
        _fitted(left, 50, words.note, 2.1, 40, fill=GREY),
        drawing.code_square(CARD_WIDTH - side - 3, 13.2, side, matrix(card.signed_code, Level.Q)),
    ]
    return drawing.sheet(CARD_WIDTH, CARD_HEIGHT, f"{words.alt}: {card.town} {card.tier}", pieces)


def _poster_head(poster: Poster, words: PosterWords) -> str:
    town = wrap_or_cut(poster.town, 15, 1)[0]
    width = text_width(town) * 8.4 + text_width(words.kind) * 5.4 + 18
    return (
        drawing.box(LEFT, 16, width, 15, fill=PAPER, round_=7.5)
        + drawing.text(LEFT + 7, 26.6, town, 8.4, bold=True, fill=FOREST)
        + drawing.text(LEFT + 11 + text_width(town) * 8.4, 26, words.kind, 5.4)
    )


def _poster_facts(poster: Poster, words: PosterWords) -> str:
    """Title and rows, as large as the room between picture and code allows."""
    when = tuple(value for value in poster.when if value.strip())
    if len(when) > MAX_SESSIONS:
        more = words.more.format(count=len(when))
        when = (*when[: MAX_SESSIONS - 1], more)
    rows = [(words.when, when), (words.where, (poster.where,)), (words.host, (poster.host,))]
    rows = [(label, values) for label, values in rows if any(map(str.strip, values))]
    for size, row_size, row_lines in SIZES:
        title = wrap(poster.activity, (RIGHT - LEFT) / size, 3)
        if title is not None:
            drawn, end = _facts_at(title, size, rows, row_size, row_lines)
            if end <= LOWER:
                return drawn
    size, row_size, row_lines = SIZES[-1]
    title = wrap_or_cut(poster.activity, (RIGHT - LEFT) / size, 3)
    return _facts_at(title, size, rows, row_size, row_lines)[0]


def _facts_at(
    title: list[str],
    size: float,
    rows: list[tuple[str, tuple[str, ...]]],
    row_size: float,
    row_lines: int,
) -> tuple[str, float]:
    """Draw title and rows from the top; the drawing and where it ends."""
    y = UPPER + size * 0.9
    pieces = [drawing.lines(LEFT, y, title, size, leading=1.3, bold=True)]
    y += (len(title) - 1) * size * 1.3 + size * 0.55 + row_size * 1.6
    for label, values in rows:
        width = (RIGHT - LEFT - 24) / row_size
        value_lines = [line for value in values for line in wrap_or_cut(value, width, row_lines)]
        height = row_size * 1.45
        pieces += [
            drawing.box(LEFT, y - row_size * 1.1, 18, height, fill=SKY, stroke=FOREST, round_=1.5),
            drawing.text(
                LEFT + 9,
                y - row_size * 0.1,
                label,
                row_size * 0.74,
                bold=True,
                fill=FOREST,
                middle=True,
            ),
            drawing.lines(LEFT + 24, y, value_lines, row_size, leading=1.38),
        ]
        y += len(value_lines) * row_size * 1.38 + row_size * 0.5
    return "".join(pieces), y - row_size * 1.5


def _poster_code(poster: Poster) -> str:
    top = LOWER + 5
    matrix = qr_matrix(poster_url(poster.base_url, poster.code), Level.Q)
    return drawing.box(
        LEFT, top, CODE_SIDE, CODE_SIDE, fill=PAPER, stroke=FOREST, round_=3
    ) + drawing.code_square(LEFT + 1.5, top + 1.5, CODE_SIDE - 3, matrix)


def _poster_steps(words: PosterWords) -> str:
    left, y, size = LEFT + CODE_SIDE + 8, LOWER + 15.5, 5.6
    pieces = [drawing.text(left, y, words.heading, 8, bold=True, fill=FOREST)]
    y += 16
    for number, step in enumerate(words.steps, start=1):
        step_lines = wrap_or_cut(step, (RIGHT - left - 12.5) / size, 3)
        pieces += [
            f'<circle cx="{left + 4.8:g}" cy="{y - 2:g}" r="4.8" fill="{FOREST}"/>',
            drawing.text(left + 4.8, y + 0.1, str(number), 6.2, bold=True, fill=PAPER, middle=True),
            drawing.lines(left + 12.5, y, step_lines, size, leading=1.4),
        ]
        y += len(step_lines) * size * 1.4 + 7.5
    return "".join(pieces)


def _poster_foot(poster: Poster, words: PosterWords) -> str:
    top = LOWER + CODE_SIDE + 10
    code = grouped(poster.code, POSTER)
    return (
        drawing.text(LEFT, top + 2.6, words.typed, 4.1, fill=GREY)
        + drawing.text(LEFT, top + 15.2, code, 11.5, bold=True, mono=True, spacing=0.6)
        + drawing.lines(
            LEFT + CODE_SIDE + 8,
            top + 4,
            wrap_or_cut(words.without_phone, (RIGHT - LEFT - CODE_SIDE - 8) / 4.9, 3),
            4.9,
            leading=1.4,
        )
        + drawing.text(LEFT, A4_HEIGHT - 7.5, words.scheme, 3.6, fill=GREY)
    )


def _card_tier(card: Card, ground: str, on_ground: str) -> str:
    size = 3.1
    width = text_width(card.tier) * size + 5
    left = CARD_WIDTH - 4 - width
    return drawing.box(left, 3.6, width, 5.2, fill=on_ground, round_=2.6) + drawing.text(
        left + width / 2, 7.3, card.tier, size, bold=True, fill=ground, middle=True
    )


def _fitted(
    x: float,
    y: float,
    words: str,
    size: float,
    width: float,
    *,
    bold: bool = False,
    fill: str = INK,
) -> str:
    """One line, made smaller down to 60 % when it is long, then cut."""
    needed = text_width(words) * size
    actual = max(size * 0.6, size * min(1, width / needed)) if needed else size
    line = wrap_or_cut(words, width / actual, 1)[0]
    return drawing.text(x, y, line, round(actual, 2), bold=bold, fill=fill)
