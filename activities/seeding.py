"""Real activities as a start for proposals: `registry/data/activities.csv` (its sources in SOURCE.md)."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from activities.categories import CODES

FILE = Path(__file__).resolve().parent.parent / "registry" / "data" / "activities.csv"
#: In the file, an activity of a kind of host anywhere rather than of one local government.
ANYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Template:
    """An activity that exists, as the sources name it.

    Attributes:
        lg_code: The local government, or None for a kind found anywhere.
        host: Who runs it.
        host_kind: The host's kind, such as `npo` or `neighbourhood_association`.
        title: Its name.
        category: A code of `activity.categories`.
        source: Document and page.
    """

    lg_code: str | None
    host: str
    host_kind: str
    title: str
    category: str
    source: str


@cache
def templates() -> tuple[Template, ...]:
    """Every activity of the file, in its order.

    Raises:
        KeyError: A category of the file has no code.
    """
    with FILE.open(encoding="utf-8", newline="") as file:
        return tuple(
            Template(
                lg_code=None if row["local_government"] == ANYWHERE else row["local_government"],
                host=row["host"],
                host_kind=row["host_type"],
                title=row["title"],
                category=CODES[row["category"]],
                source=row["source"],
            )
            for row in csv.DictReader(file)
        )


def templates_for(host_kind: str) -> tuple[Template, ...]:
    """What organisations of a kind do, as a start for a proposal."""
    return tuple(one for one in templates() if one.host_kind == host_kind)
