"""Who is asking decides which rows exist for them, and the database enforces it.

Each audience has a login role of its own that owns nothing. Each table declares, in its
`info`, what each audience may do and which rows it reaches: a single equality with the
transaction's context, because a policy with OR costs a thousandfold on lists. A missing
context is NULL, equals nothing, and so reaches nothing.

Tables come from migrations; the rights are installed from these declarations after each
migration (`install`), so that the code and the database cannot disagree.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Column, Connection, MetaData, Table, text

from core.types import PersonalDate, PersonalText

OWNER = "furusato_owner"
#: The table of local governments, whose codes the policies compare.
BODIES = "local_government"


class Audience(StrEnum):
    """Who a connection works for; each is a database login role."""

    GATE = "gate"
    PERSON = "person"
    BODY = "body"
    WORKER = "worker"
    RELAY = "relay"
    OPERATOR = "operator"

    @property
    def role(self) -> str:
        """The login role's name."""
        return f"furusato_{self.value}"


class Reach(StrEnum):
    """Which rows an audience reaches in a table."""

    ALL = "true"
    BODY = "lg_code = (select furusato_lg_code())"
    PERSON = "person_id = (select furusato_person_id())"
    ACTOR = "actor = (select furusato_actor())"
    PUBLISHED = "published"
    RECIPIENT = "id = (select furusato_person_id())"
    #: What operators did themselves, for one of them.
    OPERATORS = (
        "starts_with((select furusato_actor()), 'operator:') and starts_with(actor, 'operator:')"
    )


class TableClass(StrEnum):
    """What a table holds; the catalogue check asks different things of each."""

    PERSON = "P"  # owned by a person; no local government sees it
    BODY = "L"  # held by a local government; its code is in every key
    HOST = "O"  # of a host organisation, below a local government
    NATIONAL = "N"  # public reference data and totals
    MACHINERY = "W"  # outbox, jobs, idempotency, audit, keys


#: A row held by a local government that the person it is about may read and write too.
HELD = {
    "person": ("siu", Reach.PERSON),
    "body": ("siu", Reach.BODY),
    "worker": ("siu", Reach.BODY),
}
#: A row of a local government that no registrant reads.
BODY_ONLY = {"body": ("siu", Reach.BODY), "worker": ("siu", Reach.BODY)}


@dataclass(frozen=True, slots=True)
class Grant:
    """Commands (letters of `siud`: select, insert, update, delete) on the rows of a reach."""

    commands: str
    reach: Reach


_COMMANDS = {"s": "SELECT", "i": "INSERT", "u": "UPDATE", "d": "DELETE"}

#: Context of one transaction, kept until it ends and never beyond.
CONTEXT_FUNCTIONS = """
create or replace function furusato_lg_code() returns text language sql stable parallel safe
    as $$ select nullif(current_setting('furusato.lg_code', true), '') $$;
create or replace function furusato_person_id() returns uuid language sql stable parallel safe
    as $$ select nullif(current_setting('furusato.person_id', true), '')::uuid $$;
create or replace function furusato_actor() returns text language sql stable parallel safe
    as $$ select nullif(current_setting('furusato.actor', true), '') $$;
"""


def rights(
    table_class: TableClass,
    due: Mapping[str, str] | None = None,
    counted: str = "",
    totals: Mapping[str, str] | None = None,
    /,
    **audiences: tuple[str, Reach] | list[tuple[str, Reach]],
) -> dict[str, Any]:
    """The `info` of a table: its class and what each audience may do.

    `due` names, for a job, the rows it has to look at: a condition on `{as_of}` (the day it
    works for) and `{at}` (the instant). A job asks with it which local governments have any.
    `counted` says which rows of a person the relay may count, over all local governments.
    `totals` names questions over all local governments whose answers are numbers (`code`, `cell`,
    `value`): a job asks them, and sees no row of anybody.

    Example: `rights(TableClass.BODY, person=("s", Reach.PERSON), body=("siu", Reach.BODY))`.
    """
    grants = {
        Audience(name): [Grant(*entry) for entry in (given if isinstance(given, list) else [given])]
        for name, given in audiences.items()
    }
    return {
        "class": table_class,
        "rights": grants,
        "due": dict(due or {}),
        "counted": counted,
        "totals": dict(totals or {}),
    }


def tables_with_rights(
    metadata: MetaData,
) -> Iterator[tuple[Table, TableClass, Mapping[Audience, list[Grant]]]]:
    """Every table with its class and grants; a table without a declaration is an error."""
    for table in metadata.sorted_tables:
        if "class" not in table.info:
            raise LookupError(f"table {table.name} declares no class and no rights")
        yield table, table.info["class"], table.info["rights"]


def personal_columns(metadata: MetaData) -> list[Column[Any]]:
    """Every column declared as personal data."""
    return [
        column
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, PersonalText | PersonalDate)
    ]


#: Two databases of one server may be migrated at the same moment, and roles belong to the server.
_CREATE_ROLE = """
do $$ begin
    create role {name} {attributes};
exception when duplicate_object or unique_violation then
    null;
end $$
"""
_ATTRIBUTES = "login nosuperuser nobypassrls nocreatedb noinherit"


def create_roles(connection: Connection, password: str) -> None:
    """Create the owner (cannot log in) and the login roles, and set their password."""
    connection.execute(text(_CREATE_ROLE.format(name=OWNER, attributes="nologin")))
    for audience in Audience:
        connection.execute(text(_CREATE_ROLE.format(name=audience.role, attributes=_ATTRIBUTES)))
        if not _is_modest(connection, audience.role):
            connection.execute(text(f"alter role {audience.role} {_ATTRIBUTES}"))
        if password:
            # ALTER ROLE takes no bind parameters; the server quotes the literal itself.
            quoted = connection.execute(
                text("select quote_literal(:password)"), {"password": password}
            ).scalar_one()
            connection.execute(text(f"alter role {audience.role} password {quoted}"))


def _is_modest(connection: Connection, role: str) -> bool:
    """Whether a login role has the attributes it should, and no more."""
    found: bool = connection.execute(
        text(
            "select rolcanlogin and not (rolsuper or rolbypassrls or rolcreatedb or rolinherit)"
            " from pg_roles where rolname = :role"
        ),
        {"role": role},
    ).scalar_one()
    return found


def install(connection: Connection, metadata: MetaData) -> None:
    """Bring owners, grants and policies of all tables in line with their declarations."""
    for statement in CONTEXT_FUNCTIONS.strip().split(";\n"):
        connection.exec_driver_sql(statement)
    database = connection.execute(text("select current_database()")).scalar_one()
    roles = ", ".join(audience.role for audience in Audience)
    connection.execute(text(f'revoke all on database "{database}" from public'))
    connection.execute(text(f'grant connect on database "{database}" to {roles}'))
    connection.execute(text("revoke all on schema public from public"))
    connection.execute(text(f"grant usage on schema public to {roles}"))
    connection.execute(text(f"grant usage, create on schema public to {OWNER}"))
    for table, _, grants in tables_with_rights(metadata):
        _install_table(connection, table, grants)
    for name in owner_reads(metadata):
        connection.execute(
            text(f"create policy owner_select on {name} for select to {OWNER} using (true)")
        )
    _install_due_bodies(connection, metadata)
    _install_counts(connection, metadata)
    _install_totals(connection, metadata)


def _install_table(
    connection: Connection, table: Table, grants: Mapping[Audience, list[Grant]]
) -> None:
    name = table.name
    connection.execute(text(f"alter table {name} owner to {OWNER}"))
    connection.execute(text(f"revoke all on {name} from public"))
    connection.execute(text(f"alter table {name} enable row level security"))
    connection.execute(text(f"alter table {name} force row level security"))
    old = connection.execute(
        text("select policyname from pg_policies where tablename = :name"), {"name": name}
    ).scalars()
    for policy in list(old):
        connection.execute(text(f'drop policy "{policy}" on {name}'))
    for audience in Audience:
        connection.execute(text(f"revoke all on {name} from {audience.role}"))
        for grant in grants.get(audience, []):
            for letter in grant.commands:
                _allow(connection, name, audience, _COMMANDS[letter], grant.reach)


def _allow(
    connection: Connection, name: str, audience: Audience, command: str, reach: Reach
) -> None:
    clause = {
        "SELECT": f"using ({reach})",
        "DELETE": f"using ({reach})",
        "INSERT": f"with check ({reach})",
        "UPDATE": f"using ({reach}) with check ({reach})",
    }[command]
    policy = f"{audience}_{command.lower()}_{reach.name.lower()}"
    connection.execute(text(f"grant {command} on {name} to {audience.role}"))
    connection.execute(
        text(f"create policy {policy} on {name} for {command} to {audience.role} {clause}")
    )


def owner_reads(metadata: MetaData) -> set[str]:
    """Tables that the owner's functions look through; forced policies bind the owner too."""
    looked = (t for t in metadata.sorted_tables if t.info.get("due") or t.info.get("counted"))
    return {BODIES, *(table.name for table in looked)}


#: Jobs that go on where a local government has left: it takes its lists along (R28), and what is
#: kept no longer than its time goes there too (R25).
AFTERWARDS: Final = frozenset({"desk_exports", "imports_end", "retention"})
_LEFT: Final = ", 'left'"


def _install_due_bodies(connection: Connection, metadata: MetaData) -> None:
    """`furusato_due_bodies(job, as_of, at)`: codes of local governments where a job has work.

    A job sees one local government at a time, so something must say which; this function tells
    codes and nothing else. One probe of an index a local government: a subquery with LIMIT is
    never turned into a scan of everybody's rows.
    """
    branches: dict[str, list[str]] = {}
    for table in metadata.sorted_tables:
        for job, condition in table.info.get("due", {}).items():
            rows = condition.format(as_of="$2", at="$3")
            probe = f"(select true from {table.name} where lg_code = g.code and {rows} limit 1)"
            branches.setdefault(job, []).append(probe)
    present = "'trial', 'active', 'suspended'"
    cases = "".join(
        f" when '{job}' then return query select g.code::text from {BODIES} g where g.state in"
        f" ({present}{_LEFT if job in AFTERWARDS else ''}) and ({' or '.join(probes)}) order by 1;"
        for job, probes in sorted(branches.items())
    )
    if not cases:
        return
    signature = "furusato_due_bodies(text, date, timestamptz)"
    body = f"begin case $1{cases} end case; end"
    _install_definer(connection, signature, "setof text", ("plpgsql", body), Audience.WORKER)


def _install_counts(connection: Connection, metadata: MetaData) -> None:
    """`furusato_counted(people)`: how many rows each person has that are declared as `counted`.

    The relay must know who is registered with very many places (R05) and sees no registration:
    numbers are all it is told.
    """
    counts = [
        f"select t.person_id, count(*) from {table.name} t"
        f" where t.person_id = any($1) and {table.info['counted']} group by 1"
        for table in metadata.sorted_tables
        if table.info.get("counted")
    ]
    if not counts:
        return
    body = ("sql", " union all ".join(counts))
    shape = "table (person_id uuid, found bigint)"
    _install_definer(connection, "furusato_counted(uuid[])", shape, body, Audience.RELAY)


def _install_totals(connection: Connection, metadata: MetaData) -> None:
    """`furusato_totals_…()`: the questions that are declared as `totals`, for jobs."""
    shape = "table (code text, cell text, value bigint)"
    for table in metadata.sorted_tables:
        for name, query in table.info.get("totals", {}).items():
            signature = f"furusato_totals_{name}()"
            _install_definer(connection, signature, shape, ("sql", query), Audience.WORKER)


def _install_definer(
    connection: Connection,
    signature: str,
    returns: str,
    body: tuple[str, str],
    audience: Audience,
) -> None:
    """A function that reads as the owner, for one audience and nobody else."""
    language, statements = body
    connection.exec_driver_sql(
        f"create or replace function {signature} returns {returns} language {language} stable"
        " security definer set search_path = pg_catalog, public, pg_temp"
        f" as $$ {statements} $$"
    )
    connection.execute(text(f"alter function {signature} owner to {OWNER}"))
    connection.execute(text(f"revoke all on function {signature} from public"))
    connection.execute(text(f"grant execute on function {signature} to {audience.role}"))
