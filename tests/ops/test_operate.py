"""Keys made, listed and revoked from the console (R22)."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app import migrate, operate
from core import signin
from core.db import Context, Database
from core.errors import Invalid, NotFound
from core.tenancy import Audience
from qr.signatures import KeyStatus
from qr.store import OVERLAP, SIGN_FOR
from registry.doors import GATE
from registry.policybook import load_policy
from registry.rules.policy import PolicyBook

NOW = datetime(2027, 6, 1, 1, 0, tzinfo=UTC)
SECRET = "a-secret-of-this-test-32-letters!"
OPERATOR = Context(Audience.OPERATOR, actor="operator:test")


@pytest.fixture(scope="module")
def book() -> PolicyBook:
    return load_policy()


@pytest.fixture
def two_bodies(own_database: Database) -> Database:
    with own_database.transaction(OPERATOR) as db:
        db.execute(
            text("update local_government set state = 'active' where code in ('212172', '202053')")
        )
        db.execute(text("update local_government set state = 'preparing' where code = '131016'"))
    return own_database


def test_r22_bodies_that_take_registrations_get_their_keys_once(
    two_bodies: Database, book: PolicyBook
) -> None:
    made = operate.rotate_keys(two_bodies, book=book, secret=SECRET, now=NOW)
    again = operate.rotate_keys(two_bodies, book=book, secret=SECRET, now=NOW)
    listed = operate.list_keys(two_bodies)

    assert len(made) == 5
    assert again == ()
    assert [(key.lg_code, key.use) for key in listed] == [
        (None, "root"),
        ("202053", "card"),
        ("202053", "venue"),
        ("212172", "card"),
        ("212172", "venue"),
    ]


def test_r22_keys_are_replaced_in_time_and_retired_at_their_end(
    two_bodies: Database, book: PolicyBook
) -> None:
    first = operate.rotate_keys(two_bodies, book=book, secret=SECRET, now=NOW)
    second = operate.rotate_keys(
        two_bodies, book=book, secret=SECRET, now=NOW + SIGN_FOR - timedelta(days=29)
    )
    assert len(second) == 5
    operate.rotate_keys(two_bodies, book=book, secret=SECRET, now=NOW + SIGN_FOR + OVERLAP)
    ended = {key.kid for key in operate.list_keys(two_bodies) if key.status is KeyStatus.RETIRED}
    assert ended == set(first)


def test_r22_revoked_key_has_a_successor_and_no_private_half(
    two_bodies: Database, book: PolicyBook
) -> None:
    operate.rotate_keys(two_bodies, book=book, secret=SECRET, now=NOW)
    lost = next(key for key in operate.list_keys(two_bodies) if key.lg_code == "212172")

    (successor,) = operate.withdraw_key(two_bodies, lost.kid, book=book, secret=SECRET, now=NOW)

    after = {key.kid: key for key in operate.list_keys(two_bodies)}
    assert after[lost.kid].status is KeyStatus.REVOKED
    assert after[lost.kid].private_key_sealed is None
    assert (after[successor].lg_code, after[successor].use) == (lost.lg_code, lost.use)
    with pytest.raises(NotFound):
        operate.withdraw_key(two_bodies, lost.kid, book=book, secret=SECRET, now=NOW)


def test_every_act_on_a_key_is_written_down(two_bodies: Database, book: PolicyBook) -> None:
    made = operate.rotate_keys(two_bodies, book=book, secret=SECRET, now=NOW)
    operate.withdraw_key(two_bodies, made[0], book=book, secret=SECRET, now=NOW)
    # The operator may add to the audit trail but not read it; the owner may.
    with migrate.owner(two_bodies._settings.database_url) as connection:
        written = connection.execute(
            text("select action, actor from audit_event where subject_kind = 'signing_key'")
        ).all()
    assert sorted(written) == [
        *[("signing_key.create", "system:console")] * 6,
        ("signing_key.revoke", "system:console"),
    ]


def test_the_first_operator_is_added_from_the_console(own_database: Database) -> None:
    """Whoever is added twice is one account, which can sign in by code."""
    first = operate.add_operator(own_database, "Unei@Example.jp", secret=SECRET, now=NOW)
    again = operate.add_operator(own_database, "unei@example.jp", secret=SECRET, now=NOW)
    assert first == again
    with own_database.transaction(GATE) as db:
        code = signin.start(
            db, kind="operator", email="unei@example.jp", secret=SECRET, address="here", now=NOW
        )
    with own_database.transaction(GATE) as db:
        token = signin.sign_in(
            db,
            code=code.code,
            binding=code.binding,
            secret=SECRET,
            transport="cookie",
            user_agent="",
            now=NOW,
        )
        assert token is not None
        found = signin.session_of(db, token, now=NOW)
    assert found is not None
    assert (found.kind, found.account_id) == ("operator", first)


def test_no_address_no_operator(own_database: Database) -> None:
    with pytest.raises(Invalid):
        operate.add_operator(own_database, "nobody", secret=SECRET, now=NOW)
