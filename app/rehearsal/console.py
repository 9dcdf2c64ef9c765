"""`furusato rehearse`: a scenario on the real platform, then its results and the open doors."""

import json
import logging
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.local import LocalStack, LocalStackError
from app.local_prepare import prepare
from app.rehearsal.days import Played, law_folder, rehearse, set_out
from app.rehearsal.results import Results, results_of
from app.story.signs import sign_in_table
from app.story.world import StoryError
from registry.rules.policy import PolicyError
from simulation.acts import Lives, lives_of
from simulation.console import changes_of, progress
from simulation.run import Order
from simulation.scenario import ScenarioError

cli = typer.Typer(name="furusato", no_args_is_help=True, pretty_exceptions_enable=False)
#: Standard output belongs to the last line, which programs read.
console = Console(stderr=True)

DEFAULT_PORT = 8000
DEFAULT_FOLDER = Path(".furusato/rehearsal")
#: Who signs in where, for whoever opens the data again.
SIGNS = "signs.json"
STOPPED = 130
_READY_SECONDS = 90.0
#: The workers look for work as often; nights follow one another without waiting.
_TICK_SECONDS = 0.2


def main() -> None:
    """Run the command; what cannot be done is said in a sentence."""
    try:
        cli()
    except (ScenarioError, PolicyError, LocalStackError) as error:
        console.print(str(error), style="red", markup=False)
        raise SystemExit(2) from None


@cli.callback()
def _several() -> None:
    """The scheme rehearsed on the real platform."""


@cli.command("rehearse")
def play(
    scenario: Annotated[str, typer.Option(help="pioneer, late, wide, or a YAML file.")],
    people: Annotated[int, typer.Option(min=1, help="People who may ever register.")] = 2000,
    months: Annotated[int, typer.Option(min=1, max=120, help="Months to play.")] = 18,
    seed: Annotated[int, typer.Option(help="Another seed, another luck.")] = 1,
    change: Annotated[
        list[str] | None, typer.Option(help="A setting that is tried, e.g. dormancy.months=12.")
    ] = None,
    data_dir: Annotated[
        Path, typer.Option(help="Folder for all data; an earlier rehearsal in it is replaced.")
    ] = DEFAULT_FOLDER,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the results; `results` in the data's if not given."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of the pages; 8000 or a free one when not given.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit code 1 when model and platform differ.")
    ] = False,
    leave: Annotated[
        bool, typer.Option("--exit", help="Stop afterwards and print one line of JSON.")
    ] = False,
) -> None:
    """Live a scenario day by day on the real platform; then serve it until Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    order = Order(
        scenario, people=people, months=months, seed=seed, changes=changes_of(change or [])
    )
    lives = lives_of(order)
    stack = _stack(data_dir, port)
    folder = out or stack.data_dir / "results"
    try:
        stack.clear()
        console.print(f"Starting everything on this machine; all data in {stack.data_dir}")
        with stack:
            logging.basicConfig(filename=stack.logs / "supervisor.log", level=logging.WARNING)
            found = _rehearsed(stack, lives, folder)
            (stack.data_dir / SIGNS).write_text(json.dumps(_signs(found.played)), encoding="utf-8")
            if not leave and found.played.whole:
                _serve(stack)
    except StoryError as error:
        console.print(f"The platform failed where no rule decides: {error}", markup=False)
        console.print(f"What the processes said: {stack.logs}", markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("Stopped.")
        raise typer.Exit(STOPPED) from None
    sys.stdout.write(json.dumps(_line(found), ensure_ascii=False) + "\n")
    if not found.played.whole:
        raise typer.Exit(STOPPED)
    raise typer.Exit(1 if check and not found.agrees else 0)


@cli.command()
def reopen(
    data_dir: Annotated[
        Path, typer.Option(help="Folder of a rehearsal that was played.")
    ] = DEFAULT_FOLDER,
    port: Annotated[
        int | None, typer.Option(help="Port of the pages; the one it had when not given.")
    ] = None,
) -> None:
    """Serve what a rehearsal left, also one that was stopped, until Ctrl-C; its time goes on."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stack = _stack(data_dir, port)
    if not (stack.data_dir / SIGNS).exists():
        raise LocalStackError(f"No rehearsal was played in {stack.data_dir}.")
    try:
        with stack:
            logging.basicConfig(filename=stack.logs / "supervisor.log", level=logging.WARNING)
            stack.start_processes()
            stack.wait_ready(_READY_SECONDS)
            _serve(stack)
    except KeyboardInterrupt:
        console.print("Stopped.")
        raise typer.Exit(STOPPED) from None


def _stack(data_dir: Path, port: int | None) -> LocalStack:
    settings = {"policy_dir": law_folder(data_dir), "tick_seconds": _TICK_SECONDS}
    return LocalStack(data_dir, port=port, preferred_port=DEFAULT_PORT, settings=settings)


def _rehearsed(stack: LocalStack, lives: Lives, folder: Path) -> Results:
    """Play it, count what came of it and show that."""
    began = time.monotonic()
    set_out(stack, lives)
    prepare(stack, console)
    stack.start_processes()
    stack.wait_ready(_READY_SECONDS)
    console.print(f"Ready after {time.monotonic() - began:.1f} s: {stack.base_url}")
    with progress(lives.job.setting.scenario.name, lives.days) as tick:
        played = rehearse(stack, lives, tick)
    found = results_of(stack, lives, played, folder)
    console.print(_table(found))
    for kind, number in sorted(found.other_notices.items()):
        console.print(f"  {kind}: {number:,} notices that the model does not send")
    for (act, answer), number in sorted(played.troupe.answers.items()):
        if answer != "ok":
            console.print(f"  {act}: {answer} {number:,}", markup=False)
    console.print(
        f"{played.days:,} days, {played.nights:,} nights with work, {played.seconds:.0f} s:"
        f" {found.agent_days:,.0f} agent-days a second."
    )
    console.print(f"{folder}/summary.json\n{folder}/report.html", markup=False)
    return found


def _table(found: Results) -> Table:
    """Model and platform, measure by measure."""
    until = "" if found.played.whole else f" (stopped on {found.played.until})"
    table = Table("", "model", "platform", "", title=f"The same lives in both{until}")
    for line in found.lines:
        apart = ", ".join(found.month(number) for number in line.months[:3])
        told = line.reason or ("" if line.is_equal else f"differ: {apart}")
        table.add_row(line.measure, f"{line.model:,}", f"{line.platform:,}", told)
    return table


def _signs(played: Played) -> list[tuple[str, str, str]]:
    """Who signs in where: somebody with premium if there is one, a host, staff, the operator."""
    players = played.troupe.players.values()
    registrants = [one for one in players if one.premium] or list(players)
    rows = [("登録者", "/signin", one.someone.email) for one in registrants[:1]]
    for town in played.cast.towns.values():
        if town.organiser is not None:
            rows.append((f"主催者（{town.name}）", "/signin", town.organiser.email))
            rows.append((f"{town.name} 職員", "/staff/signin", town.manager.email))
            break
    return [*rows, ("運営", "/operator/signin", played.cast.operator.email)]


def _serve(stack: LocalStack) -> None:
    rows = json.loads((stack.data_dir / SIGNS).read_text(encoding="utf-8"))
    console.print(sign_in_table(stack, rows))
    console.print(f"\n{stack.base_url} - Ctrl-C stops everything.", style="bold")
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        console.print("Stopped.")


def _line(found: Results) -> dict[str, Any]:
    """The last line, for programs."""
    return {
        "whole": found.played.whole,
        "until": found.played.until.isoformat(),
        "equal": found.agrees,
        "measures": {line.measure: [line.model, line.platform] for line in found.lines},
        "other_notices": dict(found.other_notices),
        "answers": {
            f"{act}:{answer}": number
            for (act, answer), number in sorted(found.played.troupe.answers.items())
        },
        "agent_days_a_second": round(found.agent_days),
        "seconds": round(found.played.seconds, 1),
    }
