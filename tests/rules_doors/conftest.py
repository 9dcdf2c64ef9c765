"""A town, its people and its nights, reached as in life: over HTTP and by the runner of the nights."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient

from activities.evidence import SqlEvidence
from core.access import Role
from core.clock import JAPAN, FixedClock, japan_day
from core.db import Database, for_person
from registry import guardians
from registry.rules.facts import IdentityLevel
from tests.conftest import make_settings, new_database, own_copy, serve
from tests.factories import premium as cards
from tests.factories.registry import (
    GIFU,
    HIDA,
    IIDA,
    KESENNUMA,
    MIYAGI,
    NAGANO,
    NAGANO_PREF,
    SAITAMA,
    YOKOZE,
    SignedIn,
    create_person,
    make_operator,
    make_staff,
    policy_book,
    sign_in,
)
from tests.workers.nights import address, do
from workers.parts import Parts
from workers.runner import Runner

API = "/api/v1"
#: Every place of the examples, prefectures first.
PLACES = (GIFU, MIYAGI, SAITAMA, NAGANO_PREF, HIDA, KESENNUMA, YOKOZE, IIDA, NAGANO)
NIGHT = ("adults", "settle", "pending", "over_cap", "renewal", "dormancy", "sign_ups")
FIRST_DAY = date(2027, 6, 1)
ANSWERS = {
    "public_nature": True,
    "local_contribution": True,
    "shortage_of_hands": True,
    "substance_and_time": True,
}


@dataclass
class World:
    """One platform on its own database, its clock, and everybody signed in anew when time went on."""

    database: Database
    client: TestClient
    clock: FixedClock
    runner: Runner
    staff: dict[str, SignedIn] = field(default_factory=dict)
    signed_in_at: dict[str, datetime] = field(default_factory=dict)
    activities: dict[str, str] = field(default_factory=dict)
    organisations: dict[str, str] = field(default_factory=dict)

    # --- time ---

    @property
    def today(self) -> date:
        return japan_day(self.clock.now())

    def at(self, day: date, hour: int = 12, minute: int = 0, second: int = 0) -> None:
        """Go to an instant of a Japanese day."""
        self.clock.at = datetime.combine(day, time(hour, minute, second), JAPAN).astimezone(UTC)

    def night(self, day: date, *names: str) -> dict[str, dict[str, int]]:
        """The jobs of one night, at half past five in the morning, and what the tick does then."""
        self.at(day, 5, 30)
        found = {name: self.runner.run_named(name, day) for name in names or NIGHT}
        self.runner.tick()
        assert self.rows("select subject, error from job_failure") == []
        return found

    # --- requests ---

    def call(
        self,
        method: str,
        path: str,
        by: SignedIn | None = None,
        body: Any = None,
        *,
        token: str | None = None,
        status: int | tuple[int, ...] = (200, 201, 204),
        key: str | None = None,
    ) -> Any:
        """One call of the API; the answer's JSON. The status is part of the expectation."""
        headers = {"Idempotency-Key": key or str(uuid4())}
        if by is not None:
            headers["Authorization"] = f"Bearer {self.token(by)}"
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        answer = self.client.request(method, API + path, json=body, headers=headers)
        expected = (status,) if isinstance(status, int) else status
        assert answer.status_code in expected, (
            f"{method} {path}: {answer.status_code} {answer.text}"
        )
        return answer.json() if answer.content else None

    def token(self, someone: SignedIn) -> str:
        """A sign-in that has not run out (14 idle days for people, minutes for staff)."""
        now = self.clock.now()
        kind = {"person": "person", "staff": "staff", "operator": "operator"}[
            someone.actor.kind.value
        ]
        life = timedelta(days=13) if kind == "person" else timedelta(minutes=9)
        signed = self.signed_in_at.get(someone.email)
        if signed is None or not timedelta(0) <= now - signed <= life:
            token = sign_in(self.database, someone.email, kind=kind, now=now)
            object.__setattr__(someone, "token", token)
            self.signed_in_at[someone.email] = now
        return someone.token

    # --- people ---

    def person(self, *, card: bool = True, home: str | None = None, **more: Any) -> SignedIn:
        """A registrant with a profile; of age and living in Tokyo by their card, unless said."""
        born = more.pop("birth_date", cards.ADULT)
        someone = create_person(self.database, now=self.clock.now(), birth_date=born, **more)
        if card:
            self.show_card(someone, born=born, home=home)
        return someone

    def show_card(
        self,
        someone: SignedIn,
        *,
        born: date = cards.ADULT,
        home: str | None = None,
        purpose: str = "premium",
        level: IdentityLevel = IdentityLevel.MNC_SIGN,
    ) -> None:
        """The provider's checked answer."""
        cards.show_card(
            self.database,
            someone,
            birth_date=born,
            address=home or cards.TOKYO,
            level=level,
            purpose=purpose,
            now=self.clock.now(),
        )

    def join(self, someone: SignedIn, lg_code: str, **more: Any) -> Any:
        return self.call("POST", "/me/registrations", someone, {"lg_code": lg_code, **more})

    def held(self, someone: SignedIn) -> dict[str, Any]:
        """One's registrations that live, by code."""
        found = self.call("GET", "/me/registrations", someone)["items"]
        return {one["lg_code"]: one for one in found if one["status"] == "active"}

    def row(self, someone: SignedIn, lg_code: str) -> Any:
        """One's registration, whatever its state."""
        found = self.call("GET", "/me/registrations", someone)["items"]
        return {one["lg_code"]: one for one in found}[lg_code]

    def premium(self, someone: SignedIn, lg_code: str) -> Any:
        return self.call("GET", f"/me/registrations/{lg_code}/premium", someone)

    def apply(self, someone: SignedIn, lg_code: str, **body: Any) -> Any:
        return self.call("POST", f"/me/registrations/{lg_code}/application", someone, body)

    def apply_state(self, someone: SignedIn, lg_code: str) -> str:
        """What became of one's last application."""
        found = self.call("GET", f"/me/registrations/{lg_code}/application", someone)
        return str(found["state"])

    def consent(self, minor: SignedIn, guardian: SignedIn, scope: str) -> str:
        """Invited, and confirmed by the guardian's address; the consent's id."""
        body = {"contact": guardian.email, "scope": scope}
        link = self.call("POST", "/me/guardianships", minor, body)["link"]
        token = str(link).rsplit("/", 1)[-1]
        path = f"/guardian-invitations/{token}/confirm"
        return str(self.call("POST", path, guardian, {"nickname": "母"})["id"])

    def guardians_card(self, minor: SignedIn, guardian: SignedIn, consent: str) -> None:
        """The guardian's own card was checked by the provider."""
        with self.database.transaction(for_person(minor.id)) as db:
            guardians.verify(
                db,
                actor=guardian.actor,
                guardianship_id=UUID(consent),
                now=self.clock.now(),
                book=policy_book(),
                evidence=SqlEvidence(),
            )

    def notices(self, someone: SignedIn) -> list[str]:
        """Kinds of notices, oldest first."""
        found = self.rows(
            "select kind from notice where person_id = %s order by created_at, kind", someone.id
        )
        return [row[0] for row in found]

    # --- the town ---

    def manager(self, lg_code: str, desk: str = "") -> SignedIn:
        """A manager there, who is also an approver; one for each desk."""
        key = lg_code + desk
        if key not in self.staff:
            self.staff[key] = make_staff(self.database, lg_code, Role.MANAGER, now=self.clock.now())
        return self.staff[key]

    def town(self, lg_code: str, leaf: str) -> str:
        return f"/local-governments/{lg_code}/{leaf}"

    def set(self, lg_code: str, key: str, value: Any) -> None:
        """A local government's own number from today, agreed by two where that is needed."""
        body = {"value": value, "since": self.today.isoformat()}
        path = self.town(lg_code, f"settings/{key}")
        if value == "auto":
            self.two("PUT", lg_code, path, body)
        else:
            self.call("PUT", path, self.manager(lg_code), body)

    def two(self, method: str, lg_code: str, path: str, body: Any) -> None:
        """One manager asks, another one confirms."""
        second = self.manager(lg_code, "second")
        asked = self.call(method, path, self.manager(lg_code), body, status=202)
        self.call("POST", self.town(lg_code, f"confirmations/{asked['id']}/confirm"), second)

    def organisation(self, lg_code: str) -> str:
        if lg_code not in self.organisations:
            made = self.call(
                "POST",
                self.town(lg_code, "organisations"),
                self.manager(lg_code),
                {"name": f"里山の会 {lg_code}", "kind": "npo"},
            )
            self.organisations[lg_code] = made["id"]
        return self.organisations[lg_code]

    def open(self, *codes: str) -> None:
        """These join as well, and decide by themselves."""
        operator = make_operator(self.database, now=self.clock.now())
        for code in codes:
            path = f"/operator/local-governments/{code}/state"
            self.call("POST", path, operator, {"state": "active"})
            self.set(code, "decision.mode", "auto")

    def new_activity(self, lg_code: str, *, count_cap: int | None = None, **fields: Any) -> str:
        """A designated activity to which anybody may come."""
        staff = self.manager(lg_code)
        proposal = {
            "title": "稲刈りのお手伝い",
            "category": "agriculture_forestry",
            "walk_in": True,
            **fields,
        }
        path = self.town(lg_code, f"organisations/{self.organisation(lg_code)}/activities")
        made = self.call("POST", path, staff, proposal)
        leaf = f"activities/{made['id']}"
        self.call("POST", self.town(lg_code, leaf + "/submission"), staff, {"answers": ANSWERS})
        other = self.manager(lg_code, "designating")  # C47: nobody designates their own proposal
        decided = {"answers": ANSWERS, "count_cap": count_cap}
        self.call("POST", self.town(lg_code, leaf + "/designation"), other, decided)
        return str(made["id"])

    def activity(self, lg_code: str) -> str:
        """The town's harvest."""
        if lg_code not in self.activities:
            self.activities[lg_code] = self.new_activity(lg_code)
        return self.activities[lg_code]

    def session(
        self,
        lg_code: str,
        day: date,
        *,
        starts: str = "09:00",
        ends: str = "12:00",
        activity: str | None = None,
        **more: Any,
    ) -> str:
        """A date of an activity, announced on the evening before at the latest."""
        path = self.town(lg_code, f"activities/{activity or self.activity(lg_code)}/sessions")
        body = {"day": day.isoformat(), "starts": starts, "ends": ends, "place": "公民館", **more}
        return str(self.call("POST", path, self.manager(lg_code), body)["id"])

    def venue_code(self, lg_code: str, session: str) -> str:
        path = self.town(lg_code, f"sessions/{session}/venue-code")
        return str(self.call("GET", path, self.manager(lg_code))["code"])

    def scan(self, someone: SignedIn, code: str, **more: Any) -> Any:
        """The person reads the venue's code with their own phone."""
        body = {"scan_id": str(uuid4()), "code": code, **more}
        return self.call("POST", "/check-ins", someone, body)

    def scan_or_none(self, someone: SignedIn, lg_code: str, session: str) -> tuple[str, str] | None:
        """Outcome and reason of a scan at a venue, none where the venue shows no code any more."""
        path = self.town(lg_code, f"sessions/{session}/venue-code")
        shown = self.call("GET", path, self.manager(lg_code), status=(200, 404, 409))
        if "code" not in shown or "url" not in shown:
            return None
        found = self.scan(someone, str(shown["code"]))
        return found["outcome"], found["reason"]

    def attend(self, people: SignedIn | Sequence[SignedIn], lg_code: str, *days: date) -> None:
        """Come on these mornings and scan the venue's code; each must be accepted and count."""
        everybody = [people] if isinstance(people, SignedIn) else people
        for day in days:
            self.activity(lg_code)
            self.at(day, 8, 30)
            session = self.session(lg_code, day)
            self.at(day, 9, 5)
            for someone in everybody:
                answer = self.scan(someone, self.venue_code(lg_code, session))
                assert (answer["outcome"], answer["counted"]) == ("accepted", True), answer

    def grant(self, someone: SignedIn, *codes: str) -> None:
        """Registered, present three times with each in the days before, premium today."""
        self.ready(someone, *codes)
        for code in codes:
            asked = self.apply(someone, code)
            assert asked["state"] == "granted", asked

    def ready(self, someone: SignedIn, *codes: str) -> None:
        """Registered, and present on three days of its own with each, the last one yesterday."""
        goal, step = self.today, timedelta(days=1)
        self.at(goal - step * (3 * len(codes) + 1))
        for code in codes:
            self.join(someone, code)
            start = self.today + step
            self.attend(someone, code, start, start + step, start + 2 * step)
        self.at(goal)

    def device(self, lg_code: str) -> str:
        """The token of an enrolled device of the town's host."""
        path = self.town(lg_code, f"organisations/{self.organisation(lg_code)}/devices")
        made = self.call("POST", path, self.manager(lg_code), {"label": "受付"})
        return str(made["token"])

    def forget_keys(self) -> None:
        """As when the keys at hand are read anew a minute later."""
        self.client.app.state.presence.keys.forget()  # type: ignore[attr-defined]  # FastAPI's own

    # --- looking at everything ---

    def rows_do(self, statement: str, *given: Any) -> None:
        """A superuser's change, to prepare."""
        do(self.database, statement, *given)

    def rows(self, query: str, *given: Any) -> list[tuple[Any, ...]]:
        """What a superuser sees."""
        with psycopg.connect(address(self.database)) as connection:
            return connection.execute(query, given).fetchall()

    def invariants(self) -> dict[str, int]:
        """What must never be true, counted by the night's own job; empty when all is well."""
        found = self.runner.run_named("invariants", self.today)
        return {name: count for name, count in found.items() if count}


@contextmanager
def worldly(database: Database) -> Iterator[World]:
    """A world on this database, two months before the examples begin."""
    clock = FixedClock(datetime.combine(FIRST_DAY - timedelta(days=60), time(12), JAPAN))
    settings = database._settings
    runner = Runner(Parts.of(settings, database=database, clock=clock))
    app = serve(settings, database, clock)
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        yield World(database, client, clock, runner)


@dataclass(frozen=True, slots=True)
class Joined:
    """A database in which every place of the examples has joined, and who manages there."""

    name: str
    staff: Mapping[str, SignedIn]
    signed_in_at: Mapping[str, datetime]


@pytest.fixture(scope="session")
def joined(template: str) -> Iterator[Joined]:
    """The places join once a process; each test works on a copy."""
    with new_database(template) as name:
        database = Database(make_settings(name))
        with worldly(database) as made:
            made.open(*PLACES)
        database.dispose()
        yield Joined(name, made.staff, made.signed_in_at)


@pytest.fixture
def world(joined: Joined) -> Iterator[World]:
    """Every place of the examples has joined and decides by itself; 2027-06-01, noon."""
    with own_copy(joined.name) as database, worldly(database) as made:
        made.staff = {key: replace(one) for key, one in joined.staff.items()}
        made.signed_in_at = dict(joined.signed_in_at)
        made.at(FIRST_DAY)
        yield made
