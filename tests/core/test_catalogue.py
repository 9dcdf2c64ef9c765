"""P15: the live catalogue against trust d-2's list, and each finding shown by a planted defect."""

from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import Connection, text

from core.db import Base, Context
from core.tenancy import OWNER, Audience, Reach, TableClass, owner_reads, tables_with_rights
from tests.conftest import RollbackDatabase
from tests.factories.registry import HIDA
from tests.security.places import settle

#: How PostgreSQL prints each reach.
PRINTED = {
    Reach.ALL: "true",
    Reach.BODY: "((lg_code)::text = ( SELECT furusato_lg_code() AS furusato_lg_code))",
    Reach.PERSON: "(person_id = ( SELECT furusato_person_id() AS furusato_person_id))",
    Reach.ACTOR: "((actor)::text = ( SELECT furusato_actor() AS furusato_actor))",
    Reach.PUBLISHED: "published",
    Reach.OPERATORS: (
        "(starts_with(( SELECT furusato_actor() AS furusato_actor), 'operator:'::text)"
        " AND starts_with((actor)::text, 'operator:'::text))"
    ),
    Reach.RECIPIENT: "(id = ( SELECT furusato_person_id() AS furusato_person_id))",
}
COMMANDS = {"s": "SELECT", "i": "INSERT", "u": "UPDATE", "d": "DELETE"}
#: Every row, in tables of persons, bodies and hosts: each such right with its reason.
ALL_ROWS = {
    ("account", "gate"): "who signs in is not known before",
    ("account", "relay"): "where a mail goes",
    ("web_session", "gate"): "as above: a token is looked up",
    ("web_session", "worker"): "retention",
    ("sign_in_code", "gate"): "a code is looked up by its binding",
    ("sign_in_code", "worker"): "retention",
    ("passkey", "gate"): "whose a key is, is not known before",
    ("passkey_challenge", "gate"): "a challenge is looked up by its binding",
    ("passkey_challenge", "worker"): "retention",
    ("export_file", "worker"): "made and deleted on time; sealed",
    ("identity_attempt", "worker"): "retention",
    ("guardianship", "gate"): "an invitation is looked up by its token",
    ("guardianship", "worker"): "consents end at 18 (R18)",
    ("notice", "worker"): "jobs tell people (insert only)",
    ("notice", "relay"): "what a mail says",
    ("body_value", "person"): "a body's published numbers",
    ("body_value", "worker"): "as above",
    ("body_value", "operator"): "as above",
    ("requirement_version", "person"): "a body's published requirement",
    ("requirement_version", "worker"): "as above",
    ("staff_role", "gate"): "roles are looked up at sign-in",
    ("staff_role", "operator"): "the first manager of a body (R01)",
    ("organisation", "person"): "whose activity it is, as published",
    ("member_import_row", "gate"): "an invitation is looked up by the token of its mail",
    ("organisation_member", "gate"): "for whom somebody acts is looked up",
    ("scanner_device", "gate"): "a device's token is looked up",
    ("stay_place", "gate"): "a poster's code names no body",
    ("stay_place", "person"): "as above",
    ("notification_setting", "relay"): "whether and when somebody wants to be told",
    ("push_subscription", "gate"): "a sign-out ends the browser's, by the sign-in's mark",
    ("push_subscription", "relay"): "where a notice goes, and that a browser is gone",
    ("figure_count", "worker"): "totals are added up from counts, which are of nobody",
    ("policy_snapshot", "person"): "numbers of the scheme and a body's own: public, of nobody",
    ("staff_provider", "gate"): "where a body's staff sign in is looked up before they have",
    ("staff_provider", "operator"): "the operator pins each body's provider",
    ("body_step", "worker"): "planned steps are taken on their day (R01)",
    ("body_step", "operator"): "the operator plans and takes steps (R01)",
}
#: Triggers that refuse what one person alone may not do (decision 0029).
TWO_PEOPLE = {
    "confirmation.two_people",
    "requirement_version.confirmed",
    "body_value.confirmed",
    "staff_role.confirmed",
    "staff_role.confirmed_again",
}


def findings(connection: Connection) -> list[str]:
    """Everything in the catalogue that d-2 forbids."""
    return [
        *_policies(connection),
        *(
            f"{what}: {name}"
            for what, query in QUERIES.items()
            for name in connection.execute(text(query), {"owner": OWNER}).scalars()
        ),
        *(f"trigger: {one}" for one in sorted(set(_triggers(connection)) ^ TWO_PEOPLE)),
    ]


def _triggers(connection: Connection) -> Sequence[str]:
    return connection.execute(text(_TRIGGERS)).scalars().all()


def _policies(connection: Connection) -> Iterator[str]:
    """A policy that says something else than its declaration, or is not declared."""
    declared = set()
    for table, _, grants in tables_with_rights(Base.metadata):
        for audience, given in grants.items():
            for grant in given:
                for letter in grant.commands:
                    shown = PRINTED[grant.reach]
                    using = None if letter == "i" else shown
                    check = shown if letter in "iu" else None
                    declared.add((table.name, audience.role, COMMANDS[letter], using, check))
        if table.name in owner_reads(Base.metadata):
            declared.add((table.name, OWNER, "SELECT", "true", None))
    query = "select tablename, unnest(roles), cmd, qual, with_check from pg_policies"
    found = {tuple(row) for row in connection.execute(text(query))}
    yield from (f"policy: {one}" for one in sorted(found ^ declared, key=str))


_OURS = "c.relnamespace = 'public'::regnamespace and c.relname <> 'alembic_version'"
QUERIES = {
    "row level security off or not forced": "select relname from pg_class c where relkind in"
    f" ('r', 'p') and {_OURS} and not (relrowsecurity and relforcerowsecurity)",
    "owned by somebody else": "select relname from pg_class c join pg_roles r on r.oid = relowner"
    f" where relkind in ('r', 'p', 'v', 'm', 'S') and {_OURS} and rolname <> :owner",
    "view that works as its owner": "select relname from pg_class c where relkind = 'v'"
    f" and {_OURS} and not coalesce(reloptions @> '{{security_invoker=true}}', false)",
    "copy of rows outside the policies": "select relname from pg_class c where relkind in"
    f" ('m', 'f') and {_OURS}",
    "definer without a fixed search path": "select proname from pg_proc p where prosecdef"
    " and pronamespace = 'public'::regnamespace"
    " and not exists (select 1 from unnest(proconfig) one where one like 'search_path=%')",
    "definer of another owner": "select proname from pg_proc p join pg_roles r on r.oid = proowner"
    " where prosecdef and pronamespace = 'public'::regnamespace and rolname <> :owner",
    "definer that everybody may call": "select proname from pg_proc p where prosecdef and"
    " pronamespace = 'public'::regnamespace and (proacl is null or exists (select 1 from"
    " aclexplode(proacl) where grantee = 0))",
    "table that everybody may use": "select relname from pg_class c, aclexplode(relacl)"
    f" where grantee = 0 and {_OURS}",
    "privilege beyond rows": "select relname from pg_class c, aclexplode(relacl) a join pg_roles r"
    f" on r.oid = a.grantee where {_OURS} and rolname <> :owner and rolname like 'furusato%'"
    " and privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')",
    "right that may be passed on": "select relname from pg_class c, aclexplode(relacl) a join"
    f" pg_roles r on r.oid = a.grantee where {_OURS} and rolname <> :owner"
    " and rolname like 'furusato%' and is_grantable",
    "default privilege": "select defaclobjtype::text from pg_default_acl",
    "role that may create": "select rolname from pg_roles where rolname like 'furusato%' and"
    " rolname <> :owner and has_schema_privilege(oid, 'public', 'CREATE')",
    "role with powers": "select rolname from pg_roles where rolname like 'furusato%' and"
    " (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication"
    " or (rolname = :owner and rolcanlogin))",
    "member of another role": "select member::regrole::text from pg_auth_members where"
    " member::regrole::text like 'furusato%'",
}
_TRIGGERS = (
    "select c.relname || '.' || tgname from pg_trigger t join pg_class c on c.oid = tgrelid"
    f" where not tgisinternal and tgenabled = 'O' and {_OURS}"
)

PLANTED = {
    "a table nobody declared": "create table planted (id int)",
    "security off": "alter table registration disable row level security",
    "security not forced": "alter table registration no force row level security",
    "a policy for a missing context": "create policy planted on registration for select to"
    " furusato_body using (furusato_lg_code() is null)",
    "a policy wider than declared": "alter policy body_select_body on registration using (true)",
    "a write that is not checked": "alter policy body_insert_body on registration with check (true)",
    "no policy": "drop policy person_select_person on registration",
    "a view of everybody": "create view planted as select * from registration",
    "a copy of everybody": "create materialized view planted as select * from registration",
    "a definer anybody may call": "create function planted() returns bigint language sql security"
    " definer set search_path = public as 'select count(*) from registration'",
    "a definer without a path": "create function planted() returns bigint language sql security"
    " definer as 'select count(*) from registration'",
    "a grant to everybody": "grant select on registration to public",
    "a right to empty a table": "grant truncate on registration to furusato_worker",
    "a right to pass on": "grant select on registration to furusato_body with grant option",
    "a default privilege": "alter default privileges in schema public grant select on tables to public",
    "a role that creates": "grant create on schema public to furusato_body",
    "a role in the owner's group": f"grant {OWNER} to furusato_worker",
    "an owner that signs in": f"alter role {OWNER} login",
    "a second person who is not asked": "alter table staff_role disable trigger confirmed",
    "a trigger of somebody's": "create trigger planted before update on registration for each row"
    " execute function suppress_redundant_updates_trigger()",
    "a role that bypasses": "alter role furusato_worker bypassrls",
}


def test_the_catalogue_has_nothing_that_is_forbidden(database: RollbackDatabase) -> None:
    """P15: findings 0."""
    with database.owner() as connection:
        assert findings(connection) == []


def test_no_role_may_make_tables_of_its_own(database: RollbackDatabase, template: str) -> None:
    """d-2: no CREATE and no TEMP in a migrated database; a copy of one has rights of its own."""
    query = (
        "select rolname from pg_roles where rolname like 'furusato%' and rolname <> :owner"
        " and has_database_privilege(oid, :database, 'CREATE, TEMP')"
    )
    with database.owner() as connection:
        found = connection.execute(text(query), {"owner": OWNER, "database": template})
        assert not found.all()


@pytest.mark.parametrize("defect", PLANTED)
def test_a_planted_defect_is_found(database: RollbackDatabase, defect: str) -> None:
    """Sensitivity: caught = planted."""
    with database.owner() as connection:
        connection.exec_driver_sql(PLANTED[defect])
        assert findings(connection)


def test_rights_over_all_rows_are_few_and_argued() -> None:
    """A right that reaches every row of persons, bodies or hosts has a reason here."""
    given = {
        (table.name, audience.value)
        for table, kind, grants in tables_with_rights(Base.metadata)
        if kind in {TableClass.PERSON, TableClass.BODY, TableClass.HOST}
        for audience, rights in grants.items()
        if any(right.reach is Reach.ALL for right in rights)
    }
    assert given == set(ALL_ROWS)


def test_without_a_context_there_is_nothing(database: RollbackDatabase) -> None:
    """P15: every table, every audience: no row to read, none to change, unless it is all rows'."""
    settle(database, HIDA)
    shown, looked = [], 0
    for table, _, grants in tables_with_rights(Base.metadata):
        for audience, given in grants.items():
            reaches = {one.reach for one in given if "s" in one.commands}
            if not reaches or reaches & {Reach.ALL, Reach.PUBLISHED}:
                continue
            looked += 1
            with database.transaction(Context(audience)) as db:
                if db.scalar(text(f"select count(*) from {table.name}")):
                    shown.append(f"{table.name} to {audience}")
                if any("u" in one.commands for one in given):
                    column = next(iter(table.columns)).name
                    changed = db.execute(text(f"update {table.name} set {column} = {column}"))
                    if changed.rowcount:  # type: ignore[attr-defined] # an UPDATE's result has it
                        shown.append(f"{table.name} changed by {audience}")
    assert looked > 40
    assert not shown
    assert set(Audience)
