"""Fields of the desk's forms, read as text and understood one by one."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from starlette.datastructures import FormData

from core.clock import JAPAN
from core.errors import invalid
from registry.people import refuse_individual_number

MAX_AMOUNT = 100_000
#: What machines make: an id or a signed code may look like any number.
NO_WORDS = frozenset({"_key", "code", "draft"})
#: Years that somebody may mean; beyond them a day next to it may not exist.
FIRST_YEAR, LAST_YEAR = 1900, 2200


@dataclass(frozen=True, slots=True)
class Form:
    """What a form sent."""

    data: FormData

    @property
    def key(self) -> str:
        """The form's own key: sent twice, it has one effect."""
        return self.one("_key")

    def one(self, name: str, *, most: int = 1000) -> str:
        """A field's text without blanks around it; empty when it was not sent.

        Raises:
            Invalid: `text_too_long`.
            Refused: `individual_number` (R12): whatever the field, none is ever kept.
        """
        text = self._raw(name)
        if len(text) > most:
            raise invalid("text_too_long", field=name, found=len(text), needed=most)
        if name not in NO_WORDS:
            refuse_individual_number(text, field=name)
        return text

    def _raw(self, name: str) -> str:
        value = self.data.get(name)
        return value.strip() if isinstance(value, str) else ""

    def needed(self, name: str, *, most: int = 1000) -> str:
        """A field that must say something.

        Raises:
            Invalid: `field_needed`, or as `one`.
        """
        text = self.one(name, most=most)
        if not text:
            raise invalid("field_needed", field=name)
        return text

    def many(self, name: str) -> list[str]:
        """All values of a field, as check boxes send them."""
        return [value for value in self.data.getlist(name) if isinstance(value, str) and value]

    def flag(self, name: str) -> bool:
        """Whether a box is ticked."""
        return bool(self.one(name))

    def id(self, name: str) -> UUID:
        """A field that holds an id. Raises Invalid."""
        try:
            return UUID(self._raw(name))
        except ValueError:
            raise invalid("field_needed", field=name) from None

    def day(self, name: str) -> date:
        """A field that holds a day (`2027-06-05`). Raises Invalid."""
        try:
            found = date.fromisoformat(self.one(name))
        except ValueError:
            raise invalid("day_needed", field=name) from None
        if not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise invalid("day_needed", field=name)
        return found

    def moment(self, day: date, name: str) -> datetime:
        """A Japanese clock time (`09:30`) on a day, as an instant. Raises Invalid."""
        try:
            given = time.fromisoformat(self.one(name))
        except ValueError:
            raise invalid("time_needed", field=name) from None
        return datetime.combine(day, given.replace(tzinfo=None), JAPAN)

    def amount(self, name: str) -> int | None:
        """A whole number from 0; None when nothing was written. Raises Invalid."""
        text = self.one(name)
        if not text:
            return None
        # Full-width digits come from Japanese keyboards and are digits to `int`.
        if not text.isdecimal() or len(text) > len(str(MAX_AMOUNT)) or int(text) > MAX_AMOUNT:
            raise invalid("number_needed", field=name)
        return int(text)


async def _read(request: Request) -> Form:
    # Kept for a page that asks who one is before it does what was asked (admin.pages.own).
    form = Form(await request.form())
    request.state.form = form
    return form


FormDep = Annotated[Form, Depends(_read)]
