"""Cards, codes and scans for tests."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from secrets import token_bytes
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, text

from activities import devices, enrolment
from activities.models import ActivitySession, DeviceTicket
from core.access import Actor, ActorKind
from core.clock import wall_now
from core.db import Context, Database, for_body
from core.ids import new_id
from core.tenancy import Audience
from qr.codes import CardCode, VenueCode, sign_card, sign_venue_code, step_at
from qr.keys import KeyScope
from qr.signatures import KeyUse
from qr.store import KeyStore, ensure_keys
from registry.models import Card, Registration
from tests.factories.registry import HIDA, SignedIn

WORKER = Context(Audience.WORKER, actor="system:test")


def secret_of(database: Database) -> str:
    """The platform's secret in this test."""
    return database._settings.secret_key.get_secret_value()


def make_keys(database: Database, lg_code: str = HIDA, *, now: datetime) -> KeyStore:
    """Card and venue keys of a body, as a fresh store sees them."""
    scopes = [KeyScope(KeyUse.CARD, lg_code), KeyScope(KeyUse.VENUE, lg_code)]
    with database.transaction(WORKER) as db:
        ensure_keys(db, scopes=scopes, secret=secret_of(database), now=now)
        store = KeyStore(secret_of(database))
        store.refresh(db, wall=wall_now())
    return store


def make_card(
    database: Database,
    keys: KeyStore,
    someone: SignedIn,
    *,
    lg_code: str = HIDA,
    now: datetime,
    days: int = 300,
) -> str:
    """A paper card's signed code."""
    card_id = token_bytes(10)
    expires = now + timedelta(days=days)
    with database.transaction(someone.context) as db:
        registration = db.scalars(
            select(Registration).where(
                Registration.lg_code == lg_code, Registration.person_id == someone.id
            )
        ).one()
        db.add(
            Card(
                lg_code=lg_code,
                id=new_id(),
                card_ref=card_id.hex(),
                registration_id=registration.id,
                person_id=someone.id,
                kind="paper",
                issued_at=now,
                expires_on=expires.date(),
            )
        )
    kid, sign = keys.signer(use=KeyUse.CARD, lg_code=lg_code, now=now)
    return sign_card(CardCode(kid, lg_code, card_id, expires.replace(microsecond=0)), sign)


def venue_code(
    keys: KeyStore, session: ActivitySession, *, at: datetime, rotate_s: int = 30
) -> str:
    """What the venue's screen shows at an instant."""
    kid, sign = keys.signer(use=KeyUse.VENUE, lg_code=session.lg_code, now=at)
    return sign_venue_code(VenueCode(kid, session.lg_code, session.id, step_at(at, rotate_s)), sign)


def make_device(
    database: Database,
    organisation_id: UUID,
    *,
    lg_code: str = HIDA,
    now: datetime,
    enrolled_by: UUID | None = None,
) -> str:
    """An enrolled device's token."""
    actor = Actor(ActorKind.STAFF, id=enrolled_by or uuid4())
    with database.transaction(for_body(lg_code, actor=actor.label)) as db:
        return devices.enrol(
            db,
            actor=actor,
            lg_code=lg_code,
            organisation_id=organisation_id,
            label="受付の電話",
            now=now,
        ).token


def make_ticket(
    database: Database, organisation_id: UUID, *, lg_code: str = HIDA, now: datetime
) -> DeviceTicket:
    """A QR code's right to become a device, for ten minutes."""
    actor = Actor(ActorKind.STAFF, id=uuid4())
    with database.transaction(for_body(lg_code, actor=actor.label)) as db:
        return enrolment.offer(
            db,
            actor=actor,
            lg_code=lg_code,
            organisation_id=organisation_id,
            label="受付の電話",
            ends_at=now + timedelta(days=30),
            now=now,
        )


@dataclass(frozen=True, slots=True)
class Look:
    """Looks at everything, as nobody at run time can."""

    database: Any

    def rows(self, sql: str, **values: object) -> list[Any]:
        """Rows of any query."""
        with self.database.owner() as connection:
            return list(connection.execute(text(sql), values).all())

    def one(self, sql: str, **values: object) -> Any:
        """One value."""
        return self.rows(sql, **values)[0][0]


def jst(day: date, hour: int, minute: int = 0) -> datetime:
    """An instant by the Japanese clock."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) - timedelta(hours=9)
