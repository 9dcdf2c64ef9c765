"""R06: a basic registration nobody opens is asked about three times, then released."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from registry.rules.calendars import add_months
from registry.rules.plain import Plain
from registry.rules.policy import Policy


class AccessKind(StrEnum):
    """What a person can do that shows a tie to a body; a login alone shows one to the app."""

    PAGE = "page"
    SURVEY = "survey"
    CHECK_IN = "check_in"
    SIGN_UP = "sign_up"
    MESSAGE = "message"
    KEEP = "keep"
    LOGIN = "login"


class StepKind(StrEnum):
    NONE = "none"
    NOTICE = "notice"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class DormancyStep(Plain):
    """What to do today. `due_on` is when the next step comes, `release_on` the release as seen now.

    `notice_days` names the notice (60, 30, 7). `undelivered` are notices that reached no channel
    outside the app; staff see their number. All days are None where no clock runs.
    """

    kind: StepKind
    notice_days: int | None = None
    due_on: date | None = None
    release_on: date | None = None
    undelivered: tuple[int, ...] = ()


def resets_clock(kind: AccessKind, scope: str) -> bool:
    """R06: whether an access resets a registration's clock; a login does in scope "account" only."""
    return kind is not AccessKind.LOGIN or scope == "account"


def next_step(
    last_access: date,
    notices: Mapping[int, date],
    today: date,
    policy: Policy,
    premium_valid: bool,
    *,
    derived: bool = False,
    undeliverable: Collection[int] = (),
    stopped_until: date | None = None,
) -> DormancyStep:
    """R06: notices before the day of release, then release, without anybody's hand.

    `notices` maps the days before release (60, 30, 7) to the day each was sent; those sent up to
    the last access belong to an earlier silence. A notice sent late moves the release, so that
    everybody has the full interval after every notice; nobody is released without all of them.
    Valid premium and derived rows have no clock. `stopped_until` is the last day on which a
    disaster or illness stopped the clock (R14).
    """
    if premium_valid or derived:
        return DormancyStep(StepKind.NONE)
    start = last_access if stopped_until is None else max(last_access, stopped_until)
    planned = sorted(policy.integers("dormancy.notice_days"), reverse=True)
    sent = {days: on for days, on in notices.items() if days in planned and on > start}
    release_on = max(
        add_months(start, policy.integer("dormancy.months")),
        *(on + timedelta(days=days) for days, on in sent.items()),
        start,
    )
    undelivered = tuple(days for days in planned if days in sent and days in undeliverable)
    days = next((days for days in planned if days not in sent), None)
    if days is None:
        kind = StepKind.RELEASE if today >= release_on else StepKind.NONE
        return DormancyStep(kind, None, release_on, release_on, undelivered)
    due_on = release_on - timedelta(days=days)
    if today < due_on:
        return DormancyStep(StepKind.NONE, days, due_on, release_on, undelivered)
    moved = max(release_on, today + timedelta(days=days))
    return DormancyStep(StepKind.NOTICE, days, due_on, moved, undelivered)


def restore_until(released_on: date, policy: Policy) -> date:
    """R06: the last day on which one tap restores a released registration."""
    return add_months(released_on, policy.integer("dormancy.restore_months"))


def may_restore(released_on: date, today: date, policy: Policy) -> bool:
    """R06: whether a released registration can still be restored by one tap."""
    return today <= restore_until(released_on, policy)
