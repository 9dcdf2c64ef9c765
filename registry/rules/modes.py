"""R15: when a decision takes effect, and until when it can be undone."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from registry.rules.calendars import japan_day
from registry.rules.facts import DecisionMode
from registry.rules.plain import Plain
from registry.rules.policy import Policy

INHERIT = "inherit"
MODE_KEYS = (
    "decision.mode",
    "decision.mode.registration",
    "decision.mode.renewal",
    "decision.mode.release",
)


class DecisionKind(StrEnum):
    """What a body may decide by itself or by staff."""

    REGISTRATION = "registration"
    RENEWAL = "renewal"
    RELEASE = "release"


class ResolutionState(StrEnum):
    EFFECTIVE = "effective"
    WAITING_VETO = "waiting_veto"
    WAITING_STAFF = "waiting_staff"


@dataclass(frozen=True, slots=True)
class Resolution(Plain):
    """When a decision takes effect. `effective_at` is None while staff must decide.

    `reversible_until` is the last instant at which staff can reverse it, counted from effect.
    `nudge_on` are the Japanese days on which waiting staff are reminded.
    """

    mode: DecisionMode
    state: ResolutionState
    effective_at: datetime | None
    reversible_until: datetime | None
    nudge_on: tuple[date, ...] = ()


def mode_for(policy: Policy, kind: DecisionKind) -> DecisionMode:
    """R15: the mode a body chose for registrations, renewals or releases, or its general one."""
    own = policy.text(f"decision.mode.{kind}")
    return DecisionMode(policy.text("decision.mode") if own == INHERIT else own)


def resolution(mode: DecisionMode, decided_at: datetime, policy: Policy) -> Resolution:
    """R15: auto takes effect now, veto after the veto hours, review when staff decide."""
    if mode is DecisionMode.REVIEW:
        nudges = policy.integers("decision.nudge_days")
        asked_on = japan_day(decided_at)
        return Resolution(
            mode=mode,
            state=ResolutionState.WAITING_STAFF,
            effective_at=None,
            reversible_until=None,
            nudge_on=tuple(asked_on + timedelta(days=days) for days in sorted(nudges)),
        )
    waits = mode is DecisionMode.VETO
    hours = policy.integer("decision.veto_hours") if waits else 0
    effective_at = decided_at + timedelta(hours=hours)
    return Resolution(
        mode=mode,
        state=ResolutionState.WAITING_VETO if waits else ResolutionState.EFFECTIVE,
        effective_at=effective_at,
        reversible_until=reversible_until(effective_at, policy),
    )


def reversible_until(effective_at: datetime, policy: Policy) -> datetime:
    """R15: the last instant at which staff can reverse a decision that took effect."""
    return effective_at + timedelta(days=policy.integer("decision.reverse_days"))


def is_due(given: Resolution, now: datetime) -> bool:
    """R15: whether a decision that nobody objected to takes effect by now."""
    return given.effective_at is not None and given.effective_at <= now
