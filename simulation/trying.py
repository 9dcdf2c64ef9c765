"""The commands that try things: compare two laws, move each assumption."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from simulation.console import STOPPED, changes_of, cli, console, progress
from simulation.output import write_json
from simulation.scenario import load_scenario

DEFAULT_PEOPLE = 20_000


@cli.command()
def compare(
    base: Annotated[str, typer.Option(help="pioneer, late, wide, nation, or a YAML file.")],
    change: Annotated[list[str], typer.Option(help="A setting that is tried, name=value.")],
    seeds: Annotated[int, typer.Option(min=2, max=100, help="How many draws of people.")] = 5,
    people: Annotated[
        int | None, typer.Option(min=1, help="People of each draw; at most 20,000 if not given.")
    ] = None,
    years: Annotated[int | None, typer.Option(min=1, max=50, help="Years to live.")] = None,
    processes: Annotated[int, typer.Option(min=1, help="Processes that share the work.")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="A folder for compare.json and compare.html.")
    ] = None,
) -> None:
    """Try a policy: differences with intervals, who gains and who is lost, hours and supports."""
    from simulation.compare import compare as run
    from simulation.compare_page import write_compare
    from simulation.run import Order

    whole = int(load_scenario(base).people.value)
    each = people or min(whole, DEFAULT_PEOPLE)
    order = Order(base, people=each, months=None if years is None else 12 * years)
    try:
        with progress(base, 2 * seeds * each) as tick:
            found = run(order, changes_of(change), seeds, processes=processes, tick=tick)
    except KeyboardInterrupt:
        raise typer.Exit(STOPPED) from None
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / "compare.json", found)
        write_compare(found, out)
    table = Table("", "base", "changed", "difference", "95 %")
    hours = [{**row, "name": f"{row['name']} ({row['size']})"} for row in found["sizes"]]
    for row in [*found["figures"], *hours]:
        low, high = row["interval"]
        table.add_row(
            row["name"],
            f"{row['base']:,.0f}",
            f"{row['changed']:,.0f}",
            f"{row['difference']:+,.0f}",
            f"{low:+,.0f} … {high:+,.0f}",
        )
    console.print(table)
    for name, value in found["who"].items():
        console.print(f"{name}: {value:,.1f} of {each:,} people")


@cli.command()
def sensitivity(
    scenario: Annotated[str, typer.Option(help="pioneer, late, wide, nation, or a YAML file.")],
    people: Annotated[int, typer.Option(min=1, help="People of each run.")] = 4000,
    out: Annotated[Path | None, typer.Option(help="A folder for sensitivity.json.")] = None,
) -> None:
    """Move each assumption by a quarter and see which of them move the answer."""
    from simulation.run import Order
    from simulation.sensitivity import OUTCOMES, candidates
    from simulation.sensitivity import sensitivity as run

    total = len(list(candidates(load_scenario(scenario))))
    with progress(scenario, total) as tick:
        rows = run(Order(scenario, people=people), tick=tick)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / "sensitivity.json", {"scenario": scenario, "people": people, "rows": rows})
    table = Table("assumption", *OUTCOMES)
    for row in rows:
        cells = [f"{row[name][0]:+.1%} … {row[name][1]:+.1%}" for name in OUTCOMES]
        table.add_row(row["name"], *cells)
    console.print(table)


@cli.command()
def backtest(
    observed: Annotated[Path, typer.Option(help="The folder of a rehearsal or a run.")],
    scenario: Annotated[str, typer.Option(help="What is assumed: a name, or a YAML file.")],
    known: Annotated[int, typer.Option(min=12, help="Months that the fit may see.")] = 24,
    out: Annotated[Path | None, typer.Option(help="A folder for backtest.json.")] = None,
) -> None:
    """Foretell the later months of a rehearsal from its first; exit code 1 when the error is larger."""
    from registry.policybook import load_policy
    from simulation.backtest import SEEDS, read
    from simulation.backtest import backtest as run

    with progress(scenario, len(SEEDS)) as tick:
        found = run(load_scenario(scenario), load_policy(), read(observed), known, tick=tick)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / "backtest.json", found)
    table = Table("", "observed", "foretold", "95 %", "off", "stated")
    for row in found["figures"]:
        low, high = row["interval"]
        off = "" if row["off"] is None else f"{row['off']:+.1%}"
        table.add_row(
            row["figure"],
            f"{row['observed']:,.0f}",
            f"{row['foretold']:,.0f}",
            f"{low:,.0f} … {high:,.0f}",
            off,
            f"±{row['within']:.0%}",
        )
    console.print(table)
    raise typer.Exit(0 if found["holds"] else 1)


@cli.command(hidden=True)
def own(
    asked: Annotated[Path, typer.Option(help="The question, as simulation/own.py describes it.")],
    out: Annotated[Path, typer.Option(help="A folder for compare.json and compare.html.")],
    policy_dir: Annotated[Path, typer.Option(help="Where the nation's numbers stand.")],
) -> None:
    """Try a policy on a body's own counts; the platform's worker asks this."""
    from simulation.own import read, try_out

    # Whatever else the machine does comes first.
    os.nice(10)
    try_out(read(asked), out, policy_dir=policy_dir)
