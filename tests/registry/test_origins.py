"""R02: whatever people do in whatever order, the prefecture's row follows from it."""

from contextlib import suppress
from datetime import date, datetime, timedelta

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.access import system
from core.clock import japan_day
from core.db import Database, for_body
from core.errors import Conflict, NotFound, Refused
from registry import registration as use
from registry.ending import end_premium
from registry.leaving import leave
from registry.queries import registration_of as row_in
from tests.factories import registry as make
from tests.factories.registry import GIFU, HIDA, NOW, SignedIn, registration_of

BOOK = make.policy_book()
TAKAYAMA = "212032"
TOWNS = (HIDA, TAKAYAMA)
LAST = date(2028, 2, 29)

steps = st.lists(
    st.tuples(
        st.sampled_from(["join", "leave", "out", "in", "grant", "end"]),
        st.sampled_from([HIDA, TAKAYAMA, GIFU]),
    ),
    max_size=12,
)


class Model:
    """What rules.md says, in a dozen lines."""

    def __init__(self) -> None:
        self.direct: set[str] = set()
        self.out: set[str] = set()
        self.premium: set[str] = set()

    def play(self, act: str, code: str) -> bool:
        """Whether the act is possible; the model follows it if so."""
        if act == "join":
            if code not in self.direct:
                self.out.discard(code)
            self.direct.add(code)
        elif code not in self.direct:
            return False
        elif act == "leave":
            self.direct.discard(code)
            self.premium.discard(code)
        elif act in {"out", "in"}:
            if code == GIFU:
                return False
            (self.out.add if act == "out" else self.out.discard)(code)
        elif act == "grant":
            if code in self.premium:
                return False
            self.premium.add(code)
        else:
            self.premium.discard(code)
        return True

    @property
    def sources(self) -> list[str]:
        return sorted(c for c in TOWNS if c in self.direct and c not in self.out)

    @property
    def prefecture(self) -> tuple[bool, bool, list[str], str]:
        premium = GIFU in self.premium or any(c in self.premium for c in self.sources)
        return (
            GIFU in self.direct,
            bool(self.sources),
            self.sources,
            "premium" if premium else "basic",
        )


def act(database: Database, someone: SignedIn, what: str, code: str, now: datetime) -> None:
    if what == "grant":
        slot = [HIDA, TAKAYAMA, GIFU].index(code) + 1
        make.grant(
            database, someone, code, first_day=japan_day(now), last_day=LAST, slot=slot, now=now
        )
    elif what == "end":
        with database.transaction(for_body(code, actor="staff:test")) as db:
            row = row_in(db, lg_code=code, person_id=someone.id)
            if row is not None:
                end_premium(
                    db,
                    actor=system("test"),
                    registration=row,
                    reason="reversed",
                    now=now,
                    book=BOOK,
                )
    else:
        with database.transaction(someone.context) as db:
            if what == "join":
                use.register(db, actor=someone.actor, lg_code=code, now=now, book=BOOK)
            elif what == "leave":
                leave(db, actor=someone.actor, lg_code=code, now=now, book=BOOK)
            else:
                linked = what == "in"
                use.set_link(
                    db, actor=someone.actor, lg_code=code, linked=linked, now=now, book=BOOK
                )


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(course=steps)
@example(course=[("join", HIDA), ("grant", HIDA), ("end", HIDA), ("grant", HIDA)])
@example(course=[("join", HIDA), ("grant", HIDA), ("join", GIFU), ("leave", HIDA), ("in", HIDA)])
@example(course=[("join", GIFU), ("grant", GIFU), ("join", HIDA), ("end", GIFU), ("leave", GIFU)])
def test_r02_the_prefecture_follows_from_what_lives(
    database: Database, course: list[tuple[str, str]]
) -> None:
    make.open_bodies(database, GIFU, *TOWNS)
    someone = make.create_person(database)
    model = Model()
    for number, (what, code) in enumerate(course):
        now = NOW + timedelta(days=number)
        if model.play(what, code):
            act(database, someone, what, code, now)
        elif what != "grant":
            with suppress(Conflict, NotFound, Refused):
                act(database, someone, what, code, now)
        row = registration_of(database, someone, GIFU)
        direct, derived, sources, tier = model.prefecture
        if not (direct or derived):
            assert row is None or row.status in {"ended", "withdrawn"}
            continue
        assert row is not None
        assert row.status == "active"
        assert (row.direct, row.derived, [s["code"] for s in row.derived_from], row.tier) == (
            direct,
            derived,
            sources,
            tier,
        )
