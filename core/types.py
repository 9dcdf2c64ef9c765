"""Column types shared by all tables."""

from datetime import UTC, date, datetime

from sqlalchemy import Date, DateTime, String, Text, TypeDecorator
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.engine import Dialect


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, stored as timestamptz, read back in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive datetime: it has no place in time."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware, in UTC."""
        return None if value is None else value.astimezone(UTC)


class PersonalText(TypeDecorator[str]):
    """Personal data as text: name, kana, e-mail, address, identity subject, free text.

    One declared type, so that encryption, export, erasure and the leak scan each have
    one place to hook in; `personal_columns()` in `core.tenancy` lists them all.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Store as given."""
        return value


class PersonalDate(TypeDecorator[date]):
    """Personal data as a date (a birth date)."""

    impl = Date
    cache_ok = True


LgCode = String(6)
Uuid = PG_UUID(as_uuid=True)
