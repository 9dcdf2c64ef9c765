"""People, registrations and staff for tests, made by the real use cases."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, select

from activities.evidence import SqlEvidence
from core import signin
from core.access import Actor, ActorKind, Role, system
from core.db import Context, Database, for_body, for_person
from core.ids import new_id
from core.models import Account
from core.tenancy import Audience
from registry import guardians, joining, people, registration
from registry.derived_links import refresh_source
from registry.models import LocalGovernment, PremiumSlot, Registration, StaffRole, Term
from registry.policybook import load_policy
from registry.rules.facts import Tier
from registry.rules.policy import PolicyBook

#: The instant at which the test clock stands: 10:00 on 2027-06-01 in Japan.
NOW = datetime(2027, 6, 1, 1, 0, tzinfo=UTC)
GATE = Context(Audience.GATE, actor="system:test")
OPERATOR = Context(Audience.OPERATOR, actor="system:test")

#: Year of birth of people whose age does not matter.
ADULT = 1985
GIFU, HIDA = "210005", "212172"
MIYAGI, KESENNUMA = "040002", "042056"
SAITAMA, YOKOZE = "110001", "113611"
NAGANO_PREF, NAGANO, IIDA = "200000", "202011", "202053"


@cache
def policy_book() -> PolicyBook:
    """The national numbers."""
    return load_policy()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody signed in: who, and the headers that say so."""

    id: UUID
    email: str
    token: str
    actor: Actor

    @property
    def headers(self) -> dict[str, str]:
        """What a mobile app sends; a new idempotency key each time."""
        return {"Authorization": f"Bearer {self.token}", "Idempotency-Key": str(uuid4())}

    @property
    def context(self) -> Context:
        """The transaction context of a registrant."""
        return for_person(self.id)


def sign_in(database: Database, email: str, *, kind: str = "person", now: datetime = NOW) -> str:
    """A bearer token, by way of a mailed code."""
    secret = database._settings.secret_key.get_secret_value()
    with database.transaction(GATE) as db:
        issued = signin.start(
            db, kind=kind, email=email, secret=secret, address=str(uuid4()), now=now
        )
    with database.transaction(GATE) as db:
        token = signin.sign_in(
            db,
            code=issued.code,
            binding=issued.binding,
            secret=secret,
            transport="bearer",
            user_agent="test",
            now=now,
        )
    assert token is not None
    return token


def create_account(
    database: Database, *, email: str | None = None, now: datetime = NOW
) -> SignedIn:
    """Somebody who has signed in and not yet written a profile."""
    address = email or f"{uuid4().hex}@example.jp"
    token = sign_in(database, address, now=now)
    with database.transaction(GATE) as db:
        found = db.scalars(
            select(Account).where(
                Account.kind == "person", Account.email == address, Account.closed_at.is_(None)
            )
        ).one()
        account_id = found.id
    return SignedIn(account_id, address, token, Actor(ActorKind.PERSON, id=account_id))


def create_person(
    database: Database,
    *,
    nickname: str = "花子",
    email: str | None = None,
    now: datetime = NOW,
    name: str | None = None,
    kana: str | None = None,
    birth_date: date | None = None,
    birth_year: int | None = None,
    residence: str | None = None,
) -> SignedIn:
    """A registrant with a profile; an adult unless a birth is given."""
    if birth_date is None and birth_year is None:
        birth_year = ADULT
    someone = create_account(database, email=email, now=now)
    profile = people.Profile(
        nickname=nickname,
        name=name,
        kana=kana,
        birth_date=birth_date,
        birth_year=birth_year,
        declared_residence=residence,
    )
    with database.transaction(someone.context) as db:
        people.create_profile(db, actor=someone.actor, profile=profile, now=now, book=policy_book())
    return someone


def open_bodies(database: Database, *codes: str, now: datetime = NOW) -> None:
    """These local governments have joined (R01); those that have stay as they are."""
    actor = Actor(ActorKind.OPERATOR, id=new_id())
    with database.transaction(OPERATOR) as db:
        for code in codes:
            if db.get_one(LocalGovernment, code).state != "active":
                joining.set_state(db, actor=actor, lg_code=code, state="active", now=now)


def join(
    database: Database,
    someone: SignedIn,
    lg_code: str,
    *,
    now: datetime = NOW,
    joined: bool = True,
    **given: Any,
) -> Registration:
    """A basic registration; the local government and its prefecture join first if `joined`."""
    if joined:
        with database.transaction(OPERATOR) as db:
            prefecture = db.get_one(LocalGovernment, lg_code).prefecture_code
        open_bodies(database, prefecture, lg_code, now=now)
    with database.transaction(someone.context) as db:
        return registration.register(
            db, actor=someone.actor, lg_code=lg_code, now=now, book=policy_book(), **given
        )


def registration_of(database: Database, someone: SignedIn, lg_code: str) -> Registration | None:
    """The person's row with a local government as it is now."""
    with database.transaction(someone.context) as db:
        return db.scalars(
            select(Registration).where(
                Registration.lg_code == lg_code, Registration.person_id == someone.id
            )
        ).one_or_none()


def _create_account(database: Database, kind: str, now: datetime) -> tuple[UUID, str]:
    account_id, email = new_id(), f"{uuid4().hex}@example.jp"
    secret = database._settings.secret_key.get_secret_value()
    with database.transaction(GATE) as db:
        db.execute(
            insert(Account).values(
                id=account_id,
                kind=kind,
                email=email,
                email_key=signin.email_key(secret, email),
                email_verified_at=now,
                created_at=now,
            )
        )
    return account_id, email


def make_staff(
    database: Database,
    lg_code: str,
    role: Role = Role.MANAGER,
    *,
    name: str = "職員",
    now: datetime = NOW,
) -> SignedIn:
    """A member of staff of one local government, signed in."""
    account_id, email = _create_account(database, "staff", now)
    with database.transaction(OPERATOR) as db:
        db.add(
            StaffRole(
                lg_code=lg_code, account_id=account_id, role=role.value, name=name, granted_at=now
            )
        )
    token = sign_in(database, email, kind="staff", now=now)
    actor = Actor(ActorKind.STAFF, id=account_id, roles={lg_code: frozenset({role})})
    return SignedIn(account_id, email, token, actor)


def make_operator(database: Database, *, now: datetime = NOW) -> SignedIn:
    """An operator, signed in."""
    account_id, email = _create_account(database, "operator", now)
    token = sign_in(database, email, kind="operator", now=now)
    return SignedIn(account_id, email, token, Actor(ActorKind.OPERATOR, id=account_id))


def grant(
    database: Database,
    someone: SignedIn,
    lg_code: str,
    *,
    first_day: date,
    last_day: date,
    slot: int = 1,
    now: datetime = NOW,
) -> Registration:
    """Premium as a decision leaves it: a living term, a place among the three, the higher tier.

    For tests of what happens afterwards; how it is decided has tests of its own.
    """
    with database.transaction(for_body(lg_code, actor="system:test")) as db:
        row = db.scalars(
            select(Registration).where(
                Registration.lg_code == lg_code, Registration.person_id == someone.id
            )
        ).one()
        row.tier = Tier.PREMIUM.value
        db.add(
            Term(
                lg_code=lg_code,
                registration_id=row.id,
                person_id=someone.id,
                first_day=first_day,
                last_day=last_day,
                state="active",
                created_at=now,
            )
        )
        db.add(
            PremiumSlot(
                person_id=someone.id,
                slot=slot,
                lg_code=lg_code,
                registration_id=row.id,
                state="active",
                since=first_day,
            )
        )
        db.flush()
        refresh_source(
            db,
            actor=system("test"),
            lg_code=lg_code,
            person_id=someone.id,
            expires_on=last_day,
            now=now,
            book=policy_book(),
        )
        return row


def create_minor(database: Database, *, birth_year: int = 2012) -> tuple[SignedIn, SignedIn]:
    """A minor and the guardian who consents to premium for them."""
    minor = create_person(database, nickname="二郎", birth_year=birth_year)
    guardian = create_person(database, nickname="保護者", birth_year=1985)
    with database.transaction(minor.context) as db:
        invited = guardians.invite(
            db,
            actor=minor.actor,
            contact=guardian.email,
            scope="premium",
            now=NOW,
            book=policy_book(),
        )
    with database.transaction(GATE) as db:
        guardians.confirm(db, actor=guardian.actor, token=invited.token, now=NOW)
    with database.transaction(minor.context) as db:
        guardians.verify(
            db,
            actor=guardian.actor,
            guardianship_id=invited.guardianship.id,
            now=NOW,
            book=policy_book(),
            evidence=SqlEvidence(),
        )
    return minor, guardian
