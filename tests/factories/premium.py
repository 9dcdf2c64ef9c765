"""Verified people, presence, body settings and guardians for tests of premium."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from fastapi.testclient import TestClient
from sqlalchemy import insert, select

from activities.models import Participation
from core.access import Role
from core.clock import japan_day
from core.db import Database, for_body
from core.ids import new_id
from registry import confirming, identity, policies
from registry.idp import Facts, KeptAttempt, VerifiedIdentity
from registry.models import (
    BodyValue,
    Confirmation,
    LocalGovernment,
    PremiumSlot,
    Registration,
)
from registry.rules.facts import IdentityLevel
from tests.factories.registry import NOW, SignedIn, join, make_staff, policy_book, registration_of

#: Tokyo, Setagaya: outside every prefecture the examples register with.
TOKYO = "東京都世田谷区世田谷4丁目21番27号"
ADULT = date(1985, 3, 15)


def show_card(
    database: Database,
    someone: SignedIn,
    *,
    name: str = "山田 花子",
    birth_date: date = ADULT,
    address: str = TOKYO,
    level: IdentityLevel = IdentityLevel.MNC_SIGN,
    purpose: str = "premium",
    subject: str | None = None,
    now: datetime = NOW,
) -> None:
    """A checked card, as if the provider had just answered so."""
    verified = VerifiedIdentity(
        subject=subject or str(someone.id),
        level=level,
        acr="aal3 crl",
        facts=Facts(name=name, address=address, birth_date=birth_date, gender="unknown"),
        checked_at=now,
    )
    claimed = identity.Claimed(
        uuid4(), purpose, None, "/", KeptAttempt("", "", "", ("openid",), now)
    )
    with database.transaction(someone.context) as db:
        identity.store(
            db,
            actor=someone.actor,
            claimed=claimed,
            verified=verified,
            issuer="https://idp.test",
            secret="secret",
            now=now,
            book=policy_book(),
        )


def set_mode(
    database: Database, lg_code: str, mode: str, *, key: str = "decision.mode", now: datetime = NOW
) -> None:
    """The body decides so from today; by machine alone, when a second person agrees."""
    wanted: dict[str, Any] = {
        "lg_code": lg_code,
        "key": key,
        "value": mode,
        "since": japan_day(now),
        "now": now,
        "book": policy_book(),
    }
    manager, second = (make_staff(database, lg_code, now=now) for _ in range(2))
    with database.transaction(for_body(lg_code, actor=manager.actor.label)) as db:
        if not policies.needs_two(key, mode):
            policies.set_body_value(db, actor=manager.actor, **wanted)
            return
        row = confirming.ask_value(db, actor=manager.actor, **wanted)
    confirm(database, row, second, now=now)


def confirm(database: Database, row: Confirmation, second: SignedIn, *, now: datetime) -> None:
    """A second person says yes."""
    with database.transaction(for_body(row.lg_code, actor=second.actor.label)) as db:
        confirming.confirm(
            db,
            actor=second.actor,
            lg_code=row.lg_code,
            confirmation_id=row.id,
            now=now,
            book=policy_book(),
        )


def mode_of(database: Database, lg_code: str) -> str | None:
    """What the body last decided."""
    with database.transaction(for_body(lg_code, actor="system:test")) as db:
        return db.scalar(
            select(BodyValue.value)
            .where(BodyValue.lg_code == lg_code, BodyValue.key == "decision.mode")
            .order_by(BodyValue.since.desc(), BodyValue.decided_at.desc())
            .limit(1)
        )


def set_requirement(
    database: Database, lg_code: str, tree: dict[str, Any], *, since: date, now: datetime = NOW
) -> None:
    """The body announces a requirement, as two people agreed."""
    manager, second = (make_staff(database, lg_code, now=now) for _ in range(2))
    with database.transaction(for_body(lg_code, actor=manager.actor.label)) as db:
        row = confirming.ask_requirement(
            db,
            actor=manager.actor,
            lg_code=lg_code,
            tree=tree,
            effective_from=since,
            now=now,
            book=policy_book(),
        )
    confirm(database, row, second, now=now)


def take_part(
    database: Database, someone: SignedIn, lg_code: str, days: int = 3, *, last: date | None = None
) -> None:
    """Counted presence on consecutive days, the last of them `last` (the day before the clock's)."""
    row = registration_of(database, someone, lg_code)
    assert row is not None
    end = last or japan_day(NOW) - timedelta(days=1)
    with database.transaction(for_body(lg_code, actor="system:test")) as db:
        db.execute(
            insert(Participation),
            [
                {
                    "lg_code": lg_code,
                    "id": new_id(),
                    "person_id": someone.id,
                    "registration_id": row.id,
                    "session_id": new_id(),
                    "activity_id": new_id(),
                    "day": end - timedelta(days=before),
                    "designated": True,
                    "counted": True,
                    "minutes": 120,
                    "minutes_minimum": 60,
                    "category": "agriculture",
                    "method": "venue",
                    "assurance": "signed",
                    "created_at": NOW,
                }
                for before in range(days)
            ],
        )


def ready(
    database: Database, someone: SignedIn, lg_code: str, *, mode: str = "auto", days: int = 3
) -> None:
    """Registered, with enough presence, with a body that decides so."""
    join(database, someone, lg_code)
    if mode_of(database, lg_code) != mode:
        set_mode(database, lg_code, mode)
    if days:
        take_part(database, someone, lg_code, days)


def own(lg_code: str, leaf: str = "application") -> str:
    """A path of one's own registration."""
    return f"/api/v1/me/registrations/{lg_code}/{leaf}"


def apply(client: TestClient, someone: SignedIn, lg_code: str, **body: Any) -> Any:
    """Ask for premium over HTTP."""
    return client.post(own(lg_code), json=body, headers=someone.headers)


def granted(client: TestClient, database: Database, someone: SignedIn, *codes: str) -> None:
    """Premium with each of these, over HTTP, by bodies that decide at once."""
    for code in codes:
        ready(database, someone, code)
        answer = apply(client, someone, code)
        assert answer.status_code == 201, answer.text
        assert answer.json()["state"] == "granted", answer.text


def decide(
    client: TestClient, staff: SignedIn, lg_code: str, application_id: str, verb: str, **body: Any
) -> Any:
    """A decision of staff over HTTP."""
    path = f"/api/v1/local-governments/{lg_code}/applications/{application_id}/{verb}"
    return client.post(path, json=body or None, headers=staff.headers)


def approver(database: Database, lg_code: str) -> SignedIn:
    """An approver of a body."""
    return make_staff(database, lg_code, Role.APPROVER)


def slots_of(database: Database, someone: SignedIn) -> dict[str, str]:
    """The person's places: local government to state."""
    with database.transaction(someone.context) as db:
        rows = db.scalars(select(PremiumSlot).where(PremiumSlot.person_id == someone.id)).all()
        return {row.lg_code: row.state for row in rows}


def tier_of(database: Database, someone: SignedIn, lg_code: str) -> str:
    """The tier of the person's row."""
    row = registration_of(database, someone, lg_code)
    assert row is not None
    return str(row.tier)


def name_of(database: Database, someone: SignedIn, lg_code: str) -> str:
    """The name of a local government as reasons say it."""
    with database.transaction(someone.context) as db:
        row = db.get_one(LocalGovernment, lg_code)
        return str(row.name if row.kind == "prefecture" else f"{row.prefecture}{row.name}")


def registration_id(database: Database, someone: SignedIn, lg_code: str) -> UUID:
    """The id of the person's row."""
    row: Registration | None = registration_of(database, someone, lg_code)
    assert row is not None
    return row.id
