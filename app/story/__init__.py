"""The story: eighteen months of a platform's life, played through its real doors.

Real local governments and activities, people drawn by a seed, the real API, the real workers,
on a settable clock. Every line of the table it prints was demanded: a line that does not come
true stops the story.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import yaml
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from app.local import LocalStack
from app.local_environment import own_policy
from app.story.book import Book
from app.story.cast import FIRST_DAY, GIFU, HIDA, SEED, Cast
from app.story.figures import figures
from app.story.first_year import opening
from app.story.setting import first_operator, open_country, open_hosts, proposals_that_fail
from app.story.signs import sign_in_table
from app.story.world import StoryError, World
from app.story.year import calendar

__all__ = ["StoryError", "play", "story_policy"]

#: Months in which something breaks.
FAULTS = {(2027, 11): "valkey", (2028, 1): "postgres", (2028, 6): "worker"}
FAULT_LINES = {
    "valkey": ("P08", "Valkey を止めて空にする"),
    "postgres": ("P01", "PostgreSQL を再起動する"),
    "worker": ("P05 例7", "ワーカーを SIGKILL で止める"),
}


def story_policy(folder: Path) -> Path:
    """The national numbers with the dormancy period at its minimum, twelve months (R06).

    So that the whole course of a silent registration is seen within the story.
    """
    target = own_policy(folder)
    path = target / "dormancy.yaml"
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    months = written["dormancy.months"]
    for step in months["values"].values():
        step["value"] = min(months["allowed"])
    path.write_text(yaml.safe_dump(written, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return target


def play(stack: LocalStack, console: Console) -> dict[str, Any]:
    """Play the story on a running stack; prints its table and how to sign in.

    Returns:
        The figures of the last line of `furusato demo --exit`.

    Raises:
        StoryError: Something went otherwise than the rules say.
    """
    world = World(stack)
    world.at(FIRST_DAY, 9)
    cast = Cast(Random(SEED), operator=first_operator(stack))  # noqa: S311 (a story, not a secret)
    book = Book(world, cast)
    days = list(calendar())
    with _showing(console, len(days) + 2) as went_on:
        _before_the_first_day(book)
        went_on("開設")
        opening(book)
        went_on("春の登録")
        for day, chapter in days:
            _fault(stack, book, day)
            world.at(day, 8)
            chapter(book)
            went_on(f"{day:%Y-%m}")
        world.nights_pass()
        world.mail_arrives()
    world.run_on()
    found = figures(stack, world)
    console.print(_table(book))
    console.print(_how_to_sign_in(stack, book))
    world.close()
    return found


@contextmanager
def _showing(console: Console, steps: int) -> Iterator[Callable[[str], None]]:
    """A bar for people at a terminal; a line a chapter for whoever reads a log."""
    if not console.is_terminal:
        told: set[str] = set()

        def line(name: str) -> None:
            if name not in told:
                console.print(f"  {name}", highlight=False)
            told.add(name)

        yield line
        return
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("…", total=steps)

        def move(name: str) -> None:
            progress.update(bar, description=name, advance=1)

        yield move


def _before_the_first_day(book: Book) -> None:
    """R01, R09, R10, R15: towns join and say how they decide; hosts propose, staff designate."""
    world, cast = book.world, book.cast
    open_country(world, cast)
    book.tell("R01 R15", "8市町村と7県が参加", "決め方は auto、veto、review から各団体が選ぶ")
    open_hosts(world, cast)
    proposals_that_fail(world, cast)
    designated, trusted = world.tally["designated"], world.tally["designated_by_trust"]
    book.must(
        truth=trusted == 1 and world.tally["returned"] == world.tally["rejected"] == 1,
        rules="R09 R10",
        what=f"担い手活動を{designated}件指定（うち1件は認定団体によるもの）",
        result="1件は差し戻して再提出、買い物ツアーは対象外",
    )


def _fault(stack: LocalStack, book: Book, day: date) -> None:
    """Once each: the broker stopped and emptied, the database restarted, the worker killed.

    Servers of the visitor's own are left in peace.
    """
    what = FAULTS.get((day.year, day.month))
    if what is None or what in book.broken or not stack.is_embedded:
        return
    book.broken.add(what)
    book.world.nights_pass()
    book.world.mail_arrives()
    if what == "worker":
        # Killed in the middle it would leave its share to nobody for some minutes, by design.
        stack.kill("worker")
    # The nights until this day begin, and meet the fault.
    book.world.at(day, 0)
    if what == "valkey":
        stack.restart_valkey(empty=True)
    if what == "postgres":
        stack.restart_postgres()
        book.world.wait_for_database()
    rules, told = FAULT_LINES[what]
    book.tell(rules, told, "なにも失われない")


def _table(book: Book) -> Table:
    table = Table(title="ふるさと住民登録 18か月の物語", show_lines=False)
    for name, style in (("日", "dim"), ("規則", "cyan"), ("できごと", ""), ("結果", "green")):
        table.add_column(name, style=style, overflow="fold")
    for day, rules, what, result in book.lines:
        table.add_row(day.isoformat(), rules, what, result)
    return table


def _how_to_sign_in(stack: LocalStack, book: Book) -> Table:
    hida, gifu = book.cast.towns[HIDA], book.cast.towns[GIFU]
    organiser = hida.organiser
    return sign_in_table(
        stack,
        (
            ("登録者", "/signin", book.named["three"].email),
            ("主催者（飛騨市）", "/signin", organiser.email if organiser else ""),
            ("飛騨市 職員", "/staff/signin", hida.manager.email),
            ("岐阜県 職員", "/staff/signin", gifu.manager.email),
            ("運営", "/operator/signin", book.cast.operator.email),
        ),
    )
