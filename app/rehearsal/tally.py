"""What came of a rehearsal, read from the platform's own records by the owner of the database."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from app.migrate import owner
from simulation.recount import Happened

#: Events of registrations and what they are called in the simulation.
_EVENTS = """
select e.person_id, e.on_day, e.lg_code, e.kind, e.facts
  from registration_event e join registration r on r.lg_code = e.lg_code and r.id = e.registration_id
 where r.direct or r.status <> 'active' order by e.at, e.id
"""
