"""Alive, ready, and what the workers are doing."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from sqlalchemy import text

from core.clock import wall_now
from core.db import Context
from core.tenancy import Audience
from core.web import Platform, PlatformDep, platform_of

router = APIRouter(prefix="/health", tags=["health"])
#: A worker that has not been heard for this long is reported as away.
STALE = timedelta(minutes=2)
GATE = Context(Audience.GATE, actor="system:health")
OPERATOR = Context(Audience.OPERATOR, actor="system:health")


# One look into the key's index a job: the record of a year has millions of rows.
_NEWEST = """
with recursive named(job) as (
  select min(job) from job_run
  union all
  select (select min(r.job) from job_run r where r.job > named.job) from named
   where named.job is not null)
select job, (select r.period from job_run r where r.job = named.job and r.state = 'done'
              order by r.period desc limit 1) as period
  from named where job is not null
"""


@router.get("/alive", summary="The process answers")
def alive() -> dict[str, str]:
    """Nothing but the process itself is asked."""
    return {"status": "alive"}


def readiness(platform: Annotated[Platform, Depends(platform_of)]) -> dict[str, Any]:
    """What can be said about the parts behind this process."""
    with platform.database.transaction(OPERATOR) as db:
        beats = db.execute(text("select name, at, facts from heartbeat")).all()
        open_jobs = db.execute(
            text("select count(*) from job_run where state <> 'done'")
        ).scalar_one()
        newest_done = db.execute(text(_NEWEST)).all()
        checked = db.execute(
            text(
                "select period, counts from job_run where job = 'invariants' and state = 'done'"
                " order by period desc limit 1"
            )
        ).one_or_none()
        waiting = db.execute(
            text("select count(*) from delivery where state in ('queued', 'claimed')")
        ).scalar_one()
    now = wall_now()
    heartbeats = {
        name: {
            "seconds_ago": round((now - at).total_seconds(), 1),
            "alive": now - at < STALE,
            **facts,
        }
        for name, at, facts in beats
    }
    return {
        "database": "ready",
        "clock": platform.clock.now().isoformat(),
        "heartbeats": heartbeats,
        "jobs": {
            "open": open_jobs,
            "done_until": {job: day.isoformat() for job, day in newest_done if day is not None},
        },
        "invariants": None
        if checked is None
        else {"day": checked.period.isoformat(), "violated": 0, **(checked.counts or {})},
        "deliveries_waiting": waiting,
    }


@router.get("/ready", summary="The process and the parts behind it")
def ready(platform: PlatformDep, response: Response) -> dict[str, Any]:
    """503 when the database does not answer; workers are reported, and do not decide."""
    facts = readiness(platform)
    workers = [beat["alive"] for name, beat in facts["heartbeats"].items() if name == "worker"]
    facts["status"] = "ready" if workers and all(workers) else "ready_without_workers"
    response.headers["Cache-Control"] = "no-store"
    return facts
