"""Eighteen months, day by day: the chapters, and ordinary Saturdays between them."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random

from app.story import first_year, second_year
from app.story.book import Book, night
from app.story.cast import (
    AIZU,
    LAST_DAY,
    MUNICIPALITIES,
    Session,
)
from app.story.epilogue import epilogue
from app.story.gates import attend
from app.story.setting import hold

Chapter = Callable[[Book], None]
#: Who comes to an ordinary session of a town, at most.
USUAL = 5


def month(book: Book) -> None:
    """An ordinary month: one Saturday, a session in every town, the usual people."""
    world, cast = book.world, book.cast
    saturday = world.today
    night(book)
    if (saturday.year, saturday.month) == (2028, 4):
        # R10: trust is given for a fiscal year; its month of delay is for giving it again.
        trusted = cast.towns[AIZU]
        path = f"/local-governments/{AIZU}/organisations/{trusted.organisation_id}/trust"
        categories = ["exchange", "international", "welfare"]
        world.call("POST", path, by=trusted.manager, body={"categories": categories})
    sessions: list[Session] = [
        hold(
            world,
            cast.towns[town],
            saturday.isoformat(),
            activity=saturday.month,
            place="集会所",
            starts="13:00",
            ends="16:00",
        )
        for town in MUNICIPALITIES
    ]
    world.at(saturday, 13)
    for session in sessions:
        keen = book.keen[session.town]
        draw = Random(f"{session.town}{saturday}")  # noqa: S311 (a story, not a secret)
        reach = keen[4 : 4 + max(USUAL, len(keen) // 3)]
        attend(world, cast, session, draw.sample(reach, min(USUAL, len(reach))))


def months() -> Iterator[date]:
    """First days of the months after the opening."""
    day = date(2027, 5, 1)
    while day <= LAST_DAY:
        yield day
        day = (day.replace(day=28) + timedelta(days=4)).replace(day=1)


#: Everything that happens, each on its day; ordinary Saturdays fill the months between.
EVENTS: tuple[tuple[date, Chapter], ...] = (
    (date(2027, 5, 8), first_year.doors),
    (date(2027, 6, 4), first_year.summer),
    (date(2027, 7, 9), first_year.nagano),
    (date(2027, 8, 11), first_year.young),
    (date(2027, 10, 8), first_year.autumn),
    (date(2028, 1, 10), second_year.raised),
    (date(2028, 2, 1), second_year.asked),
    (date(2028, 2, 25), second_year.leap_day),
    (date(2028, 3, 2), second_year.asked),
    (date(2028, 3, 25), second_year.kept),
    (date(2028, 3, 31), second_year.favoured),
    (date(2028, 4, 8), second_year.released),
    (date(2028, 5, 6), second_year.restored),
    (date(2028, 5, 12), second_year.second_summer),
    (date(2028, 7, 5), second_year.renewal),
    (date(2028, 7, 25), second_year.card_again),
    (date(2028, 8, 10), second_year.lapse),
    (date(2028, 8, 21), second_year.moving),
    (LAST_DAY, epilogue),
)
#: Months whose Saturdays belong to a chapter.
BUSY = frozenset({(2027, 6), (2027, 7), (2028, 5)})


def calendar() -> Iterator[tuple[date, Chapter]]:
    """All days with something to do, in order."""
    ordinary = [
        (third_saturday(first), month)
        for first in months()
        if (first.year, first.month) not in BUSY and third_saturday(first) <= LAST_DAY
    ]
    yield from sorted([*EVENTS, *ordinary], key=lambda one: one[0])


def third_saturday(first: date) -> date:
    """The third Saturday of a month."""
    return first + timedelta(days=(5 - first.weekday()) % 7 + 14)
