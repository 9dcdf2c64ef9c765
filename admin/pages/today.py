"""今日: what waits for a human, what the platform did by itself, and today's sessions."""

from fastapi import APIRouter, Response

from activities.refusals import policy_now
from admin import night, waiting
from admin.desk import Done, ViewerDesk
from admin.pages.own import passkey_offered

router = APIRouter(include_in_schema=False)
#: Sessions of today and of the days after it that staff prepare for.
DAYS_AHEAD = 7
HOME = "/staff/{lg_code}"


@router.get(HOME)
def today(desk: ViewerDesk, done: Done = "") -> Response:
    """R15: four numbers with links, then the sessions, then last night."""
    offered = passkey_offered(desk.request)
    with desk.transaction() as db:
        policy = policy_now(db, desk.book, desk.lg_code, desk.now)
        queue = waiting.counts(db, lg_code=desk.lg_code, today=desk.today, now=desk.now)
        sessions = waiting.sessions_on(db, lg_code=desk.lg_code, day=desk.today, days=DAYS_AHEAD)
        scans = waiting.unsettled_scans(db, lg_code=desk.lg_code, now=desk.now, limit=10)
        return desk.render(
            db,
            "today.html",
            here="today",
            done=done,
            queue=queue,
            sessions=sessions,
            scans=scans,
            lost=waiting.undelivered(db, lg_code=desk.lg_code, today=desk.today),
            lost_days=waiting.LOST_DAYS.days,
            reverse_days=policy.integer("decision.reverse_days"),
            due_days=waiting.DUE_DAYS.days,
            passkey_offered=offered,
            night=night.by_itself(db, lg_code=desk.lg_code, today=desk.today),
        )
