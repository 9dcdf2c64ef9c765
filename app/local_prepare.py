"""What every rehearsal on one machine needs before its processes start."""

from rich.console import Console

from app import migrate as migrations
from app.local import LocalStack, LocalStackError
from core.db import Database


def prepare(stack: LocalStack, console: Console) -> None:
    """Migrate and load; a rehearsal never mixes with people who are already there.

    Raises:
        LocalStackError: The database holds people.
    """
    settings = stack.settings()
    migrations.upgrade(stack.owner_url, settings.db_password.get_secret_value())
    if migrations.holds_people(stack.owner_url):
        raise LocalStackError(
            "This database already holds people, and a rehearsal would mix its own with them:"
            " give it an empty database."
        )
    count = migrations.load(stack.owner_url)
    console.print(f"{count:,} local governments loaded.")
    # What every process would refuse, said here once.
    database = Database(settings)
    try:
        database.check_safe()
    finally:
        database.dispose()
