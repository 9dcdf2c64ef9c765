"""A town with something on every page of the phone, and where each page is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from fastapi.routing import APIRoute

from activities.evidence import SqlEvidence
from activities.hosts import HostRole
from activities.organisations import invite_member
from app import routes
from core.db import Database, for_body
from core.ids import new_id
from mobile import certificates
from registry import families, guardians, news, registration
from registry.doors import as_person
from tests.factories.activities import create_member, create_session, sign_up, staff_actor
from tests.factories.desk import Morning, create_morning, take_part_for_real
from tests.factories.presence import make_device
from tests.factories.registry import (
    HIDA,
    KESENNUMA,
    NOW,
    SignedIn,
    create_person,
    join,
    policy_book,
    sign_in,
)


def phone_pages() -> list[str]:
    """The path of every page of the phone, as the application declares it."""
    return [
        route.path
        for row in routes.TABLE
        for route in row.router.routes
        if isinstance(route, APIRoute)
        and "GET" in (route.methods or ())
        and route.endpoint.__module__.startswith("mobile.pages")
    ]


@dataclass(frozen=True, slots=True)
class Tour:
    """飛騨市 on an ordinary morning; somebody takes part there, hosts there, and has a child.

    Attributes:
        token: Their sign-in.
        device: The token of their organisation's reception phone.
        facts: What stands for each name in a path; for a whole route, its own token.
    """

    morning: Morning
    token: str
    device: str
    facts: Mapping[str, str]

    def path(self, route: str) -> str:
        """A route with its places filled in."""
        named = {**self.facts, "token": self.facts.get(route, "")}
        if route.endswith("/edit"):
            named["activity_id"] = self.facts["proposal_id"]
        return re.sub(r"\{(\w+)\}", lambda found: named[found[1]], route)


def create_tour(database: Database) -> Tour:
    """Needs the towns and prefectures of `open_bodies`."""
    morning = create_morning(database)
    someone = morning.expected
    join(database, someone, KESENNUMA, now=NOW - timedelta(days=20))
    take_part_for_real(database, morning.activity, someone, days=2, before=NOW - timedelta(days=9))
    later = create_session(database, morning.activity, capacity=12)
    sign_up(database, later, someone.id)
    with database.transaction(for_body(HIDA, actor="staff:test")) as db:
        host = invite_member(
            db,
            actor=staff_actor(),
            lg_code=HIDA,
            organisation_id=morning.organisation.id,
            name="はなこ",
            role=HostRole.ORGANISER,
            now=NOW,
        )
        news.publish(
            db,
            actor=morning.clerk.actor,
            lg_code=HIDA,
            title="種蔵の棚田に、ことしも水が入りました",
            text="田植えのお手伝いを待っています。\n\nはじめての方も、長ぐつがあれば大丈夫です。",
            now=NOW - timedelta(days=1),
        )
    minor = create_person(database, nickname="二郎", birth_year=2012)
    with database.transaction(minor.context) as db:
        guardian = guardians.invite(
            db,
            actor=minor.actor,
            contact=someone.email,
            scope="premium",
            now=NOW,
            book=policy_book(),
        )
    create_member(database, morning.organisation, someone.id)
    with database.transaction(someone.context) as db:
        made = certificates.issue(
            db, actor=someone.actor, lg_code=HIDA, now=NOW, evidence=SqlEvidence()
        )
    return Tour(
        morning,
        sign_in(database, someone.email, now=NOW),
        make_device(database, morning.organisation.id, now=NOW),
        {
            "lg_code": HIDA,
            "code": morning.session.poster_code,
            "activity_id": str(morning.activity.id),
            "proposal_id": str(morning.proposal.id),
            "session_id": str(morning.session.id),
            "number": f"{HIDA}-{made.number}",
            "organisation_id": str(morning.organisation.id),
            "guardianship_id": _child(database, someone),
            "/host-invitations/{token}": host.token,
            "/guardian-invitations/{token}": guardian.token,
        },
    )


def _child(database: Database, guardian: SignedIn) -> str:
    """A child of seven, registered with 飛騨市; the id of its tie."""
    child = replace(guardian.actor, behalf_of=new_id())
    with database.transaction(as_person(child)) as db:
        row = families.add_child(
            db,
            actor=child,
            keeper=families.Keeper("はなこ", guardian.email),
            nickname="さくら",
            birth_year=NOW.year - 7,
            now=NOW,
            book=policy_book(),
        )
        registration.register(db, actor=child, lg_code=HIDA, now=NOW, book=policy_book())
    return str(row.id)
