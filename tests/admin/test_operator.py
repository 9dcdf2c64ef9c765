"""運営: a disturbance told on every page, what waits, and the national numbers; never a person."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
import redis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError

from core import incidents, queues
from core.clock import FixedClock
from core.db import Database
from core.errors import Forbidden
from core.incidents import Board
from core.outbox import NoticeDraft, tell
from registry.doors import as_operator
from tests.factories.registry import (
    HIDA,
    NOW,
    SignedIn,
    create_person,
    join,
    make_operator,
    make_staff,
)

SAID = {"text_ja": "本人確認が使えません。", "text_en": "The identity check is down."}
SOON = {"day": "2027-06-01", "time": "23:30"}
KEY = "3f1c6a3e-0000-4000-8000-00000000000"


def post(http: TestClient, someone: SignedIn, path: str, number: int, **fields: str) -> str:
    """A form's answer: where it leads, or the page it shows again."""
    answer = http.post(path, headers=someone.headers, data={"_key": f"{KEY}{number}", **fields})
    return answer.headers.get("location", answer.text)


def test_every_page_tells_of_a_disturbance_until_its_end(
    http: TestClient, app: FastAPI, database: Database, clock: FixedClock
) -> None:
    """Phone and desk, signed in or not, in the reader's language; it goes by itself."""
    operator, staff = make_operator(database), make_staff(database, HIDA)
    person = create_person(database)
    led = post(http, operator, "/operator/incident", 1, **SAID, **SOON)
    assert led == "/operator/incident?done=incident_told"
    pages = (("/", person), ("/", None), (f"/staff/{HIDA}", staff), ("/operator", operator))
    for path, someone in (*pages, ("/staff/signin", None), ("/help", None), ("/nowhere", None)):
        headers = {"accept": "text/html"} | (someone.headers if someone else {})
        page = http.get(path, headers=headers).text
        assert page.count(SAID["text_ja"]) == 1, path
        assert "23時30分まで" in page, path
        http.cookies.set("lang", "en")
        assert SAID["text_en"] in http.get(path, headers=headers).text, path
        http.cookies.clear()
    clock.advance(timedelta(hours=15))
    assert SAID["text_ja"] not in http.get("/help").text
    assert (
        "いまは何もお知らせしていません"
        in http.get(
            "/operator/incident", headers=make_operator(database, now=clock.now()).headers
        ).text
    )


def test_it_costs_no_page_a_query(
    http: TestClient, app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process looks by itself: pages are shown with what it knows."""
    operator = make_operator(database)
    post(http, operator, "/operator/incident", 1, **SAID, **SOON)

    def refuse(*_: object) -> None:
        raise AssertionError("a page asked")

    monkeypatch.setattr(incidents, "current", refuse)
    assert SAID["text_ja"] in http.get("/help").text


def test_a_process_learns_of_it_by_itself_and_stands_a_silent_database(
    app: FastAPI, database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = make_operator(database)
    with database.transaction(as_operator(operator.actor)) as db:
        incidents.tell(db, actor=operator.actor, ends_at=NOW + timedelta(hours=1), now=NOW, **SAID)
    monkeypatch.setattr(incidents, "EVERY_SECONDS", 0)
    looked = 0

    class Heard(Board):
        """Fails once, then says that it has looked."""

        def look(self, database: Database) -> None:
            nonlocal looked
            looked += 1
            if looked == 1:
                raise OperationalError("", None, Exception())
            super().look(database)
            loop.call_soon_threadsafe(heard.set)

    board = Heard(clock)
    loop, heard = asyncio.new_event_loop(), asyncio.Event()

    async def a_moment() -> None:
        looking = asyncio.create_task(board.keep_looking(database))
        await asyncio.wait_for(heard.wait(), 10)
        looking.cancel()

    # In a thread of its own: a browser of another test may have a loop running in this one.
    with closing(loop), ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: loop.run_until_complete(a_moment())).result()
    told = board.shown()
    assert told is not None
    assert (told.text("easy"), told.text("en")) == (SAID["text_ja"], SAID["text_en"])
    clock.advance(timedelta(hours=1))
    assert board.shown() is None


def test_a_new_one_ends_the_one_before_and_bad_ends_are_told_in_place(
    http: TestClient, database: Database
) -> None:
    operator = make_operator(database)
    past = post(http, operator, "/operator/incident", 1, **SAID, day="2027-06-01", time="00:00")
    assert "いまより先にしてください" in past
    far = post(http, operator, "/operator/incident", 2, **SAID, day="2027-06-20", time="00:00")
    assert "7日以内にしてください" in far
    for number, words in ((3, "一つめ"), (4, "二つめ")):
        post(http, operator, "/operator/incident", number, **(SAID | SOON | {"text_ja": words}))
    page = http.get("/help").text
    assert ("一つめ" in page, "二つめ" in page) == (False, True)
    assert post(http, operator, "/operator/incident/end", 5) == (
        "/operator/incident?done=incident_over"
    )
    assert "二つめ" not in http.get("/help").text


def test_nobody_but_the_operator_tells(http: TestClient, database: Database) -> None:
    staff = make_staff(database, HIDA)
    answer = http.post("/operator/incident", headers=staff.headers, data={**SAID, **SOON})
    assert answer.status_code == 403
    with (
        database.transaction(as_operator(make_operator(database).actor)) as db,
        pytest.raises(Forbidden),
    ):
        incidents.tell(db, actor=staff.actor, ends_at=NOW + timedelta(hours=1), now=NOW, **SAID)


def test_the_operator_sees_what_waits_in_outbox_and_valkey(
    http: TestClient, app: FastAPI, database: Database
) -> None:
    """By channel with the longest wait, and the wake-ups of Celery; nobody's name or address."""
    person = create_person(database, nickname="山田太郎")
    join(database, person, HIDA)
    with database.transaction(person.context) as db:
        tell(
            db,
            [
                NoticeDraft(person.id, "registration_ended", f"test{n}", available_at=NOW + wait)
                for n, wait in enumerate((-timedelta(minutes=95), timedelta(hours=3)))
            ],
            now=NOW,
        )
    operator = make_operator(database)
    settings = app.state.platform.settings
    prefix = queues.key_prefix(settings)
    valkey = redis.Redis.from_url(settings.redis_url)
    try:
        valkey.rpush(f"{prefix}jobs", *("x",) * 7)
        page = http.get("/operator", headers=operator.headers).text
    finally:
        valkey.delete(f"{prefix}jobs")
    waiting = page.split("送るのを待つもの</caption>")[1].split("</table>")[0]
    assert "メール" in waiting
    assert "95分" in waiting
    assert re.search(r"仕事の呼び出し</dt>\s*<dd>7</dd>", page)
    assert "山田太郎" not in page
    assert person.email not in page


def test_without_valkey_the_page_says_so(
    app: FastAPI, http: TestClient, database: Database
) -> None:
    operator = make_operator(database)
    platform = app.state.platform
    away = platform.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    app.state.platform = replace(platform, settings=away)
    page = http.get("/operator", headers=operator.headers)
    assert page.status_code == 200
    assert "Valkey が応答しません" in page.text


def test_national_numbers_have_a_day_and_a_source(
    http: TestClient, app: FastAPI, database: Database
) -> None:
    """Every one of them, in words; drafts are marked."""
    operator = make_operator(database)
    page = http.get("/operator/numbers", headers=operator.headers).text
    for one in app.state.policy_book.parameters.values():
        step = one.values.on(NOW.date())
        assert one.label in page, one.key
        row = page.split(f">{one.key}<")[1].split("</tr>")[0]
        assert str(step.source).replace("&", "&amp;") in row, one.key
        assert ("tag-warn" in row) >= (not step.source.confirmed), one.key
