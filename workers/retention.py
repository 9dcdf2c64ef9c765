"""R25: what is kept no longer than its time; people's names go, the records that count stay."""

from collections.abc import Mapping
from datetime import date, timedelta

from sqlalchemy import CursorResult, text
from sqlalchemy.orm import Session

from core import audit
from core.access import system
from core.clock import wall_now
from registry.rules.calendars import add_months
from reporting import trials
from workers.jobs import Scope
from workers.parts import Parts

ACTOR = system("retention")
MONTHS_PER_YEAR = 12
#: What stands where a name stood.
ERASED = "（削除済み）"


def _days(parts: Parts, key: str, day: date) -> timedelta:
    return timedelta(days=int(parts.book.on(f"retention.{key}", day).value))


def _count(result: object) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0


def of_nation(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """Sign-in codes, ended sign-ins, keys of requests, visits to the identity provider."""
    signed = scope.now - _days(parts, "signin_days", scope.as_of)
    asked = scope.now - _days(parts, "idempotency_days", scope.as_of)
    rows = {
        "sign_in_codes": ("delete from sign_in_code where expires_at < :at", asked),
        "passkey_challenges": ("delete from passkey_challenge where expires_at < :at", scope.now),
        "web_sessions": (
            "delete from web_session where least(coalesce(ended_at, expires_at), expires_at) < :at",
            signed,
        ),
        "idempotency_keys": ("delete from idempotency_key where expires_at < :at", scope.now),
        "staff_visits": ("delete from staff_visit where expires_at < :at", wall_now()),
        # A visit to the provider lives by the machine's own time, whatever a rehearsal's clock says.
        "identity_attempts": (
            "delete from identity_attempt where expires_at < :at",
            wall_now() - _days(parts, "signin_days", scope.as_of),
        ),
    }
    return {
        name: _count(db.execute(text(statement), {"at": at}))
        for name, (statement, at) in rows.items()
    }


def of_body(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """Refused scans and old trials are deleted; registrations past their time lose the person's name.

    A registration released as dormant is kept for as long as it can be restored (R06), an ended
    one for the years of `retention.record_years`. Rows are never deleted: totals stay true.
    """
    scans = db.execute(
        text(
            "delete from scan_attempt where lg_code = :code and outcome = 'refused'"
            " and received_at < :at"
        ),
        {"code": scope.code, "at": scope.now - _days(parts, "scan_refused_days", scope.as_of)},
    )
    years = int(parts.book.on("retention.record_years", scope.as_of).value)
    erased = db.execute(
        text(
            "update registration set display_name = :erased, kana = null, residence_code = null,"
            " minor_until = null, emergency_name = null, emergency_phone = null, pseudonymised_on = :as_of"
            " where lg_code = :code and status <> 'active' and pseudonymised_on is null"
            " and (restore_until < :as_of or (restore_until is null and ended_on < :past))"
            " returning id"
        ),
        {
            "code": scope.code,
            "as_of": scope.as_of,
            "past": add_months(scope.as_of, -years * MONTHS_PER_YEAR),
            "erased": ERASED,
        },
    ).all()
    db.execute(
        text("delete from question where lg_code = :code and registration_id = any(:erased)"),
        {"code": scope.code, "erased": [one for (one,) in erased]},
    )
    for (registration_id,) in erased:
        audit.record(
            db,
            actor=ACTOR,
            action="registration.pseudonymise",
            subject=("registration", registration_id),
            now=scope.now,
            lg_code=scope.code,
            fields=["display_name", "kana", "residence_code"],
        )
    tried = trials.forget(db, lg_code=scope.code, as_of=scope.as_of)
    return {"scans": _count(scans), "pseudonymised": len(erased), "trials": tried}
