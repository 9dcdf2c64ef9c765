"""The catalogue says what the declarations say, and a missing context reaches nothing."""

from uuid import uuid4

import pytest
from sqlalchemy import Engine, Index, UniqueConstraint, text
from sqlalchemy.exc import DBAPIError

import activities.models
import core.models
import registry.models
import reporting.models
from core.db import Base, Context, Database, for_body, for_person, working_for
from core.tenancy import (
    OWNER,
    Audience,
    TableClass,
    owner_reads,
    personal_columns,
    tables_with_rights,
)
from tests.conftest import RollbackDatabase

MODELS = (activities.models, core.models, registry.models, reporting.models)
#: Indexes and keys that must be unique across local governments, each with its reason.
UNIQUE_ACROSS_BODIES = {
    "uq_activity_session_poster_code": "a poster's address names no local government",
    "uq_stay_place_poster_code": "as above",
    "uq_scanner_device_token_hash": "a bearer token is looked up before its body is known",
    "uq_organisation_invitation_token_hash": "as above",
    "uq_member_import_row_token_hash": "as above",
}


def test_every_table_is_declared_and_the_catalogue_agrees(template_engine: Engine) -> None:
    """Owner cannot log in; RLS on and forced; policies exist exactly where rights are given."""
    declared = {table.name: grants for table, _, grants in tables_with_rights(Base.metadata)}
    with template_engine.connect() as connection:
        found = connection.execute(
            text(
                "select c.relname, r.rolname, c.relrowsecurity, c.relforcerowsecurity"
                " from pg_class c join pg_roles r on r.oid = c.relowner"
                " where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace"
                " and c.relname <> 'alembic_version'"
            )
        ).all()
        assert {name for name, *_ in found} == set(declared)
        assert {(owner, on, forced) for _, owner, on, forced in found} == {(OWNER, True, True)}
        policies = connection.execute(
            text("select tablename, roles[1], cmd, coalesce(qual, with_check) from pg_policies")
        ).all()
        assert {role for _, role, _, _ in policies} <= {OWNER, *(one.role for one in Audience)}
        for name, grants in declared.items():
            wanted = {
                (audience.role, letter)
                for audience, given in grants.items()
                for grant in given
                for letter in grant.commands
            }
            if name in owner_reads(Base.metadata):
                wanted.add((OWNER, "s"))
            there = {
                (role, {"SELECT": "s", "INSERT": "i", "UPDATE": "u", "DELETE": "d"}[command])
                for table, role, command, _ in policies
                if table == name
            }
            assert there == wanted, name


def test_login_roles_own_nothing_and_bypass_nothing(template_engine: Engine) -> None:
    """No runtime role is superuser, bypasses policies, owns a table or is in the owner's group."""
    with template_engine.connect() as connection:
        roles = connection.execute(
            text(
                "select rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolcanlogin,"
                f" pg_has_role(oid, '{OWNER}', 'member')"
                " from pg_roles where rolname like 'furusato%'"
            )
        ).all()
    by_name = {name: rest for name, *rest in roles}
    assert by_name.pop(OWNER)[4] is False
    assert set(by_name) == {one.role for one in Audience}
    for flags in by_name.values():
        assert flags == [False, False, False, False, True, False]


def test_keys_of_a_bodys_tables_start_with_its_code() -> None:
    """Unique keys and foreign keys of L and O tables carry lg_code first, so nothing leaks by conflict."""
    for table, kind, _ in tables_with_rights(Base.metadata):
        if kind not in {TableClass.BODY, TableClass.HOST}:
            continue
        assert next(iter(table.primary_key.columns)).name == "lg_code", table.name
        uniques: list[Index | UniqueConstraint] = [
            *(index for index in table.indexes if index.unique),
            *(one for one in table.constraints if isinstance(one, UniqueConstraint)),
        ]
        for unique in uniques:
            if str(unique.name) not in UNIQUE_ACROSS_BODIES:
                assert "lg_code" in [column.name for column in unique.columns], unique.name
        for key in table.foreign_key_constraints:
            target = key.referred_table
            if target.info["class"] in {TableClass.BODY, TableClass.HOST}:
                assert key.column_keys[0] == "lg_code", key.name


def test_no_policy_lets_rows_through_without_a_context(own_database: Database) -> None:
    """P15: a connection without context sees no row of a person or a local government."""
    person = uuid4()
    with own_database.transaction(Context(Audience.GATE)) as db:
        db.execute(
            text("insert into account (id, kind, created_at) values (:id, 'person', now())"),
            {"id": person},
        )
    with own_database.transaction(for_person(person)) as db:
        db.execute(
            text("insert into person (id, nickname, created_at) values (:id, 'x', now())"),
            {"id": person},
        )
        assert db.scalar(text("select count(*) from person")) == 1
    for audience in (Audience.PERSON, Audience.WORKER):
        with own_database.transaction(Context(audience)) as db:
            assert db.scalar(text("select count(*) from person")) == 0
    with (
        pytest.raises(DBAPIError, match="permission denied"),
        own_database.transaction(for_body("212172", actor="t")) as db,
    ):
        db.scalar(text("select count(*) from person"))


def test_a_context_ends_with_its_transaction(own_database: Database) -> None:
    """The next user of a pooled connection starts with nothing, after commit and after rollback."""
    own_database._settings.__dict__["db_pool_size"] = 1
    with own_database.transaction(for_body("212172", actor="t")) as db:
        assert db.scalar(text("select furusato_lg_code()")) == "212172"
    with pytest.raises(ZeroDivisionError), own_database.transaction(for_body("042056", actor="t")):
        raise ZeroDivisionError
    with own_database.engine(Audience.BODY).connect() as connection:
        assert connection.scalar(text("select furusato_lg_code()")) is None


def test_another_bodys_rows_can_be_neither_read_nor_written(database: RollbackDatabase) -> None:
    """P13 at its root: the wall is in the database."""
    insert = text(
        "insert into organisation (lg_code, id, name, kind, state, created_at)"
        " values (:code, :id, 'x', 'npo', 'active', now())"
    )
    with database.transaction(for_body("212172", actor="t")) as db:
        db.execute(insert, {"code": "212172", "id": uuid4()})
    with database.transaction(for_body("042056", actor="t")) as db:
        assert db.scalar(text("select count(*) from organisation")) == 0
    with (
        pytest.raises(DBAPIError, match="row-level security"),
        database.transaction(for_body("042056", actor="t")) as db,
    ):
        db.execute(insert, {"code": "212172", "id": uuid4()})


def test_working_for_another_body_comes_back(database: RollbackDatabase) -> None:
    """R02: one transaction may write two bodies' rows, each under its own context."""
    with database.transaction(for_body("212172", actor="t")) as db:
        with working_for(db, "210005"):
            assert db.scalar(text("select furusato_lg_code()")) == "210005"
        assert db.scalar(text("select furusato_lg_code()")) == "212172"


def test_personal_data_is_declared() -> None:
    """Columns that by name hold personal data have the declared type, so that hooks find them."""
    declared = {(column.table.name, column.name) for column in personal_columns(Base.metadata)}
    suspicious = {"email", "kana", "address", "birth_date", "nickname", "display_name", "contact"}
    public = {("local_government", "kana"), ("activity", "contact")}
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if column.name in suspicious and (table.name, column.name) not in public:
                assert (table.name, column.name) in declared, f"{table.name}.{column.name}"
