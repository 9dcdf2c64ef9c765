"""Nights go through due rows in ranges: in the order of their ids, each range one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Range:
    """Which rows of one local government a night looks at now.

    Attributes:
        lg_code: The local government.
        as_of: The Japanese day the night works for; may lie days back when catching up.
        now: The instant.
        after: Id of the last row of the range before.
        only: These rows and no others (a range that failed, one by one).
        limit: Rows of a range at most.
    """

    lg_code: str
    as_of: date
    now: datetime
    after: UUID | None = None
    only: Sequence[UUID] | None = None
    limit: int = LIMIT

    @property
    def given(self) -> dict[str, Any]:
        """What the statements of `DueRows` ask for."""
        return {
            "lg_code": self.lg_code,
            "as_of": self.as_of,
            "after": self.after or UUID(int=0),
            "only": list(self.only or ()),
            "limit": self.limit,
        }


@dataclass(frozen=True, slots=True)
class DueRows:
    """A query of due rows: those of `:lg_code` that a night of `:as_of` has to look at.

    Attributes:
        query: Up to the last condition; further ones and the order are added here.
        of: The name in it of the table whose rows are due and locked.
    """

    query: str
    of: str

    def take(self, db: Session, part: Range) -> Sequence[Row[Any]]:
        """Lock and return the rows of a range; those that another worker holds are skipped."""
        lock = f"for no key update of {self.of} skip locked"
        return db.execute(text(f"{self._ranged(part)} {lock}"), part.given).all()

    def look(self, db: Session, part: Range) -> Sequence[Row[Any]]:
        """The rows of a range as they are, for a look ahead. Locks nothing."""
        return db.execute(text(self._ranged(part)), part.given).all()

    def _ranged(self, part: Range) -> str:
        of = self.of
        if part.only is None:
            return f"{self.query} and {of}.id > :after order by {of}.id limit :limit"
        return f"{self.query} and {of}.id = any(:only) order by {of}.id"

    def ids(self, db: Session, part: Range) -> Sequence[UUID]:
        """Ids of the next range, in their order. Locks nothing."""
        of = self.of
        found = db.execute(
            text(
                f"select due.id from ({self.query} and {of}.id > :after"
                f" order by {of}.id limit :limit) due order by due.id"
            ),
            part.given,
        )
        return found.scalars().all()
