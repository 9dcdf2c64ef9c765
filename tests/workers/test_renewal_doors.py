"""R15: renewals that wait, over HTTP: listed, objected to, decided; another town's staff see nothing."""

from datetime import timedelta
from uuid import uuid4

from fastapi.testclient import TestClient

from core.access import Role
from core.clock import FixedClock
from core.db import Database
from tests.conftest import serve
from tests.factories.registry import SignedIn, make_staff
from tests.workers.nights import HIDA, IIDA, parts_at, rows
from tests.workers.renewing import LAST, NEXT, night, prepared, terms
from workers.parts import Parts

BASE = f"/api/v1/local-governments/{HIDA}"


def doors(database: Database, parts: Parts) -> TestClient:
    """The web application on the test's own database and clock."""
    assert isinstance(parts.clock, FixedClock)
    app = serve(database._settings, database, parts.clock)
    return TestClient(app, raise_server_exceptions=False)


def staff(database: Database, parts: Parts, code: str = HIDA) -> SignedIn:
    return make_staff(database, code, Role.APPROVER, now=parts.clock.now())


def test_r15_a_renewal_is_listed_objected_to_and_approved(own_database: Database) -> None:
    """The same key answers the same; a decided one is a conflict, and says so."""
    parts, _ = prepared(own_database, "veto")
    night(parts, LAST - timedelta(days=60))
    approver = staff(own_database, parts)
    with doors(own_database, parts) as http:
        listed = http.get(f"{BASE}/renewals", headers=approver.headers)
        assert listed.status_code == 200
        (waiting,) = listed.json()["items"]
        assert (waiting["state"], waiting["outcome"]) == ("veto", "renewed")
        path = f"{BASE}/renewals/{waiting['term_id']}"
        said = {"reason": "記録を確かめるため"}
        assert http.post(f"{path}/object", headers=approver.headers).status_code == 422
        objected = http.post(f"{path}/object", headers=approver.headers, json=said)
        assert objected.json()["renewal_state"] == "review"
        again = http.post(f"{path}/object", headers=approver.headers, json=said)
        assert (again.status_code, again.json()["code"]) == (409, "renewal_decided")
        once = approver.headers
        first = http.post(f"{path}/approve", headers=once)
        second = http.post(f"{path}/approve", headers=once)
        assert first.status_code == second.status_code == 200
        assert first.json() == second.json()
    assert [row[2] for row in terms(own_database)] == ["active", "booked"]
    assert terms(own_database)[1][:2] == NEXT
    trail = rows(
        own_database, "select action from audit_event where actor like 'staff:%%' order by at"
    )
    assert {"term.list_waiting", "term.renewal_review", "term.renewal_booked"} <= {
        row[0] for row in trail
    }


def test_p13_another_towns_staff_find_nothing(own_database: Database) -> None:
    parts, _ = prepared(own_database, "review")
    night(parts, LAST - timedelta(days=60))
    term = rows(own_database, "select id from term")[0][0]
    judgement = rows(own_database, "select id from judgement")[0][0]
    stranger = staff(own_database, parts_at(own_database, LAST - timedelta(days=60)), IIDA)
    own = f"/api/v1/local-governments/{IIDA}"
    reason = {"reason": "x"}
    with doors(own_database, parts) as http:
        for base in (BASE, own):
            for path, body in (
                (f"{base}/renewals/{term}/approve", None),
                (f"{base}/renewals/{term}/refuse", reason),
                (f"{base}/renewals/{term}/object", reason),
                (f"{base}/renewals/{uuid4()}/approve", None),
                (f"{base}/judgements/{judgement}/reverse", reason),
            ):
                answer = http.post(path, headers=stranger.headers, json=body)
                assert answer.status_code == 404, path
        assert http.get(f"{own}/renewals", headers=stranger.headers).json()["items"] == []
