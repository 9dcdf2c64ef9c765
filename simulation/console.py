"""The commands of the simulation."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from registry.rules.policy import PolicyError
from simulation.scenario import ScenarioError, load_scenario

cli = typer.Typer(
    name="furusato",
    help="The scheme rehearsed with simulated people.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
console = Console()
_problems = Console(stderr=True)
STOPPED = 130


def main() -> None:
    """Run a command; what cannot be done is said in a sentence."""
    try:
        cli()
    except (ScenarioError, PolicyError) as error:
        _problems.print(str(error), style="red", markup=False)
        raise SystemExit(2) from None


@cli.callback()
def _several() -> None:
    """Rehearse the scheme."""


def changes_of(given: list[str]) -> dict[str, Any]:
    """`name=value` pairs as settings; values as YAML reads them."""
    changes: dict[str, Any] = {}
    for pair in given:
        name, sign, value = pair.partition("=")
        if not sign:
            raise ScenarioError(f"{pair}: write a change as name=value.")
        changes[name.strip()] = yaml.safe_load(value)
    return changes


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar for what lasts longer than a moment."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=_problems, transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda people: bar.advance(task, people)


@cli.command()
def simulate(
    scenario: Annotated[str, typer.Option(help="pioneer, late, wide, nation, or a YAML file.")],
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    people: Annotated[
        int | None, typer.Option(min=1, help="People to live; as the scenario says if not given.")
    ] = None,
    years: Annotated[int | None, typer.Option(min=1, max=50, help="Years to live.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another luck.")] = 1,
    change: Annotated[
        list[str] | None, typer.Option(help="A setting that is tried, e.g. premium.required=2.")
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Processes that share the work.")] = 1,
    parquet: Annotated[bool, typer.Option("--parquet", help="Also every event.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the same run was stopped.")
    ] = False,
) -> None:
    """Live a scenario: report.html, summary.json, series.csv and days.csv in a folder."""
    from simulation.events import parquet as needed
    from simulation.run import Order
    from simulation.run import simulate as run

    if parquet:
        needed()
    order = Order(
        scenario=scenario,
        people=people,
        months=None if years is None else 12 * years,
        seed=seed,
        changes=changes_of(change or []),
        events=parquet,
    )
    total = people or int(load_scenario(scenario).people.value)
    try:
        with progress(scenario, total) as tick:
            found = run(order, out, processes=processes, resume=resume, tick=tick)
    except KeyboardInterrupt:
        _problems.print(f"Stopped; what was done is kept in {out}. --resume goes on.")
        raise typer.Exit(STOPPED) from None
    _show(found)
    console.print(f"{out}/summary.json\n{out}/report.html", markup=False)


@cli.command()
def parity(
    cases: Annotated[int, typer.Option(min=1, help="Random cases of each kind.")] = 200_000,
    seed: Annotated[int, typer.Option(help="Other cases.")] = 1,
) -> None:
    """Compare the compiled rules with the rules; exit code 1 when any case differs."""
    from simulation.parity import CASES, differences

    found = 0
    for kind in CASES:
        different = list(differences(kind, cases, seed))
        found += len(different)
        console.print(f"{kind}: {cases:,} cases, {len(different)} differences")
        for at, fast, slow in different[:3]:
            console.print(f"  case {at}: compiled {fast}, rule {slow}", markup=False)
    console.print(f"{cases * len(CASES):,} cases in all, {found} differences.")
    raise typer.Exit(1 if found else 0)


def _show(summary: dict[str, Any]) -> None:
    title = f"{summary['scenario']['title']['ja']}  {summary['run']['people']:,}"
    table = Table("", "", title=title)
    for name in ("registrations", "check_ins", "grants", "renewals", "lapses", "releases"):
        table.add_row(name, f"{summary['totals'][name]:,}")
    for name, value in summary["at_end"].items():
        table.add_row(f"{name} at the end", f"{value:,}")
    console.print(table)
