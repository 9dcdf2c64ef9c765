"""What the server gives a phone that goes on without network, and takes from it afterwards."""

import gzip
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from activities.models import ActivitySession
from core.clock import FixedClock
from core.web import SESSION_COOKIE
from mobile.pages.offline import ASSETS
from tests.conftest import RollbackDatabase
from tests.factories.activities import create_designated_activity, create_session, sign_up
from tests.factories.phone import Phone
from tests.factories.presence import Look, make_keys
from tests.factories.registry import HIDA, SignedIn, create_person, join

STATIC = Path(__file__).resolve().parents[2] / "mobile" / "static"
OURS = {"Sec-Fetch-Site": "same-origin", "Accept": "application/json"}


@pytest.fixture
def someone(database: RollbackDatabase, clock: FixedClock) -> SignedIn:
    found = create_person(database)
    join(database, found, HIDA)
    make_keys(database, now=clock.now())
    return found


@pytest.fixture
def session(database: RollbackDatabase, clock: FixedClock, someone: SignedIn) -> ActivitySession:
    activity = create_designated_activity(database)
    made = create_session(database, activity, starts_at=clock.now() + timedelta(minutes=30))
    sign_up(database, made, someone.id)
    return made


def signed_in(client: TestClient, someone: SignedIn) -> dict[str, str]:
    """Signed in as a browser is; the owner's tag as a form carries it."""
    client.cookies.set(SESSION_COOKIE, someone.token)
    return {"scan_id": str(uuid4()), "_who": client.get("/phone").json()["who"]}


def test_the_worker_comes_from_the_root_and_is_asked_for_anew(client: TestClient) -> None:
    answer = client.get("/sw.js")
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "no-cache"
    assert "'unsafe" not in answer.headers["content-security-policy"]
    assert answer.text.startswith("const VERSION")
    for name in ASSETS:
        assert client.get(f"/static/{name}").status_code == 200
        assert f"/static/{name}" in answer.text


def test_c26_everybody_learns_the_true_time_and_strangers_nothing_else(
    client: TestClient, clock: FixedClock
) -> None:
    told = client.get("/phone").json()
    assert told["now"] == round(clock.now().timestamp() * 1000)
    assert (told["who"], told["seal"], told["pages"], told["cards"]) == ("-", None, [], [])


def test_f24_each_person_has_a_tag_and_a_seal_of_their_own(
    client: TestClient, database: RollbackDatabase, someone: SignedIn
) -> None:
    other = create_person(database)
    told = []
    for one in (someone, other, someone):
        client.cookies.clear()
        client.cookies.set(SESSION_COOKIE, one.token)
        told.append(client.get("/phone").json())
        assert str(one.id) not in client.get("/phone").text
        assert client.get("/queued").headers["x-who"] == f"{told[-1]['who']} ja"
    assert told[0]["who"] == told[2]["who"] != told[1]["who"]
    assert told[0]["seal"] == told[2]["seal"] != told[1]["seal"]
    assert f"/card/{HIDA}" in told[0]["pages"]


def test_f7_a_scan_that_waited_keeps_its_time(
    client: TestClient, someone: SignedIn, session: ActivitySession, clock: FixedClock, look: Look
) -> None:
    form = signed_in(client, someone)
    made = clock.now().isoformat()
    waited = {"offline": "yes", "scanned_at": made, "offset_ms": "0", "uncertainty_ms": "40"}
    for _ in range(2):
        answer = client.post(f"/c/{session.poster_code}", data=form | waited, headers=OURS)
        assert answer.json()["outcome"] == "accepted"
        assert answer.json()["done"] == f"/done/{HIDA}/{form['scan_id']}"
    (row,) = look.rows("select offline, offset_ms, device_at from scan_attempt")
    assert (row.offline, row.offset_ms, row.device_at) == (True, 0, clock.now())


def test_times_count_for_scans_that_waited_only(
    client: TestClient, someone: SignedIn, session: ActivitySession, look: Look
) -> None:
    """Who has network cannot claim another time."""
    form = signed_in(client, someone) | {"scanned_at": "2020-01-01T00:00:00Z", "offset_ms": "5"}
    assert client.post(f"/c/{session.poster_code}", data=form, headers=OURS).status_code == 200
    assert look.rows("select offline, offset_ms from scan_attempt") == [(False, None)]


def test_f24_a_scan_is_never_sent_as_somebody_elses(
    client: TestClient, database: RollbackDatabase, someone: SignedIn, session: ActivitySession
) -> None:
    form = signed_in(client, someone)
    other = create_person(database)
    join(database, other, HIDA)
    client.cookies.clear()
    client.cookies.set(SESSION_COOKIE, other.token)
    for path in (f"/c/{session.poster_code}", "/checkin"):
        data = form | {"code": session.poster_code or ""}
        answer = client.post(path, data=data, headers=OURS)
        assert (answer.status_code, answer.json()["code"]) == (409, "other_person")


def test_refusals_are_data_for_the_worker_and_pages_for_people(
    client: TestClient, phone: Phone, someone: SignedIn
) -> None:
    form = signed_in(client, someone) | {"code": "22222222"}
    told = client.post("/checkin", data=form, headers=OURS)
    assert told.status_code in {404, 409}
    assert told.json()["detail"]
    bad = form | {"code": "FJ1:AA", "offline": "yes", "scanned_at": "yesterday"}
    assert client.post("/checkin", data=bad, headers=OURS).status_code == 422
    client.cookies.clear()
    out = client.post("/checkin", data=form, headers=OURS)
    assert (out.status_code, out.json()["code"]) == (401, "sign_in_needed")
    assert phone.client.post("/checkin", data=form).headers["content-type"].startswith("text/html")


def test_what_every_page_loads_stays_small() -> None:
    """A page other than the card loads the helper and, in the background, the worker's files."""
    everywhere = ("phone.js", "sw.js", "store.js", "clock.js")
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in STATIC.glob("*.js")}
    assert sum(sizes[name] for name in everywhere) <= 8_000
    assert sizes["phone.js"] <= 2_000
