"""The 47 prefectures as tiles, our own drawing of Japan: thirteen columns, twelve rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: Column and row of each prefecture by the first two digits of its code.
PLACES: Final[Mapping[str, tuple[int, int]]] = {
    "01": (12, 0),
    "02": (11, 1), "03": (11, 2), "05": (10, 2), "04": (11, 3), "06": (10, 3),
    "17": (7, 4), "16": (8, 4), "15": (9, 4), "07": (10, 4),
    "18": (7, 5), "20": (8, 5), "10": (9, 5), "09": (10, 5), "08": (11, 5),
    "35": (1, 6), "32": (2, 6), "31": (3, 6), "28": (4, 6), "26": (5, 6), "25": (6, 6),
    "21": (7, 6), "19": (8, 6), "11": (9, 6), "13": (10, 6), "12": (11, 6),
    "34": (2, 7), "33": (3, 7), "27": (5, 7), "29": (6, 7), "24": (7, 7), "23": (8, 7),
    "22": (9, 7), "14": (10, 7),
    "41": (0, 8), "40": (1, 8), "44": (2, 8), "37": (4, 8), "36": (5, 8), "30": (6, 8),
    "42": (0, 9), "43": (1, 9), "45": (2, 9), "38": (4, 9), "39": (5, 9),
    "46": (1, 10), "47": (0, 11),
}  # fmt: skip
SIDE: Final = 56
#: Shades from nothing to most; the last two carry light letters.
SHADES: Final = 5
MANY: Final = 10_000


@dataclass(frozen=True, slots=True)
class Tile:
    """A prefecture on the map; a value of None is hidden."""

    code: str
    name: str
    value: int | None
    x: int
    y: int
    shade: int

    @property
    def short(self) -> str:
        """The name without its last letter, as people say it; 北海道 stays whole."""
        return self.name if self.name == "北海道" else self.name[:-1]

    @property
    def number(self) -> str:
        """The value as it fits a tile."""
        if self.value is None:
            return "＊"
        return f"{self.value / MANY:.1f}万" if self.value >= MANY else f"{self.value:,}"


def tiles(
    values: Mapping[str, int | None], names: Mapping[str, str], *, most: int | None = None
) -> list[Tile]:
    """All 47, from north to south; the shade says where between nothing and the most it is.

    Several maps that are compared are given one `most`.
    """
    if most is None:
        most = max((value or 0 for code, value in values.items() if code in names), default=0)
    found = []
    for code, name in names.items():
        column, row = PLACES[code[:2]]
        value = values.get(code, 0)
        found.append(Tile(code, name, value, column * SIDE, row * SIDE, _shade(value, most)))
    return found


def _shade(value: int | None, most: int) -> int:
    """Shades grow with the fourth root, so that one big town does not bleach all others."""
    if not value:
        return 0
    return max(1, round(SHADES * (value / most) ** 0.25) if value < most else SHADES)
