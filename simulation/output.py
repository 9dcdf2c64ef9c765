"""What a run leaves in its folder. The form is fixed here, for the report and for other programs.

`summary.json` (format furusato-simulation/1), keys in this order:

- `format`; `scenario` {name, title {ja, en}, digest, start, months, people}
- `run` {people, seed, weight, policy, changes}: `weight` is how many people of the scenario one
  simulated person stands for; every count below is of simulated people, not multiplied.
- `totals` {metric: integer}, `at_end` {stock: integer}; metrics are `measures.METRICS`
- `years` [{year, metric: integer …}]: flows summed, stocks as on the year's last day
- `funnel` [{step, people}], steps are `measures.FUNNEL`
- `cohorts` [{year, registered, kept: [after 1 year, after 2 …]}]: registrations by year of
  registration, and how many of them were held so many years later
- `ties` [{tie, then each step of the funnel: people}]: who they are to their places
- `types` [{type, title, bodies, metric … , staff_hours, support_yen}] by type of body
- `sizes` [{size, bodies, registrations, check_ins, premium, staff_hours, staff_hours_per_body}]:
  size is prefecture, city, ward, town or village
- `prefectures` [{code, name, registrations, check_ins, basic, premium, homes}], five lists by year:
  four of what the towns there have, and `homes`, the registrations of people who live there
- `peaks` {registrations|check_ins|notices: {day, count, median}}
- `refusals` {reason: integer}
- `calibration` [{figure, source, use, measured, published, off}]: use is matched or held_out
- `assumptions` [{name, value, why}]

`series.csv`: month (YYYY-MM), type, then one column for each metric, stocks as on the month's
last day. `days.csv`: day, registrations, check_ins, notices. `run.json`: seconds, processes and
versions, the one file that differs between two equal runs. `report.html`: all of this as one page
to read (`report`). With `--parquet`, `events.parquet`:
person (int64), day (date32), lg_code, kind (`measures.EVENTS`), ordered by person and day.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from simulation.measures import DAYS, METRICS

FORMAT = "furusato-simulation/1"
SUMMARY, SERIES, DAY_SERIES, RUN, EVENTS = (
    "summary.json",
    "series.csv",
    "days.csv",
    "run.json",
    "events.parquet",
)


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """One JSON document, whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def write_series(path: Path, months: Sequence[str], tables: Mapping[str, Any]) -> None:
    """`tables` maps a type of body to its months × metrics."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["month", "type", *METRICS])
        for number, month in enumerate(months):
            for name, table in tables.items():
                rows.writerow([month, name, *(int(value) for value in table[number])])


def write_days(path: Path, first: date, days: Any) -> None:
    """Days × measures.DAYS."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["day", *DAYS])
        for number, values in enumerate(days):
            day = first + timedelta(days=number)
            rows.writerow([day.isoformat(), *(int(value) for value in values)])
