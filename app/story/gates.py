"""How people prove presence in the story: by venue code, card, poster, roster, and without signal."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from app.story.cast import Cast, Session
from app.story.world import Someone, World


def count(world: World, answer: dict[str, Any]) -> dict[str, Any]:
    """Add an answer to the tally."""
    world.tally[f"scan_{answer['outcome']}"] += 1
    return answer


def venue_code(world: World, cast: Cast, session: Session) -> str:
    """What the venue's screen shows now."""
    town = cast.towns[session.town]
    shown = world.call(
        "GET",
        f"/local-governments/{town.code}/sessions/{session.id}/venue-code",
        by=town.organiser,
    )
    return str(shown["code"])


def scan_self(world: World, someone: Someone, code: str, **more: Any) -> dict[str, Any]:
    """The person scans."""
    body = {"scan_id": str(uuid4()), "code": code} | more
    return count(world, world.call("POST", "/check-ins", by=someone, body=body))


def scan_card(world: World, cast: Cast, session: Session, code: str, **more: Any) -> dict[str, Any]:
    """The organiser's device scans a card."""
    body = {
        "scan_id": str(uuid4()),
        "code": code,
        "name_confirmed": True,
        "walk_in_confirmed": True,
    } | more
    token = cast.towns[session.town].device
    path = f"/device/sessions/{session.id}/check-ins"
    return count(world, world.call("POST", path, token=token, body=body))


def upload(
    world: World, cast: Cast, session: Session, codes: list[str], made_at: datetime
) -> list[dict[str, Any]]:
    """A device that had no signal hands in what it scanned, a clock two minutes fast and all."""
    town = cast.towns[session.town]
    scans = []
    for number, code in enumerate(codes):
        town.device_sequence += 1
        scans.append(
            {
                "scan_id": str(uuid4()),
                "session_id": session.id,
                "code": code,
                "scanned_at": (made_at + timedelta(minutes=2, seconds=number)).isoformat(),
                "offset_ms": 120_000,
                "uncertainty_ms": 400,
                "offline": True,
                "sequence": town.device_sequence,
                "name_confirmed": True,
                "walk_in_confirmed": True,
            }
        )
    body = {"scans": scans, "made": town.device_sequence}
    answers = world.call("POST", "/device/check-ins/batch", token=town.device, body=body)
    return [count(world, one) for one in answers["answers"]]


def paper_card(world: World, someone: Someone, town: str) -> str:
    """A new paper card's signed code."""
    made = world.call("POST", f"/me/registrations/{town}/card", by=someone)
    return str(made["code"])


def attend(world: World, cast: Cast, session: Session, people: list[Someone]) -> int:
    """People come and scan the venue's code; how many counted."""
    code = venue_code(world, cast, session)
    return sum(scan_self(world, someone, code)["counted"] for someone in people)
