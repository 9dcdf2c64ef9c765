"""What must never be true: queries that must return nothing, counted each night and shown.

One statement a local government: a job sees one at a time.
"""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from core.clock import japan_day, wall_now
from core.db import for_job, working_for
from workers.jobs import Scope
from workers.parts import Parts

#: Before this hour the nights of the day may still be running.
NIGHT_OVER = timedelta(hours=5)
#: Name → rows of one local government that break it. `:today` is the day whose nights are over.
OF_A_BODY: Mapping[str, str] = {
    # R14: premium past its term and grace; waiting for staff costs nobody the registration (R15).
    "premium_past_its_term": "select from term t where t.lg_code = :code"
    " and t.state in ('active', 'grace') and t.renewal_state not in ('veto', 'review')"
    " and greatest(t.last_day, t.extended_until, t.grace_until) < :today",
    # R14, d-5: a night that did not look at what was due.
    "term_not_decided": "select from term t where t.lg_code = :code"
    " and t.state in ('active', 'grace') and t.due_on <= :today"
    " and t.renewal_state not in ('veto', 'review') and t.due_on > date '2000-01-01'",
    # R18: a minor's premium without a guardian's living consent.
    "minor_without_consent": "select from registration r where r.lg_code = :code"
    " and r.status = 'active' and r.tier = 'premium' and r.direct and r.minor_until > :today"
    " and exists (select from term t where t.lg_code = r.lg_code and t.registration_id = r.id"
    " and t.state in ('active', 'grace'))"
    " and not exists (select from guardianship g where g.person_id = r.person_id"
    " and g.state = 'living' and g.scope = 'premium' and g.verified_at is not null)",
    # R13: a direct premium of a municipality without its place among three.
    "premium_without_place": "select from term t join local_government g on g.code = t.lg_code"
    " where t.lg_code = :code and t.state in ('active', 'grace') and g.kind = 'municipality'"
    " and not exists (select from premium_slot s where s.lg_code = t.lg_code"
    " and s.registration_id = t.registration_id and s.state = 'active')",
    # R13: a place held by nobody's premium.
    "place_without_premium": "select from premium_slot s where s.lg_code = :code"
    " and s.state = 'active' and not exists (select from term t where t.lg_code = s.lg_code"
    " and t.registration_id = s.registration_id and t.state in ('active', 'grace'))",
    # R02, R14: the tier shown is the tier held.
    "tier_without_ground": "select from registration r where r.lg_code = :code"
    " and r.status = 'active' and not r.derived and (r.tier = 'premium') <> exists"
    " (select from term t where t.lg_code = r.lg_code and t.registration_id = r.id"
    " and t.state in ('active', 'grace'))",
    # R02: derived from nothing.
    "derived_without_source": "select from registration r where r.lg_code = :code and r.derived"
    " and r.status = 'active' and jsonb_array_length(r.derived_from) = 0",
    # R06: released without all notices of the silence that ended it.
    "released_without_notices": "select from registration r where r.lg_code = :code"
    " and r.status = 'released_dormant' and (select count(distinct n.notice_days)"
    " from dormancy_notice n where n.lg_code = r.lg_code and n.registration_id = r.id"
    " and n.last_access_on = (select max(m.last_access_on) from dormancy_notice m"
    " where m.lg_code = r.lg_code and m.registration_id = r.id and m.sent_on <= r.released_on))"
    " < cardinality(cast(:notice_days as int[]))",
    # C33: the session's count of places and its sign-ups disagree.
    "places_miscounted": "select from activity_session s where s.lg_code = :code"
    " and s.taken <> (select count(*) from sign_up u where u.lg_code = s.lg_code"
    " and u.session_id = s.id and u.state in ('taken', 'offered')) and s.state = 'open'",
    # R08: more than one count a person, body and day.
    "counted_twice": "select from participation p where p.lg_code = :code and p.counted"
    " and p.annulled_at is null group by p.person_id, p.day having count(*) > 1",
    # R19: somebody counted without an accepted presence.
    "counted_without_presence": "select from participation p where p.lg_code = :code and p.counted"
    " and p.annulled_at is null and p.method <> 'roster' and not exists (select from check_in c"
    " where c.lg_code = p.lg_code and c.session_id = p.session_id and c.person_id = p.person_id"
    " and c.annulled_at is null)",
    # R25: rows of a local government that hang on another person's registration.
    "someone_elses_row": "select from term t join registration r on r.lg_code = t.lg_code"
    " and r.id = t.registration_id where t.lg_code = :code and r.person_id <> t.person_id",
    # R15: premium began or went on without a judgement.
    "term_without_judgement": "select from term t where t.lg_code = :code"
    " and t.renewal_state in ('veto', 'review', 'booked') and t.renewal_judgement_id is null",
}
#: Name → rows of the machinery, whatever their local government.
OF_THE_NATION: Mapping[str, str] = {
    # P07: claimed by a worker that died, and not taken back.
    "delivery_stuck": "select from delivery d where d.state = 'claimed'"
    " and d.claimed_until < cast(:wall as timestamptz) - interval '15 minutes'",
    # C51: a person or a local government that a night could not handle.
    "job_failed": "select from job_failure f where f.period = :today",
}


def _counting(queries: Mapping[str, str]) -> str:
    parts = (f"(select count(*) from ({rows}) v) as {name}" for name, rows in queries.items())
    return "select " + ", ".join(parts)


_BODY, _NATION = _counting(OF_A_BODY), _counting(OF_THE_NATION)


def check(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """Every invariant over every local government; only what is violated is listed."""
    given = {
        "today": scope.as_of,
        "wall": wall_now(),
        "notice_days": list(parts.book.on("dormancy.notice_days", scope.as_of).value),
    }
    found: dict[str, int] = {"violated": 0}
    codes = db.execute(
        text(
            "select code from local_government where state not in ('none', 'preparing')"
            " order by code"
        )
    ).scalars()
    for code in list(codes):
        with working_for(db, code):
            _add(found, db.execute(text(_BODY), {**given, "code": code}).mappings().one())
    _add(found, db.execute(text(_NATION), given).mappings().one())
    return found


def _add(found: dict[str, int], counted: RowMapping) -> None:
    for name, count in counted.items():
        if count:
            found[name] = found.get(name, 0) + count
            found["violated"] += count


def violated(parts: Parts) -> Mapping[str, int]:
    """Check now: `violated` is the total, the other names say what."""
    now = parts.clock.now()
    scope = Scope(None, japan_day(now - NIGHT_OVER), now)
    return parts.database.run(for_job("invariants"), lambda db: check(parts, db, scope))
