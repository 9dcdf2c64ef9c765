"""What the chapters remember and tell."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from app.story.cast import (
    Cast,
    enrol,
    join,
)
from app.story.gates import attend
from app.story.setting import hold
from app.story.world import Someone, StoryError, World


@dataclass(slots=True)
class Book:
    """What the chapters need to remember, and the lines of the table printed at the end."""

    world: World
    cast: Cast
    keen: dict[str, list[Someone]] = field(default_factory=dict)
    named: dict[str, Someone] = field(default_factory=dict)
    lines: list[tuple[date, str, str, str]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def tell(self, rules: str, what: str, result: str) -> None:
        """A line of the table."""
        self.lines.append((self.world.today, rules, what, result))

    def must(self, *, truth: bool, rules: str, what: str, result: str) -> None:
        """A line that has to be so.

        Raises:
            StoryError: It is not.
        """
        if not truth:
            raise StoryError(f"{self.world.today} {rules}: {what}: {result}")
        self.tell(rules, what, result)

    def registration(self, someone: Someone, town: str) -> dict[str, Any]:
        """Somebody's registration as they see it."""
        found: dict[str, Any] = self.world.call("GET", f"/me/registrations/{town}", by=someone)
        return found

    def towns_of(self, someone: Someone) -> dict[str, dict[str, Any]]:
        """All of somebody's living registrations by code."""
        found = self.world.call("GET", "/me/registrations", by=someone)["items"]
        return {one["lg_code"]: one for one in found if one["status"] == "active"}

    def newcomer(self, *towns: str, residence: str | None = None, **more: Any) -> Someone:
        """A new person, registered with these towns."""
        someone = self.cast.person(residence=residence, **more)
        enrol(self.world, someone)
        for town in towns:
            join(self.world, someone, town)
        return someone

    def three_days(self, town: str, first: date, people: list[Someone]) -> int:
        """A harvest of three consecutive days; how many presences counted."""
        counted = 0
        for offset in range(3):
            day = first + timedelta(days=offset)
            self.world.at(day, 8)
            session = hold(self.world, self.cast.towns[town], day.isoformat(), place="段々畑")
            self.world.at(day, 9)
            counted += attend(self.world, self.cast, session, people)
        return counted

    def apply(self, someone: Someone, town: str, **more: Any) -> dict[str, Any]:
        """Hold the card and apply for premium."""
        found: dict[str, Any] = self.world.call(
            "POST", f"/me/registrations/{town}/application", by=someone, body=more
        )
        return found

    def refusal(self, someone: Someone, town: str) -> dict[str, Any]:
        """An application that the rules must refuse, with every reason.

        Raises:
            StoryError: It was not refused.
        """
        found = self.apply(someone, town)
        if found["state"] != "refused":
            raise StoryError(f"{self.world.today} {town}: {found['state']} instead of refused")
        return found


def night(book: Book) -> None:
    """Let the workers catch up with all nights until now."""
    book.world.nights_pass()
