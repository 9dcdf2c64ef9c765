"""R09: activities with their dates in one step, from a calendar's file or from the year before."""

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from activities import calendar_making, calendars
from activities.calendar_making import Said
from activities.copying_year import Chosen, copy_year
from activities.making import Making, Wanted
from activities.models import Activity, ActivitySession, CalendarRow
from activities.proposing import ProposalFields
from core.clock import JAPAN
from core.db import Database, for_body
from registry.import_files import Reading
from registry.models import MemberImport
from tests.factories.activities import (
    BOOK,
    create_designated_activity,
    create_organisation,
    staff_host,
)
from tests.factories.registry import HIDA, NOW, open_bodies
from tests.factories.town_files import csv_file

HERE = for_body(HIDA, actor="system:test")
HEAD = ("活動名", "開催日", "時間", "会場", "主催団体", "分野")


def test_r18_a_copy_that_is_moved_into_the_night_is_hidden_from_minors(database: Database) -> None:
    open_bodies(database, HIDA)
    fields = ProposalFields("星を見る会", "environment_care")
    source = create_designated_activity(database, fields=fields)
    starts = datetime(2027, 8, 1, 20, tzinfo=JAPAN)
    with database.transaction(HERE) as db:
        making = Making(db, staff_host(), BOOK, NOW)
        for hours, late in ((2, False), (3, True)):
            span = (starts, starts + timedelta(hours=hours))
            made = copy_year(
                making, [Chosen(source.id, [Wanted(*span, "丘の上", None)])], keep=True
            )
            session = made[source.id][0].session
            assert session is not None
            assert db.get_one(Activity, (HIDA, session.activity_id)).late_night is late


def looked_at(database: Database, *titles: str) -> MemberImport:
    """A calendar with a date of each activity, looked at."""
    rows = [(one, "8月1日", "9:00〜11:00", "本町", "宮川を守る会", "環境美化") for one in titles]
    with database.transaction(HERE) as db:
        reading = Reading(staff_host().actor, HIDA, "a secret of the platform", NOW)
        return calendars.bring(
            db, reading, name="予定.csv", data=csv_file([HEAD, *rows]), book=BOOK
        )


def test_r09_two_calendars_with_the_same_line_make_it_once(own_database: Database) -> None:
    open_bodies(own_database, HIDA)
    create_organisation(own_database, name="宮川を守る会")
    first, second = (looked_at(own_database, "草刈り", other) for other in ("花植え", "雪おろし"))

    def confirm(one: MemberImport) -> None:
        with own_database.transaction(HERE) as db:
            calendar_making.confirm(
                db, host=staff_host(), import_id=one.id, said=Said({}, "none"), book=BOOK, now=NOW
            )

    with ThreadPoolExecutor(1) as pool:
        with own_database.transaction(HERE) as db:
            calendar_making.confirm(
                db, host=staff_host(), import_id=first.id, said=Said({}, "none"), book=BOOK, now=NOW
            )
            other = pool.submit(confirm, second)
            with pytest.raises(StillWaiting):
                other.result(timeout=0.5)
        other.result()
    with own_database.transaction(HERE) as db:
        assert db.scalar(select(func.count()).select_from(ActivitySession)) == 3
        found = db.scalars(
            select(CalendarRow.state).filter_by(import_id=second.id).order_by(CalendarRow.line)
        ).all()
        assert found == ["known", "made"]
