"""The story's figures, counted in the database by its owner after everything has happened."""

from typing import Any

from sqlalchemy import Connection, text

from app.local import LocalStack
from app.migrate import owner
from app.story.world import World


def figures(stack: LocalStack, world: World) -> dict[str, Any]:
    """What the last line of `furusato demo --exit` says, but for the seconds."""
    with owner(stack.owner_url) as connection:
        return {
            "local_governments": _one(connection, "select count(*) from local_government"),
            "persons": _one(connection, "select count(*) from person"),
            "registrations": {
                "basic": _registrations(connection, "direct and tier = 'basic'"),
                "premium": _registrations(connection, "direct and tier = 'premium'"),
                "derived": _registrations(connection, "derived and not direct"),
            },
            "activities": {
                "designated": _one(
                    connection, "select count(*) from activity where state = 'designated'"
                ),
                "returned": _one(
                    connection,
                    "select count(*) from designation_event where to_state = 'returned'",
                ),
            },
            "check_ins": {
                # As answered: refused attempts are kept for 180 days only.
                "accepted": world.tally["scan_accepted"],
                "already": world.tally["scan_already"],
                "refused": world.tally["scan_refused"] + world.tally["scan_needs_input"],
            },
            "premium": {
                "granted": _one(
                    connection,
                    "select count(*) from registration_event where kind = 'application_granted'",
                ),
                "refused": _one(
                    connection,
                    "select count(*) from judgement where kind = 'premium' and not allowed",
                ),
            },
            "renewals": {
                "renewed": _judged(connection, "renewed"),
                "lapsed": _judged(connection, "lapsed_to_basic"),
            },
            "dormancy": {
                "notified": _one(connection, "select count(*) from dormancy_notice"),
                "kept": world.tally["kept"],
                "released": _one(
                    connection,
                    "select count(*) from registration_event where kind = 'released_dormant'",
                ),
                "restored": world.tally["restored"],
            },
            "notices": {
                "owed": _one(connection, "select count(*) from notice"),
                "delivered": _one(
                    connection,
                    "select count(*) from delivery where state in ('sent', 'suppressed')",
                ),
            },
            "invariants_violated": _invariants(connection),
        }


def _one(connection: Connection, sql: str, **values: object) -> int:
    return int(connection.execute(text(sql), values).scalar_one())


def _registrations(connection: Connection, condition: str) -> int:
    return _one(
        connection, f"select count(*) from registration where status = 'active' and {condition}"
    )


def _judged(connection: Connection, outcome: str) -> int:
    return _one(
        connection,
        "select count(*) from judgement where kind = 'renewal' and outcome = :outcome",
        outcome=outcome,
    )


def _invariants(connection: Connection) -> int:
    """Violations the nightly invariants found, over all nights of the story."""
    return _one(
        connection,
        "select coalesce(sum((counts->>'violated')::int), 0) from job_run where job = 'invariants'",
    )
