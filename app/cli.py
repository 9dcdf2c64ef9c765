"""`furusato …`: the console of operators and of everybody who wants to see it run."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import httpx
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from app import migrate as migrations
from app import operate
from app.local import LocalStack, LocalStackError, beat_options, web_command, worker_options
from app.local_prepare import prepare
from core.clock import clock_for
from core.db import Database, for_job
from core.errors import Invalid, NotFound
from core.settings import Settings, UnsafeSettingsError, refuse_unsafe
from registry.judging import replay_report
from registry.policybook import POLICY_DIR, load_policy
from registry.rules.reasons import Decision

cli = typer.Typer(
    name="furusato",
    help="ふるさと住民登録: run, rehearse and look after the platform.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
job = typer.Typer(help="Nightly jobs, by hand.", no_args_is_help=True)
operator = typer.Typer(help="Who runs the platform (運営).", no_args_is_help=True)
keys = typer.Typer(help="Keys that sign cards and venue codes.", no_args_is_help=True)
cli.add_typer(job, name="job")
cli.add_typer(keys, name="keys")
cli.add_typer(operator, name="operator")

console = Console()
_problems = Console(stderr=True)

DEFAULT_PORT = 8000
_READY_SECONDS = 90.0


def main() -> None:
    """Run the console; what cannot be done is said in a sentence, not a traceback."""
    try:
        cli()
    except (LocalStackError, UnsafeSettingsError) as error:
        _problems.print(str(error), style="red", markup=False)
        raise SystemExit(2) from None


def settings_from_env() -> Settings:
    """The settings of the environment, refused when unsafe or incomplete."""
    try:
        settings = Settings()
    except ValidationError as error:
        wrong = "; ".join(f"{_place(item['loc'])}: {item['msg']}" for item in error.errors())
        raise UnsafeSettingsError(f"Settings are incomplete or wrong: {wrong}") from None
    refuse_unsafe(settings)
    return settings


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)


def owner_url(settings: Settings) -> str:
    """The address with the rights to migrate."""
    return settings.migrate_database_url or settings.database_url


# --- the rehearsal on one machine -----------------------------------------------------


@cli.command()
def demo(
    port: Annotated[
        int | None, typer.Option(help="Port of the pages; 8000 or a free one when not given.")
    ] = None,
    data_dir: Annotated[
        Path, typer.Option(help="Folder for all data; an earlier rehearsal in it is replaced.")
    ] = Path(".furusato"),
    leave: Annotated[
        bool, typer.Option("--exit", help="Stop after the story and print one line of JSON.")
    ] = False,
) -> None:
    """Start everything, play eighteen months, then serve until Ctrl-C."""
    from app.story import StoryError, play, story_policy

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    settings = {"policy_dir": data_dir.expanduser().resolve() / "policy", "tick_seconds": 0.2}
    stack = LocalStack(data_dir, port=port, preferred_port=DEFAULT_PORT, settings=settings)
    serving = False
    try:
        stack.clear()
        story_policy(stack.data_dir)
        console.print(f"Starting everything on this machine; all data in {stack.data_dir}")
        with stack:
            # Deaths and restarts are for the log: some of them are part of the story.
            logging.basicConfig(filename=stack.logs / "supervisor.log", level=logging.WARNING)
            prepare(stack, console)
            stack.start_processes()
            stack.wait_ready(_READY_SECONDS)
            console.print(f"Ready after {time.monotonic() - began:.1f} s: {stack.base_url}")
            console.print("Playing eighteen months through the real API and the real workers:")
            result = play(stack, console)
            result["seconds"] = round(time.monotonic() - began, 1)
            if not leave:
                console.print(f"\n{stack.base_url} - Ctrl-C stops everything.", style="bold")
                serving = True
                while True:
                    signal.pause()
    except StoryError as error:
        _problems.print(f"The story went otherwise than it must: {error}", markup=False)
        _problems.print(f"What the processes said: {stack.logs}", markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("Stopped.")
        raise typer.Exit(0 if serving else 130) from None
    sys.stdout.write(json.dumps(result, ensure_ascii=False, separators=(",", ":")) + "\n")


# --- one process each -----------------------------------------------------------------


def _become(*arguments: str) -> None:
    """Turn this process into another program of the same Python; it never returns."""
    settings_from_env()
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", *arguments])  # noqa: S606 - no shell


@cli.command()
def web(
    port: Annotated[int, typer.Option(help="Port to listen on.")] = DEFAULT_PORT,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    workers: Annotated[int, typer.Option(min=1, help="Processes behind the port.")] = 1,
) -> None:
    """Serve pages and API."""
    _become(*web_command(host, port, workers))


@cli.command()
def worker(
    processes: Annotated[int, typer.Option(min=1, help="Processes that work.")] = 1,
) -> None:
    """Do the background work: nightly jobs, notices."""
    _become("celery", "-A", "workers.app", *worker_options(processes))


@cli.command()
def beat(
    schedule: Annotated[
        Path, typer.Option(help="File in which beat remembers what it has asked for.")
    ] = Path("beat-schedule"),
) -> None:
    """Ask for due work; a second beat is harmless."""
    _become("celery", "-A", "workers.app", *beat_options(schedule))


# --- the database ----------------------------------------------------------------------


@cli.command()
def migrate() -> None:
    """Bring the database to the newest schema; create the login roles and their rights."""
    settings = settings_from_env()
    password = settings.db_password.get_secret_value()
    if not password:
        raise UnsafeSettingsError("FURUSATO_DB_PASSWORD is empty: the login roles need one.")
    migrations.upgrade(owner_url(settings), password)
    console.print("The database has the newest schema.")


@cli.command()
def load() -> None:
    """Load the 1,788 local governments; safe to repeat."""
    count = migrations.load(owner_url(settings_from_env()))
    console.print(f"{count:,} local governments loaded.")


# --- keys ------------------------------------------------------------------------------


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    database = Database(settings)
    try:
        yield database
    finally:
        database.dispose()


def _now(settings: Settings) -> datetime:
    return clock_for(settings.clock_file).now()


@keys.command("list")
def list_keys() -> None:
    """Show all signing keys; private halves never leave the database."""
    with _database(settings_from_env()) as database:
        found = operate.list_keys(database)
    table = Table("key", "body", "use", "status", "signs from", "accepted until")
    for key in found:
        begin, end = f"{key.not_before:%Y-%m-%d}", f"{key.not_after:%Y-%m-%d}"
        table.add_row(key.kid, key.lg_code or "-", key.use, key.status, begin, end)
    console.print(table)


@keys.command("rotate")
def rotate_keys() -> None:
    """Make the keys that are due and retire the ended ones; safe to repeat."""
    settings = settings_from_env()
    with _database(settings) as database:
        made = operate.rotate_keys(
            database,
            book=load_policy(settings.policy_dir or POLICY_DIR),
            secret=settings.secret_key.get_secret_value(),
            now=_now(settings),
        )
    console.print(f"{len(made)} new keys. {' '.join(made)}".strip())


@keys.command("revoke")
def revoke_key(
    kid: Annotated[str, typer.Argument(help="Id of the key, as `keys list` shows it.")],
) -> None:
    """End a key that was lost or misused at once, and make its successor."""
    settings = settings_from_env()
    with _database(settings) as database:
        try:
            made = operate.withdraw_key(
                database,
                kid,
                book=load_policy(settings.policy_dir or POLICY_DIR),
                secret=settings.secret_key.get_secret_value(),
                now=_now(settings),
            )
        except NotFound:
            raise typer.BadParameter(f"There is no key {kid} to revoke.") from None
    console.print(f"Key {kid} is revoked. New keys: {' '.join(made) or 'none'}")


# --- operators -------------------------------------------------------------------------


@operator.command("add")
def add_operator(
    email: Annotated[str, typer.Argument(help="Address that sign-in codes go to.")],
) -> None:
    """Let somebody sign in as the operator, who opens local governments; safe to repeat."""
    settings = settings_from_env()
    with _database(settings) as database:
        try:
            operate.add_operator(
                database,
                email,
                secret=settings.secret_key.get_secret_value(),
                now=_now(settings),
            )
        except Invalid:
            raise typer.BadParameter(f"{email} is no e-mail address.") from None
    console.print(f"{email} may sign in at {settings.public_url}/operator/signin.", markup=False)


# --- looking after it ------------------------------------------------------------------


@job.command("run")
def run_job(
    name: Annotated[str, typer.Argument(help="Name of the job, e.g. renewal.")],
    as_of: Annotated[str, typer.Option(help="The Japanese day to work for, YYYY-MM-DD.")],
) -> None:
    """Run one nightly job for one Japanese day; repeating it changes nothing."""
    try:
        day = date.fromisoformat(as_of)
    except ValueError:
        raise typer.BadParameter(f"{as_of} is no day: write YYYY-MM-DD.") from None
    settings_from_env()
    # The workers are a roof of their own: they are asked as a program, not imported.
    command = [sys.executable, "-m", "workers.run", name, "--as-of", day.isoformat()]
    raise typer.Exit(subprocess.run(command, check=False).returncode)


@cli.command()
def bounced(
    report: Annotated[
        Path, typer.Argument(help="The report as the mail server got it; - reads it from stdin.")
    ] = Path("-"),
) -> None:
    """Note mail that came back later (RFC 3464), as the mail server reports it; safe to repeat.

    The exit code is 75 while the database is away, so that the mail server tries again.
    """
    if str(report) != "-" and not report.is_file():
        raise typer.BadParameter(f"There is no file {report}.")
    settings_from_env()
    command = [sys.executable, "-m", "workers.run", "--bounced", str(report)]
    raise typer.Exit(subprocess.run(command, check=False).returncode)


@cli.command()
def judge(
    replay: Annotated[UUID, typer.Option(help="Id of a stored judgement to make again.")],
) -> None:
    """Decide a stored judgement again from its own facts; exit code 1 when it differs now."""
    with _database(settings_from_env()) as database:
        try:
            with database.transaction(for_job("replay")) as db:
                report = replay_report(db, replay)
        except NotFound:
            raise typer.BadParameter(f"There is no judgement {replay}.") from None
    table = Table(
        "", "stored", "again", title=f"{report.stored.kind} {report.lg_code} {report.stored.day}"
    )
    for label, told in (("outcome", _outcome), ("rules", _rules), ("reasons", _reasons)):
        table.add_row(label, told(report.stored), told(report.replayed))
    console.print(table)
    console.print("The same decision." if report.equal else "The rules decide otherwise now.")
    raise typer.Exit(0 if report.equal else 1)


def _outcome(decision: Decision) -> str:
    return decision.outcome


def _rules(decision: Decision) -> str:
    return decision.rules_version


def _reasons(decision: Decision) -> str:
    """Each reason with its rule, what was found and what was needed."""
    return "\n".join(
        f"{reason.rule} {reason.code}: {reason.found} / {reason.needed}"
        for reason in decision.reasons
    )


# --- trying a policy on simulated people ---------------------------------------------------

# The simulation is a roof of its own: it is asked as a program, which also has its own --help.
_HANDED_OVER = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@cli.command(context_settings=_HANDED_OVER)
def simulate(context: typer.Context) -> None:
    """Live a scenario with simulated people, years in seconds; --help says how."""
    _hand_over("simulation", "simulate", context.args)


@cli.command(context_settings=_HANDED_OVER)
def compare(context: typer.Context) -> None:
    """Try a policy on simulated people: differences, who gains, hours of staff; --help says how."""
    _hand_over("simulation", "compare", context.args)


@cli.command(context_settings=_HANDED_OVER)
def rehearse(context: typer.Context) -> None:
    """Live a scenario on the real platform, which stays open to be looked at; --help says how."""
    _hand_over("app.rehearsal", "rehearse", context.args)


@cli.command(context_settings=_HANDED_OVER)
def reopen(context: typer.Context) -> None:
    """Serve what a rehearsal left in its folder; --help says how."""
    _hand_over("app.rehearsal", "reopen", context.args)


def _hand_over(module: str, command: str, arguments: list[str]) -> None:
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, command, *arguments])  # noqa: S606 - no shell


@cli.command()
def openapi() -> None:
    """Print the description of the API (OpenAPI, JSON)."""
    from app.main import create_app

    # The description needs no database; an address that is never opened stands in for one.
    settings = Settings(_env_file=None, DATABASE_URL="postgresql:///", environment="test")
    sys.stdout.write(
        json.dumps(create_app(settings).openapi(), ensure_ascii=False, indent=2) + "\n"
    )


@cli.command()
def health(
    url: Annotated[
        str, typer.Option(help="Address of a web process.")
    ] = f"http://127.0.0.1:{DEFAULT_PORT}",
    heartbeat: Annotated[
        str | None, typer.Option(help="Also ask that this heartbeat is fresh, e.g. worker.")
    ] = None,
) -> None:
    """Ask a running web process for its state; the exit code is 0 when all is well."""
    try:
        answer = httpx.get(f"{url.rstrip('/')}/health/ready", timeout=10)
    except httpx.TransportError as error:
        _problems.print(f"{url} does not answer: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    console.print_json(answer.text)
    well = answer.status_code == httpx.codes.OK
    if well and heartbeat is not None:
        well = bool(answer.json()["heartbeats"].get(heartbeat, {}).get("alive"))
    raise typer.Exit(0 if well else 1)
