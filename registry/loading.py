"""Loads the 1,788 local governments from the packaged list (R01)."""

import csv
from collections.abc import Iterator
from importlib.resources import files

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from registry.models import LocalGovernment


def local_governments() -> Iterator[dict[str, str]]:
    """Rows of the packaged list: code, kind, prefecture_code, prefecture, name, kana."""
    path = files("registry").joinpath("data/local_governments.csv")
    with path.open(encoding="utf-8") as lines:
        yield from csv.DictReader(lines)


def load_local_governments(connection: Connection) -> int:
    """Insert what is missing, bring names up to date, leave states alone; returns the number.

    Works on an owner's connection: no runtime role may write this table's names.
    """
    rows = list(local_governments())
    statement = insert(LocalGovernment)
    names = ("kind", "prefecture_code", "prefecture", "name", "kana")
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["code"], set_={name: statement.excluded[name] for name in names}
        ),
        rows,
    )
    return len(rows)
