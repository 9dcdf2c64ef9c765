"""R13, P09: the last place goes to exactly one, whoever asks at the same instant."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, text, update

from activities.evidence import SqlEvidence
from core.access import Role
from core.db import Database, for_body
from core.errors import Conflict, Refused
from registry import approvals, premium
from registry.models import Application, PremiumSlot, Registration, Term
from tests.factories.premium import ready, show_card
from tests.factories.registry import (
    HIDA,
    IIDA,
    KESENNUMA,
    NOW,
    YOKOZE,
    SignedIn,
    create_person,
    join,
    make_staff,
    policy_book,
)

REPETITIONS = 50
EVIDENCE = SqlEvidence()


def at_once(*works: Callable[[], str]) -> list[str]:
    """Run these at the same instant; what each came to."""
    barrier = Barrier(len(works))

    def go(work: Callable[[], str]) -> str:
        barrier.wait()
        try:
            return work()
        except (Refused, Conflict) as error:
            return error.code

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(go, works))


@pytest.fixture
def hanako(own_database: Database) -> SignedIn:
    """Premium with two already; ready for two more, with one place left."""
    someone = create_person(own_database)
    show_card(own_database, someone)
    for code in (KESENNUMA, YOKOZE):
        ready(own_database, someone, code)
        assert ask(own_database, someone, code) == "granted"
    return someone


def ask(database: Database, someone: SignedIn, lg_code: str) -> str:
    """Apply; the state that it came to."""
    return database.run(
        someone.context,
        lambda db: (
            premium.apply(
                db,
                actor=someone.actor,
                lg_code=lg_code,
                now=NOW,
                book=policy_book(),
                evidence=EVIDENCE,
            ).application.state
        ),
    )


def forget(database: Database, someone: SignedIn, *codes: str) -> None:
    """Back to before these were granted or asked for."""
    with database.transaction(someone.context) as db:
        db.execute(delete(PremiumSlot).where(PremiumSlot.lg_code.in_(codes)))
        db.execute(update(Term).where(Term.lg_code.in_(codes)).values(state="annulled"))
        db.execute(update(Registration).where(Registration.lg_code.in_(codes)).values(tier="basic"))
        db.execute(
            update(Application).where(Application.lg_code.in_(codes)).values(state="withdrawn")
        )


def held(database: Database, someone: SignedIn) -> int:
    with database.transaction(someone.context) as db:
        return db.scalar(select(func.count()).select_from(PremiumSlot)) or 0


def test_r13_two_applications_at_once_with_one_place_left(
    own_database: Database, hanako: SignedIn
) -> None:
    for code in (HIDA, IIDA):
        ready(own_database, hanako, code)
    for _ in range(REPETITIONS):
        results = at_once(
            lambda: ask(own_database, hanako, HIDA), lambda: ask(own_database, hanako, IIDA)
        )
        assert sorted(results) == ["granted", "refused"]
        assert held(own_database, hanako) == 3
        forget(own_database, hanako, HIDA, IIDA)


def test_r13_two_approvals_at_once_with_one_place_left(
    own_database: Database, hanako: SignedIn
) -> None:
    ids: dict[str, UUID] = {}
    staff = {}
    for code in (HIDA, IIDA):
        ready(own_database, hanako, code, mode="review")
        assert ask(own_database, hanako, code) in {"review", "refused"}
        staff[code] = make_staff(own_database, code, Role.APPROVER)
        forget(own_database, hanako, code)
        ids[code] = _waiting_without_place(own_database, hanako, code)
    for _ in range(REPETITIONS):
        results = at_once(
            lambda: _approve(own_database, staff[HIDA], HIDA, ids[HIDA]),
            lambda: _approve(own_database, staff[IIDA], IIDA, ids[IIDA]),
        )
        assert sorted(results) == ["cap_reached", "granted"]
        assert held(own_database, hanako) == 3
        forget(own_database, hanako, HIDA, IIDA)
        with own_database.transaction(hanako.context) as db:
            db.execute(
                update(Application)
                .where(Application.id.in_(ids.values()))
                .values(state="review", judgement_id=None)
            )
        _forget_judgements(own_database)


def _waiting_without_place(database: Database, someone: SignedIn, lg_code: str) -> UUID:
    """An application whose kept place has fallen free after 30 days."""
    with database.transaction(someone.context) as db:
        row = db.scalars(select(Application).where(Application.lg_code == lg_code)).one()
        row.state, row.slot_until = "review", None
        return row.id


def _approve(database: Database, staff: SignedIn, lg_code: str, application_id: UUID) -> str:
    return database.run(
        for_body(lg_code, actor=staff.actor.label),
        lambda db: (
            approvals.approve(
                db,
                actor=staff.actor,
                lg_code=lg_code,
                application_id=application_id,
                now=NOW,
                book=policy_book(),
                evidence=EVIDENCE,
            ).state
        ),
    )


def _forget_judgements(database: Database) -> None:
    """A judgement is made once a day and subject; the next round judges the same again."""
    from sqlalchemy import create_engine, make_url

    from tests.conftest import server_address

    name = make_url(database._settings.database_url).database
    engine = create_engine(
        make_url(server_address(name or "")).set(drivername="postgresql+psycopg")
    )
    with engine.begin() as owner:
        owner.execute(text("delete from judgement"))
    engine.dispose()


def test_r13_a_fourth_place_cannot_be_written(own_database: Database, hanako: SignedIn) -> None:
    row = join(own_database, hanako, HIDA)
    with pytest.raises(Exception, match="ck_premium_slot_three"):
        _insert(own_database, hanako, row, 4)


def _insert(database: Database, someone: SignedIn, row: Registration, number: int) -> None:
    with database.transaction(someone.context) as db:
        db.add(
            PremiumSlot(
                person_id=someone.id,
                slot=number,
                lg_code=row.lg_code,
                registration_id=row.id,
                state="active",
                since=NOW.date(),
            )
        )
