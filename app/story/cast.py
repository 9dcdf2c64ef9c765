"""Who and where: real local governments and activities, people drawn by a seed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from activities.seeding import Template, templates, templates_for
from app.mailcatcher import newest
from app.story.names import people
from app.story.world import Someone, World, card_id
from registry.loading import local_governments

SEED = 20270401
FIRST_DAY = date(2027, 4, 1)
LAST_DAY = date(2028, 9, 30)

HIDA, KESENNUMA, YOKOZE = "212172", "042056", "113611"
KORIYAMA, AIZU, NAGAOKA = "072036", "072028", "152021"
NAGANO, IIDA, NAGANO_PREFECTURE = "202011", "202053", "200000"
GIFU, SHIMANE = "210005", "320005"
#: How each decides on premium (R15); the rest follow 飛騨市.
MODES = {HIDA: "auto", KESENNUMA: "veto", YOKOZE: "review"}
MUNICIPALITIES = (HIDA, KESENNUMA, YOKOZE, KORIYAMA, AIZU, NAGAOKA, IIDA, NAGANO)
PREFECTURES = (GIFU, "040002", "110001", "070009", "150002", NAGANO_PREFECTURE, SHIMANE)
#: Where people from elsewhere live.
CITIES = ("131016", "131121", "131130", "141003", "231002", "271004", "281000", "011002", "401307")
#: What hosts of each town do, where the sources name no activity of its own.
KINDS = {YOKOZE: "rural_body", IIDA: "rural_body", NAGANO: "neighbourhood_association"}
ORGANISERS = "organiser"


@dataclass(slots=True)
class Session:
    """A session as its host sees it."""

    town: str
    id: str
    activity_id: str
    day: date
    poster_code: str


@dataclass(slots=True)
class Town:
    """A local government in the story."""

    code: str
    name: str
    manager: Someone
    clerk: Someone
    approver: Someone
    organiser: Someone | None = None
    organisation_id: str = ""
    device: str = ""
    device_sequence: int = 0
    activities: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Cast:
    """Everybody."""

    random: Random
    operator: Someone
    towns: dict[str, Town] = field(default_factory=dict)
    crowd: list[Someone] = field(default_factory=list)
    drawn: int = 0
    _names: Iterator[tuple[str, str]] | None = None
    _places: dict[str, tuple[str, str]] = field(default_factory=dict)

    def place(self, code: str) -> tuple[str, str]:
        """Prefecture and name of a local government."""
        if not self._places:
            self._places = {
                row["code"]: (row["prefecture"], row["name"]) for row in local_governments()
            }
        return self._places[code]

    def person(
        self, *, born: date | None = None, residence: str | None = None, name: str = ""
    ) -> Someone:
        """A new person with a name, an age and a home."""
        self._names = self._names or people(self.random)
        drawn, kana = next(self._names)
        self.drawn += 1
        age = self.random.choice((24, 31, 38, 45, 52, 59, 66, 72, 76, 81))
        someone = Someone(
            email=f"person{self.drawn:04d}@mail.example.jp",
            address=f"198.51.{self.drawn // 250}.{self.drawn % 250 + 1}",
            name=name or drawn,
            kana=kana,
            birth_date=born or FIRST_DAY - timedelta(days=age * 365 + self.random.randrange(365)),
            residence=residence or self.random.choice(CITIES),
        )
        self.crowd.append(someone)
        return someone

    def staff(self, town: str, duty: str) -> Someone:
        """An address at a town hall."""
        return Someone(
            email=f"{duty}@{town}.lg.example.jp",
            kind="staff",
            address=f"203.0.113.{len(self.towns) + 1}",
            name=f"{self.place(town)[1]} {duty}",
        )

    def card(self, someone: Someone) -> dict[str, Any]:
        """The person's My Number card, for the stand-in provider."""
        prefecture, name = self.place(someone.residence or CITIES[0])
        return {
            "id": card_id(someone),
            "name": someone.name,
            "address": f"{prefecture}{name}本町1-2-3",
            "lg_code": someone.residence,
            "birthdate": (someone.birth_date or FIRST_DAY).isoformat(),
            "label": "物語のカード",
        }


def enrol(world: World, someone: Someone) -> Someone:
    """First sign-in and profile."""
    world.sign_in(someone)
    world.call(
        "POST",
        "/me",
        by=someone,
        body={
            "nickname": someone.name.split(" ")[-1],
            "name": someone.name,
            "kana": someone.kana,
            "birth_date": (someone.birth_date or FIRST_DAY).isoformat(),
            "declared_residence": someone.residence,
        },
    )
    return someone


def join(world: World, someone: Someone, town: str, **more: Any) -> dict[str, Any]:
    """A basic registration with two answers of the first questionnaire."""
    answers = {"tie": "tourism"}
    found: dict[str, Any] = world.call(
        "POST", "/me/registrations", by=someone, body={"lg_code": town, "answers": answers} | more
    )
    return found


def invite(world: World, minor: Someone, guardian: Someone, scope: str) -> str:
    """R18: a minor asks a guardian, who opens the mailed link; the consent's id."""
    asked = world.call(
        "POST", "/me/guardianships", by=minor, body={"contact": guardian.email, "scope": scope}
    )
    token = invitation_token(newest(world.stack.mail_dir, to=guardian.email).text)
    world.call("POST", f"/guardian-invitations/{token}/confirm", by=guardian, body={})
    return str(asked["id"])


def invitation_token(text: str) -> str:
    """The token at the end of the link in a guardian's mail."""
    link = next(word for word in text.split() if "/guardian" in word)
    return link.rsplit("/", 1)[-1].rsplit("#", 1)[-1]


def proposals_of(town: str) -> list[Template]:
    """Real activities of a town, else what hosts of its kind do anywhere."""
    own = [one for one in templates() if one.lg_code == town][:3]
    kind = KINDS.get(town, "npo")
    return own if len(own) > 1 else own + list(templates_for(kind))[:2]
