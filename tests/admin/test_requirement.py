"""R07, R33: a requirement put together on a draft, over HTTP without a script."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from sqlalchemy import select

from core.clock import FixedClock
from core.db import Database, for_body
from registry.models import Confirmation, RequirementDraft, RequirementVersion
from tests.factories.desk import Morning, create_morning
from tests.factories.registry import HIDA, SignedIn

PAGE = f"/staff/{HIDA}/settings/requirement"
WISHES = f"/staff/{HIDA}/confirmations"


@pytest.fixture
def morning(database: Database) -> Morning:
    return create_morning(database)


class Table:
    """A manager at the draft: presses buttons, and reads what the page says."""

    def __init__(self, http: TestClient, someone: SignedIn) -> None:
        self.http, self.someone = http, someone

    def post(self, path: str, **fields: Any) -> Response:
        headers = {"Authorization": self.someone.headers["Authorization"]}
        return self.http.post(path, data={"_key": str(uuid4()), **fields}, headers=headers)

    def page(self, query: str = "") -> str:
        answer = self.http.get(PAGE + query, headers=self.someone.headers)
        assert answer.status_code == 200
        return answer.text

    def seen(self) -> str:
        found = re.search(r'name="draft" value="([^"]+)"', self.page())
        assert found
        return unescape(found[1])

    def press(self, act: str, **fields: Any) -> Response:
        return self.post(f"{PAGE}/edit", act=act, draft=self.seen(), **fields)

    def add(self, measure: str, amount: int, group: str = "", category: str = "") -> Response:
        return self.press("add", measure=measure, amount=amount, group=group, category=category)


@pytest.fixture
def table(http: TestClient, morning: Morning) -> Table:
    found = Table(http, morning.manager)
    assert found.post(f"{PAGE}/start").headers["location"] == PAGE
    return found


def stored(database: Database, model: Any) -> list[Any]:
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        return list(db.scalars(select(model).where(model.lg_code == HIDA)))


def test_r07_a_tree_is_put_together_from_plain_sentences(table: Table, database: Database) -> None:
    assert "指定された活動に3回以上参加すること" in table.page()
    assert table.add("stay_days", 2).status_code == 303
    assert table.add("category", 1, category="festival").status_code == 303
    assert table.press("group", chosen=["1", "2"]).status_code == 303
    assert table.press("save", **{"at-0": "2"}).status_code == 303
    (draft,) = stored(database, RequirementDraft)
    assert draft.tree == {
        "all_of": [
            {"count": 2},
            {"any_of": [{"stay_days": 2}, {"category": {"name": "festival", "count": 1}}]},
        ]
    }
    text = table.page("?look=yes")
    assert "2回以上参加する、かつ、（2日以上滞在する、または、「祭り・行事」の活動に1回" in text
    assert "指定された活動に2回、滞在2日" in text
    assert "指定された活動に2回、滞在1日" in text
    assert "全国の目安より低い" in text
    assert "判定が変わる人は" in text
    assert not stored(database, RequirementVersion)


def test_r33_a_harder_one_is_announced_with_its_notice(
    table: Table, http: TestClient, database: Database, morning: Morning
) -> None:
    table.press("save", **{"at-0": "5"})
    assert "60日前の予告が必要なので、いちばん早い日は2027年7月31日" in table.page()
    early = table.post(PAGE, draft=table.seen(), effective_from="2027-06-15")
    assert early.status_code == 409
    done = table.post(PAGE, draft=table.seen(), effective_from="2027-07-31")
    assert done.headers["location"] == f"{WISHES}?done=asked"
    assert not stored(database, RequirementVersion)
    (wish,) = stored(database, Confirmation)
    own = http.get(WISHES, headers=morning.manager.headers).text
    assert "頼んだ本人は確認できません" in own
    assert f"{wish.id}/confirm" not in own
    assert table.post(f"{WISHES}/{wish.id}/confirm").status_code == 409
    approver = Table(http, morning.approver)
    queue = http.get(f"/staff/{HIDA}", headers=morning.approver.headers).text
    assert f"/confirmations#confirmation-{wish.id}" in queue
    assert (
        f"confirmation-{wish.id}"
        not in http.get(f"/staff/{HIDA}", headers=morning.manager.headers).text
    )
    shown = http.get(WISHES, headers=morning.approver.headers).text
    assert "2027年7月31日（土）からの要件：指定された活動に5回以上参加すること。" in shown
    yes = approver.post(f"{WISHES}/{wish.id}/confirm")
    assert yes.headers["location"] == f"{WISHES}?done=confirmed"
    assert approver.post(f"{WISHES}/{wish.id}/confirm").status_code == 409
    assert not stored(database, RequirementDraft)
    (version,) = stored(database, RequirementVersion)
    assert version.tree == {"count": 5}
    shown = http.get(f"/staff/{HIDA}/settings", headers=morning.clerk.headers).text
    assert "予告中" in shown


def test_r07_what_cannot_be_is_refused_kindly(table: Table, database: Database) -> None:
    refused = {
        "number": table.add("stay_days", 0),
        "word": table.press("add", measure="stay_days", amount="たくさん"),
        "category": table.add("category", 1),
        "nothing ticked": table.press("group"),
        "one is no group": table.press("group", chosen=["0"]),
        "no such place": table.press("remove", chosen=["7.7"]),
    }
    assert {name: answer.status_code for name, answer in refused.items()} == dict.fromkeys(
        refused, 422
    )
    assert "条件に印をつけてから" in refused["nothing ticked"].text
    endless = table.press("remove", chosen=["9" * 5000])
    assert endless.status_code == 422
    assert "9" * 100 not in endless.text
    (draft,) = stored(database, RequirementDraft)
    assert draft.edits == 0
    for amount in ("0", "1001"):
        told = table.press("save", **{"at-0": amount})
        assert 'href="#at-0"' in told.text
        assert "1から1,000までの数字を入力してください" in told.text
        marked = re.search(r'<input[^>]*id="at-0"[^>]*>', told.text)
        assert marked
        assert f'value="{amount}"' in marked[0]
        assert 'aria-invalid="true"' in marked[0]
    table.add("stay_days", 366)
    told = table.post(PAGE, draft=table.seen(), effective_from="2028-06-15")
    assert told.status_code == 409
    assert "1年のうちにだれも満たせない条件" in told.text
    table.press("remove", chosen=["0", "1"])
    assert "まだ条件がありません" in table.page()
    empty = table.post(PAGE, draft=table.seen(), effective_from="2028-06-15")
    assert empty.status_code == 422
    for number in range(1, 12):
        assert table.add("stay_days", number).status_code == 303
    full = table.add("hours", 1)
    assert full.status_code == 409
    assert "合わせて12個まで" in full.text


def test_two_managers_do_not_overwrite_each_other(table: Table, database: Database) -> None:
    seen = table.seen()
    assert table.add("hours", 1).status_code == 303
    late = table.post(f"{PAGE}/edit", act="save", draft=seen, **{"at-0": "9"})
    assert late.status_code == 409
    assert "見ているあいだに変わりました" in late.text
    assert table.post(PAGE, draft=seen, effective_from="2028-06-15").status_code == 409
    assert table.post(f"{PAGE}/discard", draft=seen).status_code == 409
    assert table.post(f"{PAGE}/discard").status_code == 409
    assert table.post(f"{PAGE}/discard", draft=table.seen()).status_code == 303
    assert not stored(database, RequirementDraft)
    assert not stored(database, RequirementVersion)


def test_a_draft_that_was_dropped_and_begun_anew_is_another_one(
    table: Table, database: Database, clock: FixedClock
) -> None:
    for hours in (1, 2):
        table.add("hours", hours)
    seen = table.seen()
    assert table.post(f"{PAGE}/discard", draft=seen).status_code == 303
    clock.advance(timedelta(minutes=1))
    assert table.post(f"{PAGE}/start").status_code == 303
    for days in (1, 2):
        table.add("stay_days", days)
    assert table.seen() != seen
    assert table.post(PAGE, draft=seen, effective_from="2028-06-15").status_code == 409
    assert table.post(PAGE, effective_from="2028-06-15").status_code == 409
    assert table.post(f"{PAGE}/discard", draft=seen).status_code == 409
    # What was typed for another draft is not shown as if it belonged to this one.
    late = table.post(f"{PAGE}/edit", act="save", draft=seen, **{"at-0": "77"})
    assert 'value="77"' not in late.text
    assert not stored(database, Confirmation)
    assert len(stored(database, RequirementDraft)) == 1


def test_r33_the_requirement_in_force_is_not_announced_once_more(
    table: Table, database: Database
) -> None:
    assert "いまの要件と同じです" in table.page()
    assert "もう1人に確認を頼む" not in table.page()
    same = table.post(PAGE, draft=table.seen(), effective_from="2027-06-15")
    assert same.status_code == 409
    assert "その日の要件と同じ内容です" in same.text
    assert not stored(database, Confirmation)
    table.press("save", **{"at-0": "2"})
    assert "いまの要件と同じです" not in table.page()
    assert "もう1人に確認を頼む" in table.page()


def test_what_has_outgrown_its_limits_may_become_smaller(table: Table, database: Database) -> None:
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        db.get_one(RequirementDraft, HIDA).tree = {"any_of": [{"count": n} for n in range(1, 16)]}
    assert table.add("hours", 1).status_code == 409
    assert table.press("remove", chosen=["0"]).status_code == 303
    assert table.press("save", **{"at-0": "9"}).status_code == 303
    assert table.add("hours", 1).status_code == 409


def test_examples_are_such_as_somebody_could_have_done(table: Table) -> None:
    table.press("remove", chosen=["0"])
    table.add("projects", 12)
    kinds = table.page()
    assert "指定された活動に12回、活動は12種類" in kinds
    assert "指定された活動に12回、活動は11種類" in kinds
    table.press("remove", chosen=["0"])
    table.add("hours", 30)
    hours = table.page()
    assert "指定された活動に4回、活動は合わせて30時間" in hours
    assert "指定された活動に4回、活動は合わせて29時間" in hours
    table.add("hours", 30)
    assert table.page().count("なくても同じです") == 1
