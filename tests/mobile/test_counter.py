"""The organiser's phone on the day: enrolled by a code, names, cards, families, taken back (R19)."""

import re
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from activities.enrolment import TICKET_LIFE, token_of_ticket
from activities.hosts import HostRole
from activities.models import Activity, ActivitySession, DeviceTicket, Organisation
from core.clock import FixedClock
from core.db import Context, for_body
from core.tenancy import Audience
from core.web import SCANNER_COOKIE, SESSION_COOKIE
from qr.store import KeyStore
from registry.models import Guardianship
from tests.conftest import RollbackDatabase
from tests.factories.activities import (
    create_designated_activity,
    create_member,
    create_organisation,
    create_session,
    sign_up,
)
from tests.factories.phone import Phone
from tests.factories.presence import Look, jst, make_card, make_keys, secret_of
from tests.factories.registry import (
    GIFU,
    HIDA,
    SignedIn,
    create_person,
    join,
    open_bodies,
    registration_of,
    sign_in,
)

DAY = date(2027, 6, 5)
GATE = Context(Audience.GATE, actor="system:gate")


class Scene:
    """里山の会, two people on duty, a session at nine; it is ten to nine."""

    def __init__(self, app: FastAPI, database: RollbackDatabase, clock: FixedClock) -> None:
        self.app, self.database, self.clock = app, database, clock
        open_bodies(database, GIFU, HIDA)
        self.keys: KeyStore = make_keys(database, now=clock.now())
        self.organisation: Organisation = create_organisation(database, name="里山の会")
        self.activity: Activity = create_designated_activity(database, self.organisation)
        self.session: ActivitySession = create_session(
            database, self.activity, starts_at=jst(DAY, 9)
        )
        self.first = self.person("主催花子", role=HostRole.ORGANISER)
        self.second = self.person("受付太郎", role=HostRole.RECEPTION)
        clock.at = jst(DAY, 8, 50)

    def person(self, name: str, *, role: HostRole | None = None, joined: bool = True) -> SignedIn:
        someone = create_person(self.database, nickname=name, birth_year=1952)
        if joined:
            join(self.database, someone, HIDA)
        if role is not None:
            create_member(self.database, self.organisation, someone.id, role=role)
        return someone

    def phone(self, someone: SignedIn | None = None) -> Phone:
        client = TestClient(self.app, follow_redirects=False)
        if someone is not None:
            token = sign_in(self.database, someone.email, now=self.clock.now())
            client.cookies.set(SESSION_COOKIE, token)
        return Phone(client)

    @property
    def home(self) -> str:
        return f"/host/{HIDA}/organisations/{self.organisation.id}"

    @property
    def reception(self) -> str:
        return f"/host/{HIDA}/sessions/{self.session.id}"

    def card(self, someone: SignedIn) -> str:
        return make_card(self.database, self.keys, someone, now=self.clock.now())

    def enrolled(self) -> Phone:
        """A second phone that has read the organiser's code."""
        host = self.phone(self.first)
        host.open(f"{self.home}/devices")
        host.send({"label": "受付の電話"}, to=f"{self.home}/devices")
        other = self.phone()
        other.open(self.path_of(host)).send()
        assert other.path == "/counter", other.words
        return other

    def path_of(self, host: Phone) -> str:
        """Where the code on the organiser's screen leads (read off the picture in the journeys)."""
        ticket_id = UUID(host.path.rpartition("/")[2])
        with self.database.transaction(for_body(HIDA, actor="system:test")) as db:
            ticket = db.get_one(DeviceTicket, (HIDA, ticket_id))
            return f"/device/{token_of_ticket(secret_of(self.database), ticket)}"


@pytest.fixture
def scene(app: FastAPI, database: RollbackDatabase, clock: FixedClock) -> Scene:
    return Scene(app, database, clock)


# --- a phone becomes a scanner --------------------------------------------------------------------


def test_c27_a_code_enrols_one_phone_once(scene: Scene, look: Look) -> None:
    host = scene.phone(scene.first)
    host.open(f"{scene.home}/devices")
    host.send({"label": "公民館のタブレット"}, to=f"{scene.home}/devices")
    assert "1回だけ" in host.words
    path = scene.path_of(host)
    other = scene.phone()
    other.open(path)
    assert "里山の会" in other.words
    other.send()
    assert other.path == "/counter"
    assert scene.activity.title in other.words
    cookie = next(one for one in other.client.cookies.jar if one.name == SCANNER_COOKIE)
    assert cookie.has_nonstandard_attr("HttpOnly")
    # Nobody else, and not the same phone again.
    assert scene.phone().open(path).status == 410
    host.open(host.path)
    assert "電話が加わりました" in host.words
    assert look.one("select count(*) from scanner_device") == 1
    actions = {row[0] for row in look.rows("select action from audit_event")}
    assert {"device.offer", "device.enrol"} <= actions


def test_c27_a_code_ends_after_some_minutes_and_cannot_be_guessed(scene: Scene) -> None:
    host = scene.phone(scene.first)
    host.open(f"{scene.home}/devices").send({"label": "電話"}, to=f"{scene.home}/devices")
    path = scene.path_of(host)
    other = scene.phone()
    assert other.open(path[:-1] + ("0" if path[-1] != "0" else "1")).status == 410
    assert other.open("/device/nonsense").status == 410
    other.open(path)
    assert other.status == 200
    scene.clock.advance(TICKET_LIFE + timedelta(seconds=1))
    other.send()
    assert other.status == 410
    host.open(host.path)
    assert "時間が過ぎました" in host.words


def test_c28_a_stopped_phone_is_shut_out(scene: Scene) -> None:
    device = scene.enrolled()
    host = scene.phone(scene.first).open(f"{scene.home}/devices")
    assert "使えます" in host.words
    action = re.search(r'action="([^"]*/revocation)"', host.text)
    assert action
    host.send(to=action[1])
    assert "止めました" in host.words
    assert device.open("/counter").status == 403
    assert "受付に使えなくなっています" in device.words


@pytest.mark.parametrize(
    ("after", "said"),
    [(timedelta(days=15), "長く使われず"), (timedelta(days=31), "長く使われず")],
)
def test_c23_silence_ends_a_phone(scene: Scene, after: timedelta, said: str) -> None:
    device = scene.enrolled()
    scene.clock.advance(after)
    assert device.open("/counter").status == 403
    assert said in scene.phone(scene.first).open(f"{scene.home}/devices").words


def test_c23_the_last_day_ends_a_phone_that_is_used_daily(scene: Scene) -> None:
    device = scene.enrolled()
    for _ in range(5):
        scene.clock.advance(timedelta(days=6))
        assert device.open("/counter").status == 200
    scene.clock.advance(timedelta(days=1))
    assert device.open("/counter").status == 403
    assert "決めた日が過ぎて" in scene.phone(scene.first).open(f"{scene.home}/devices").words


@pytest.mark.parametrize("until", ["", "2027-06-04", "2029-01-01"])
def test_c23_a_phones_last_day_is_within_a_year(scene: Scene, until: str) -> None:
    host = scene.phone(scene.first).open(f"{scene.home}/devices")
    host.send({"label": "電話", "until": until}, to=f"{scene.home}/devices")
    assert host.status == 422


def test_a_phone_gives_its_right_back(scene: Scene, look: Look) -> None:
    device = scene.enrolled()
    device.send(to="/counter/leave")
    assert "受付を終えました" in device.words
    assert look.one("select revoked_at is not null from scanner_device")


def test_only_organisers_add_phones(scene: Scene) -> None:
    assert scene.phone(scene.second).open(f"{scene.home}/devices").status == 403
    assert scene.phone(scene.person("他人")).open(f"{scene.home}/devices").status == 404


# --- names ----------------------------------------------------------------------------------------


def test_r19_a_name_needs_two_people_and_is_taken_back_within_minutes(
    scene: Scene, look: Look
) -> None:
    guest = scene.person("山田春子")
    sign_up(scene.database, scene.session, guest.id, now=scene.clock.now() - timedelta(days=1))
    first, second = scene.phone(scene.first), scene.phone(scene.second)
    first.open(scene.reception)
    assert "山田春子" in first.words
    by_name = f"{scene.reception}/people/{guest.id}"
    first.send(to=by_name)
    assert "あと一人の確認で受付になります" in first.words
    first.open(scene.reception)
    assert "あと一人の確認を待っています" in first.words
    # Whoever receives only has no list, and searches (C29).
    second.open(scene.reception)
    assert "山田春子" not in second.words
    second.open(f"{scene.reception}?q=山田")
    assert second.status == 200
    assert "3" in second.words
    second.open(f"{scene.reception}?q=山田春")
    assert "会いました（二人目）" in second.words
    second.send(to=by_name)
    assert "山田春子さんを受付しました" in second.words
    first.open(f"{scene.reception}?view=here")
    assert "山田春子" in first.words
    undo = re.search(r'action="([^"]*/undo)"', second.text)
    assert undo
    other = create_session(
        scene.database, scene.activity, starts_at=scene.session.starts_at + timedelta(days=3)
    )
    elsewhere = undo[1].replace(str(scene.session.id), str(other.id))
    refused = second.client.post(
        elsewhere, data={"_key": "k"}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert refused.status_code == 404
    second.send(to=undo[1])
    assert look.one("select count(*) from check_in where annulled_at is null") == 0
    assert "山田春子" not in first.open(f"{scene.reception}?view=here").words


def test_c7_after_fifteen_minutes_nobody_takes_back_with_a_phone(scene: Scene, look: Look) -> None:
    guest = scene.person("山田春子")
    card = scene.card(guest)
    first = scene.phone(scene.first).open(scene.reception)
    to = f"{scene.reception}/codes"
    first.send({"code": card}, to=to)
    first.send(to=to)
    first.send(to=to)
    undo = re.search(r'action="([^"]*/undo)"', first.text)
    assert undo, first.words
    page = first.path
    scene.clock.advance(timedelta(minutes=16))
    first.open(page)
    assert "取り消す" not in first.words
    answer = first.client.post(
        undo[1], data={"_key": "k"}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert answer.status_code == 422
    assert look.one("select count(*) from check_in where annulled_at is null") == 1


# --- cards and numbers ----------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["card", "number"])
def test_c12_paper_asks_for_the_name_and_c6_for_the_walk_in(
    scene: Scene, look: Look, by: str
) -> None:
    guest = scene.person("山田春子")
    row = registration_of(scene.database, guest, HIDA)
    assert row is not None
    code = scene.card(guest) if by == "card" else row.member_number
    device = scene.enrolled().open(f"/counter/sessions/{scene.session.id}")
    to = f"/counter/sessions/{scene.session.id}/codes"
    device.send({"code": code}, to=to)
    assert "申込みをしていません" in device.words
    device.send(to=to)
    assert "山田春子さんですか" in device.words
    device.send(to=to)
    assert "山田春子さんを受付しました" in device.words
    assert look.rows("select method, source like 'device:%' from check_in") == [
        ("card" if by == "card" else "typed", True)
    ]
    again = device.open(f"/counter/sessions/{scene.session.id}")
    again.send({"code": code}, to=to)
    assert "もう受付が済んでいます" in again.words


@pytest.mark.parametrize("code", ["", "nonsense", "FJ1:ABC", "ZZZZ ZZZZ"])
def test_f21_a_bad_code_is_told_and_the_next_one_is_read(
    scene: Scene, look: Look, code: str
) -> None:
    guest = scene.person("山田春子")
    sign_up(scene.database, scene.session, guest.id, now=scene.clock.now() - timedelta(days=1))
    first = scene.phone(scene.first).open(scene.reception)
    to = f"{scene.reception}/codes"
    first.send({"code": code}, to=to)
    assert "受付しました" not in first.words
    first.send({"code": scene.card(guest)}, to=to)
    first.send(to=to)
    assert "山田春子さんを受付しました" in first.words
    assert look.one("select count(*) from check_in") == 1


def test_f19_another_organisations_session_is_nowhere(scene: Scene) -> None:
    other = create_designated_activity(scene.database, now=scene.clock.now() - timedelta(days=9))
    session = create_session(
        scene.database, other, starts_at=jst(DAY, 13), now=scene.clock.now() - timedelta(days=1)
    )
    assert scene.enrolled().open(f"/counter/sessions/{session.id}").status == 404
    host = scene.phone(scene.first)
    assert host.open(f"/host/{HIDA}/sessions/{session.id}").status == 404
    assert host.open(f"/host/{HIDA}/sessions/{session.id}/venue").status == 404


# --- families -------------------------------------------------------------------------------------


def in_charge(scene: Scene, guardian: SignedIn, ward: SignedIn, state: str = "living") -> None:
    now = scene.clock.now() - timedelta(days=1)
    with scene.database.transaction(ward.context) as db:
        db.add(
            Guardianship(
                person_id=ward.id,
                contact=guardian.email,
                state="invited",
                scope="managed",
                text_version="2026-11",
                invite_hash=f"{ward.id.hex}{ward.id.hex}",
                invited_at=now,
            )
        )
    with scene.database.transaction(GATE) as db:
        row = db.query(Guardianship).filter_by(person_id=ward.id).one()
        row.guardian_id, row.state = guardian.id, state
        row.contact_confirmed_at = now


def test_r18_a_family_is_received_with_one_scan(scene: Scene, look: Look) -> None:
    mother, child, other = (scene.person(name) for name in ("母", "長女", "元の子"))
    in_charge(scene, mother, child)
    in_charge(scene, mother, other, "ended")
    sign_up(scene.database, scene.session, mother.id, now=scene.clock.now() - timedelta(days=1))
    first = scene.phone(scene.first).open(scene.reception)
    to = f"{scene.reception}/codes"
    first.send({"code": scene.card(mother)}, to=to)
    first.send(to=to)
    assert "いっしょに来た人" in first.words
    assert "元の子" not in first.form(f"{scene.reception}/family").html
    first.send({"people": [str(child.id), str(other.id)]}, to=f"{scene.reception}/family")
    assert "母さんを受付しました" in first.words
    assert "長女さんを受付しました" in first.words
    rows = look.rows("select person_id, method, assurance from check_in order by at")
    assert {row[0] for row in rows} == {mother.id, child.id}
    assert look.one("select count(*) from participation where counted") == 2
    assert (
        look.one("select count(*) from scan_attempt where source = :s", s=f"with:{mother.id}") == 1
    )


def test_r18_nobody_is_received_without_a_card_that_was_read(scene: Scene, look: Look) -> None:
    """A made-up scan, or one of another counter, opens no family."""
    mother, child = scene.person("母"), scene.person("長女")
    in_charge(scene, mother, child)
    first = scene.phone(scene.first).open(scene.reception)
    answer = first.client.post(
        f"{scene.reception}/family",
        data={"scan": str(child.id), "people": str(child.id)},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 404
    assert look.one("select count(*) from check_in") == 0


# --- the venue's code -----------------------------------------------------------------------------


def test_r19_the_venues_code_is_shown_and_renews_itself(scene: Scene) -> None:
    host = scene.phone(scene.first).open(scene.reception)
    host.open(host.link("会場の二次元コードを出す"))
    assert "<svg" in host.text
    renewed = re.search(r'http-equiv="refresh" content="(\d+)"', host.text)
    assert renewed
    assert 1 <= int(renewed[1]) <= 30
    device = scene.enrolled()
    assert "<svg" in device.open(f"/counter/sessions/{scene.session.id}/venue").text


def test_a_strangers_phone_is_no_counter(scene: Scene) -> None:
    nobody: Any = scene.phone().open("/counter")
    assert nobody.path.startswith("/signin")
