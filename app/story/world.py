"""The story's hands: everything it does, it does over HTTP as people, hosts and staff would."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import httpx

from app.local import LocalStack
from core.clock import JAPAN, FileClock

API = "/api/v1"
OK = frozenset({200, 201, 202, 204})
#: A sign-in is renewed well before it would end (idle 14 days for registrants, 30 minutes for staff).
FRESH = {
    "person": timedelta(days=13),
    "staff": timedelta(minutes=20),
    "operator": timedelta(minutes=10),
}
NIGHT_SECONDS = 240
LAST_JOB = "invariants"


class StoryError(RuntimeError):
    """Something in the story went otherwise than it must."""


@dataclass(slots=True)
class Someone:
    """Anybody who signs in.

    Attributes:
        email: Where their codes go.
        kind: `person`, `staff` or `operator`.
        address: Their network address; each has one, as the limits on sign-ins count by it.
    """

    email: str
    kind: str = "person"
    address: str = "192.0.2.1"
    name: str = ""
    kana: str = ""
    birth_date: date | None = None
    residence: str | None = None
    id: str = ""
    token: str = ""
    signed_in_at: datetime | None = None


class _Form(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.action = given.get("action") or ""
        if tag == "input" and given.get("type") == "hidden" and given.get("name"):
            self.fields[str(given["name"])] = given.get("value") or ""


@dataclass(slots=True)
class World:
    """One platform, one clock, and a tally of what was answered."""

    stack: LocalStack
    tally: Counter[str] = field(default_factory=Counter)
    _clock: FileClock = field(init=False)
    _http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        """Open the connection and the clock."""
        self._clock = FileClock(self.stack.clock_file)
        self._http = httpx.Client(base_url=self.stack.base_url, timeout=30)

    # Time

    @property
    def now(self) -> datetime:
        """The story's instant."""
        return self._clock.now()

    @property
    def today(self) -> date:
        """The story's Japanese day."""
        return self.now.astimezone(JAPAN).date()

    def at(self, day: date, hour: int, minute: int = 0) -> None:
        """Go to an instant by the Japanese clock; never back."""
        instant = datetime(day.year, day.month, day.day, hour, minute, tzinfo=JAPAN)
        self._clock.set(instant.astimezone(UTC), running=False)

    def run_on(self) -> None:
        """From here the clock runs by itself."""
        self._clock.set(self.now, running=True)

    # Requests

    def call(
        self,
        method: str,
        path: str,
        *,
        by: Someone | None = None,
        token: str | None = None,
        body: Any = None,
        ok: frozenset[int] = OK,
        query: Mapping[str, Any] | None = None,
    ) -> Any:
        """One call of the API; the answer's JSON.

        Raises:
            StoryError: The status is not among those expected.
        """
        answer = self.send(method, path, by=by, token=token, body=body, query=query)
        if answer.status_code not in ok:
            raise StoryError(f"{method} {path}: {answer.status_code} {answer.text[:600]}")
        return answer.json() if answer.content else None

    def send(
        self,
        method: str,
        path: str,
        *,
        by: Someone | None = None,
        token: str | None = None,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        """One call of the API, whatever it answers; several may be under way at once."""
        headers = {"Idempotency-Key": str(uuid4())}
        if by is not None:
            headers["Authorization"] = f"Bearer {self._token(by)}"
            headers["X-Forwarded-For"] = by.address
        elif token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self._http.request(method, f"{API}{path}", json=body, headers=headers, params=query)

    def refused(self, method: str, path: str, *, by: Someone, body: Any = None) -> dict[str, Any]:
        """A call that the rules must refuse; the problem it answers.

        Raises:
            StoryError: It was allowed.
        """
        found: dict[str, Any] = self.call(
            method, path, by=by, body=body, ok=frozenset({403, 409, 410, 422})
        )
        return found

    def _token(self, someone: Someone) -> str:
        signed_in = someone.signed_in_at
        if signed_in is None or self.now - signed_in > FRESH[someone.kind]:
            self.sign_in(someone)
        return someone.token

    def sign_in(self, someone: Someone) -> None:
        """Ask for a code, read it, bring it back."""
        headers = {"X-Forwarded-For": someone.address}
        asked = self._http.post(
            f"{API}/sign-in-codes",
            json={"email": someone.email, "kind": someone.kind},
            headers=headers,
        )
        if asked.status_code != 202:
            raise StoryError(f"sign-in of {someone.email}: {asked.text[:400]}")
        given = asked.json()
        proved = self._http.post(
            f"{API}/sign-ins",
            json={"code": given["code"], "binding": given["binding"]},
            headers=headers,
        )
        if proved.status_code != 201:
            raise StoryError(f"sign-in of {someone.email}: {proved.text[:400]}")
        someone.token = proved.json()["token"]
        someone.id = proved.json()["account_id"]
        someone.signed_in_at = self.now

    def nights_pass(self) -> None:
        """Wait until the workers have done every day up to now.

        Raises:
            StoryError: They have not within a minute and a half.
        """
        began = time.monotonic()
        while True:
            jobs = self.health()["jobs"]
            # The checks of the night come last; what they looked at is then done too.
            if jobs["open"] == 0 and jobs["done_until"].get(LAST_JOB, "") >= self.today.isoformat():
                return
            passed = time.monotonic() - began
            if passed > NIGHT_SECONDS:
                raise StoryError(f"the nights until {self.today} are not done: {jobs}")
            # Asking takes from the same cores: the longer it lasts, the less often.
            time.sleep(min(0.05 + passed / 10, 0.3))

    def eventually(self, come_true: Callable[[], bool]) -> bool:
        """Whether something the workers do at their next tick comes true within ten seconds."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if come_true():
                return True
            time.sleep(0.1)
        return come_true()

    def mail_arrives(self) -> None:
        """Wait until no notice waits for its delivery any more."""
        deadline = time.monotonic() + NIGHT_SECONDS
        while self.health()["deliveries_waiting"] > 0 and time.monotonic() < deadline:
            time.sleep(0.1)

    def wait_for_database(self) -> None:
        """Wait until the platform answers again after its database was restarted."""
        deadline = time.monotonic() + NIGHT_SECONDS
        while time.monotonic() < deadline:
            try:
                if self._http.get("/health/ready").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        raise StoryError("the platform did not come back after its database was restarted")

    def health(self) -> dict[str, Any]:
        """What the platform says of itself."""
        found: dict[str, Any] = self._http.get("/health/ready").json()
        return found

    def show_card(self, someone: Someone, *, purpose: str = "premium", **more: Any) -> str:
        """Hold one's My Number card to the provider; the state in which the check ended."""
        attempt = self.call(
            "POST", "/me/identity-attempts", by=someone, body={"purpose": purpose} | more
        )
        with httpx.Client(timeout=30) as browser:
            form = _Form()
            form.feed(browser.get(attempt["url"]).raise_for_status().text)
            fields = form.fields | {
                "card": card_id(someone),
                "outcome": "ok",
                "fact_format": "plain",
                "fault": "",
                "decision": "allow",
            }
            address = httpx.URL(attempt["url"]).join(form.action)
            back = browser.post(address, data=fields).headers["location"]
        self._http.get(
            back,
            headers={
                "Authorization": f"Bearer {self._token(someone)}",
                "X-Forwarded-For": someone.address,
            },
        )
        done = self.call("GET", f"/me/identity-attempts/{attempt['id']}", by=someone)
        return str(done["state"])

    def issue_cards(self, cards: list[dict[str, Any]]) -> None:
        """Give people My Number cards at the stand-in provider."""
        base = self.stack.openid_url.split("/api/")[0]
        httpx.post(f"{base}/_standin/cards", json=cards, timeout=30).raise_for_status()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def card_id(someone: Someone) -> str:
    """The id of somebody's card at the stand-in provider."""
    return "story-" + "".join(
        letter if letter.isascii() and letter.isalnum() else "-"
        for letter in someone.email.split("@")[0].lower()
    )
