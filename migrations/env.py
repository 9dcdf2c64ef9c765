"""Runs the one history of migrations, then brings roles, grants and policies in line."""

from alembic import context
from alembic.operations.ops import CreateTableOp, MigrationScript
from sqlalchemy import Connection, create_engine, pool, text

import activities.models
import core.models
import registry.models
import reporting.models
from core.db import Base
from core.tenancy import create_roles, install

# Named so that a reader sees why they are imported: they fill the metadata.
MODELS = (core.models, registry.models, activities.models, reporting.models)


def without_rights(_context: object, _revision: object, directives: list[MigrationScript]) -> None:
    """Keep tables' declared rights out of generated migrations: `install` applies them."""
    for script in directives:
        for step in script.upgrade_ops.ops if script.upgrade_ops else ():
            if isinstance(step, CreateTableOp):
                step.info = {}


def migrate(connection: Connection) -> None:
    """Upgrade to the newest revision under short lock timeouts (2 s, so nobody waits long)."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_server_default=False,
        process_revision_directives=without_rights,
    )
    if context.get_x_argument(as_dictionary=True).get("check") is None:
        password = context.config.attributes.get("role_password", "")
        create_roles(connection, password)
        connection.execute(text("set lock_timeout = '2s'"))
    with context.begin_transaction():
        context.run_migrations()
    if context.config.attributes.get("install_rights", True):
        install(connection, Base.metadata)


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    with engine.begin() as made:
        migrate(made)
