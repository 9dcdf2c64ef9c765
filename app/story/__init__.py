"""The story: eighteen months of a platform's life, played through its real doors.

Real local governments and activities, people drawn by a seed, the real API, the real workers,
on a settable clock. Every line of the table it prints was demanded: a line that does not come
true stops the story.
"""

import shutil
from pathlib import Path
from random import Random
from typing import Any

import yaml
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from app.local import LocalStack
from app.story.book import Book
from app.story.cast import FIRST_DAY, SEED, Cast
from app.story.figures import figures
from app.story.first_year import opening
from app.story.setting import open_country, open_hosts, proposals_that_fail
from app.story.world import Someone, World
from app.story.year import calendar
from core.clock import wall_now
from core.db import Context, Database
from core.tenancy import Audience
from registry.policybook import POLICY_DIR
from registry.staff import account_for_duty

GATE = Context(Audience.GATE, actor="system:operator")
#: Days in the story on which something else breaks.
FAULTS = {"valkey": (2027, 11), "postgres": (2028, 1)}


def story_policy(folder: Path) -> Path:
    """The national numbers with the dormancy period at its minimum, twelve months (R06).

    So that the whole course of a silent registration is seen within the story.
    """
    target = folder / "policy"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(POLICY_DIR, target)
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
    cast = Cast(Random(SEED), operator=_operator(stack))  # noqa: S311 (a story, not a secret)
    book = Book(world, cast)
    days = list(calendar())
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("2027-04-01", total=len(days) + 2)
        open_country(world, cast)
        open_hosts(world, cast)
        proposals_that_fail(world, cast)
        progress.advance(bar)
        opening(book)
        progress.advance(bar)
        for day, chapter in days:
            progress.update(bar, description=day.isoformat())
            _faults(stack, (day.year, day.month), book)
            world.at(day, 8)
            chapter(book)
            progress.advance(bar)
        world.nights_pass()
        world.mail_arrives()
    world.run_on()
    found = figures(stack, world)
    console.print(_table(book))
    console.print(_how_to_sign_in(stack, book))
    world.close()
    return found


def _operator(stack: LocalStack) -> Someone:
    """The first operator, as `furusato operator add` makes one."""
    operator = Someone(
        email="operator@furusato.example.jp", kind="operator", address="203.0.113.250"
    )
    settings = stack.settings()
    database = Database(settings)
    with database.transaction(GATE) as db:
        account_for_duty(
            db,
            kind="operator",
            email=operator.email,
            secret=settings.secret_key.get_secret_value(),
            now=wall_now(),
        )
    database.dispose()
    return operator


def _faults(stack: LocalStack, month: tuple[int, int], book: Book) -> None:
    """Once each: the broker is stopped and emptied, the database restarted, a worker killed."""
    if month == FAULTS["valkey"] and "valkey" not in book.broken:
        book.broken.add("valkey")
        stack.restart_valkey(empty=True)
        book.tell("P08", "Valkey を止めて空にする", "なにも失われない")
    if month == FAULTS["postgres"] and "postgres" not in book.broken:
        book.broken.add("postgres")
        stack.restart_postgres()
        book.world.wait_for_database()
        book.tell("P01", "PostgreSQL を再起動する", "なにも失われない")


def _table(book: Book) -> Table:
    table = Table(title="ふるさと住民登録 18か月の物語", show_lines=False)
    for name, style in (("日", "dim"), ("規則", "cyan"), ("できごと", ""), ("結果", "green")):
        table.add_column(name, style=style, overflow="fold")
    for day, rules, what, result in book.lines:
        table.add_row(day.isoformat(), rules, what, result)
    return table


def _how_to_sign_in(stack: LocalStack, book: Book) -> Table:
    table = Table(title="サインイン（番号は画面に出ます）", show_header=True)
    for name in ("だれ", "どこ", "メールアドレス"):
        table.add_column(name)
    hida, gifu = book.cast.towns["212172"], book.cast.towns["210005"]
    organiser = hida.organiser
    base = stack.base_url
    rows = (
        ("登録者", f"{base}/signin", book.named["three"].email),
        ("主催者（飛騨市）", f"{base}/signin", organiser.email if organiser else ""),
        ("飛騨市 職員", f"{base}/staff/signin", hida.manager.email),
        ("岐阜県 職員", f"{base}/staff/signin", gifu.manager.email),
        ("運営", f"{base}/operator/signin", book.cast.operator.email),
    )
    for row in rows:
        table.add_row(*row)
    return table
