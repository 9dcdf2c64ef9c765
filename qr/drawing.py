"""The few strokes that posters and cards are drawn with. Lengths are millimetres."""

from qr.render import QUIET_ZONE, escaped, modules_path

SANS = "'Noto Sans JP','Noto Sans CJK JP','BIZ UDPGothic','Hiragino Sans','Yu Gothic',sans-serif"
MONO = "'Noto Sans Mono','BIZ UDGothic','Menlo','Consolas',monospace"

INK, GREY, PAPER = "#1a1a1a", "#5c5c5c", "#fff"
# Dark enough to stay readable on a black-and-white printer.
FOREST, FIELD, MEADOW, SKY, SUN = "#14523d", "#3f8a63", "#8fc19a", "#fbf3df", "#e8703a"


def sheet(width: float, height: float, title: str, pieces: list[str]) -> str:
    """A stand-alone SVG sheet in true size, with neither style nor script nor id."""
    name = escaped(title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xml:lang="ja" lang="ja" '
        f'width="{width:g}mm" height="{height:g}mm" viewBox="0 0 {width:g} {height:g}" '
        f'role="img" aria-label="{name}" font-family="{SANS}" fill="{INK}">'
        f"<title>{name}</title>{''.join(pieces)}</svg>"
    )


def text(
    x: float,
    y: float,
    words: str,
    size: float,
    *,
    bold: bool = False,
    fill: str = INK,
    middle: bool = False,
    mono: bool = False,
    spacing: float = 0,
) -> str:
    """One line with its base line at ``y``; the words are escaped here."""
    attributes = f'x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{fill}"'
    if bold:
        attributes += ' font-weight="700"'
    if middle:
        attributes += ' text-anchor="middle"'
    if mono:
        attributes += f' font-family="{MONO}"'
    if spacing:
        attributes += f' letter-spacing="{spacing:g}"'
    return f"<text {attributes}>{escaped(words)}</text>"


def lines(
    x: float, y: float, words: list[str], size: float, *, leading: float = 1.45, bold: bool = False
) -> str:
    """Several lines, the first with its base line at ``y``."""
    return "".join(
        text(x, y + number * size * leading, line, size, bold=bold)
        for number, line in enumerate(words)
    )


def box(
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    fill: str,
    stroke: str = "",
    round_: float = 0,
) -> str:
    """A rectangle, its corners rounded by ``round_``."""
    edge = f' stroke="{stroke}" stroke-width="0.5"' if stroke else ""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
        f'rx="{round_:g}" fill="{fill}"{edge}/>'
    )


def path(d: str, fill: str) -> str:
    """A filled shape."""
    return f'<path fill="{fill}" d="{d}"/>'


def stroke(d: str, colour: str, width: float) -> str:
    """A line with round ends."""
    return (
        f'<path fill="none" stroke="{colour}" stroke-width="{width:g}" '
        f'stroke-linecap="round" stroke-linejoin="round" d="{d}"/>'
    )


def code_square(x: float, y: float, side: float, matrix: list[list[bool]]) -> str:
    """The code's picture with its quiet zone, ``side`` wide in all."""
    scale = side / (len(matrix) + 2 * QUIET_ZONE)
    d = modules_path(matrix, QUIET_ZONE * scale, scale)
    return (
        f'<g transform="translate({x:g} {y:g})" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{side:g}v{side:g}H0z"/><path fill="#000" d="{d}"/></g>'
    )


def landscape(x: float, y: float, width: float, height: float) -> str:
    """Sun, mountains, terraced fields and a farmhouse; decoration, told to nobody.

    Drawn on a field of 190 by 60 and scaled to fit.
    """
    scale_x, scale_y = width / 190, height / 60
    shapes = [
        box(0, 0, 190, 60, fill=SKY),
        f'<circle cx="163" cy="18" r="10" fill="{SUN}"/>',
        path("M0 42L24 29 44 39 64 31 80 38 108 23.5 136 39 152 33 170 42 190 34V60H0z", MEADOW),
        # Snow on the highest mountain.
        path("M108 23.5L97.6 28.9 102 30.6 106.4 28 110.4 31.4 117.3 28.7z", PAPER),
        path("M0 49C30 36 62 38 95 46S160 50 190 40V60H0z", FIELD),
        # Rice terraces.
        stroke("M104 49.5C130 54 160 51 189.6 44.6M92 50.3C128 59 160 56 189.6 50.1", MEADOW, 0.7),
        path("M0 55C40 45 80 48 118 53S170 59 190 56V60H0z", FOREST),
        # A farmhouse with a steep roof, and two cedars.
        path("M33.5 47.5v-5h11v5z", PAPER),
        path("M31 43L39 33.5 47 43z", INK),
        path("M37.6 47.5v-3.4h2.8v3.4z", INK),
        path("M24 48.6L27 36.5 30 48.6zM17.5 49.6L20.2 39.5 22.9 49.6z", FOREST),
    ]
    return (
        f'<g aria-hidden="true" transform="translate({x:g} {y:g}) '
        f'scale({scale_x:g} {scale_y:g})">{"".join(shapes)}</g>'
    )
