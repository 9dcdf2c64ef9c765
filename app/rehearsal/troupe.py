"""The people of a rehearsal: what each does is asked of the platform, which decides."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from threading import Lock
from typing import Any
from uuid import uuid4

import httpx

from app.rehearsal.stage import Stage
from app.story.cast import enrol, invite
from app.story.gates import paper_card
from app.story.world import OK, Someone, World
from registry.rules.minors import age_on
from simulation.acts import Act, Agent, Lives

ADULT = 18
GUARDIAN_YEARS = 30


@dataclass(slots=True)
class Player:
    """One agent on the platform, with the ids of their registrations and applications by code."""

    agent: Agent
    someone: Someone
    guardian: Someone | None = None
    shown: bool = False
    consented: bool = False
    premium: bool = False
    card: dict[str, str] = field(default_factory=dict)
    registrations: dict[str, str] = field(default_factory=dict)
    applications: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Troupe:
    """Everybody, and a tally of what the platform answered.

    Attributes:
        answers: By act and answer: `ok`, the state of an application, or the code of a refusal.
        opened: Person, day and code of each page opened.
        moved: Person, day and new home.
    """

    world: World
    stage: Stage
    lives: Lives
    names: Iterator[tuple[str, str]]
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    opened: list[tuple[int, date, str]] = field(default_factory=list)
    moved: list[tuple[int, date, str]] = field(default_factory=list)
    players: dict[int, Player] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _acts: Mapping[str, Callable[[Player, Act], str]] = field(init=False)

    def __post_init__(self) -> None:
        """Which way each act goes."""
        self._acts = {
            "registers": self._registers,
            "opens": self._opens,
            "comes": self._comes,
            "applies": self._applies,
            "keeps": self._keeps,
            "restores": self._restores,
            "moves": self._moves,
        } | dict.fromkeys(("staff_grants", "staff_refuses"), self._application_decided)
        self._acts |= dict.fromkeys(("staff_renews", "staff_releases"), self._renewal_decided)

    def enlist(self, acts: list[Act]) -> None:
        """Names and addresses for those who come new, in their order, whoever plays first."""
        for act in acts:
            if act.person not in self.players:
                self.players[act.person] = self._player(self.lives.agents[act.person])

    def play(self, acts: list[Act]) -> None:
        """One person's acts of a day, in their order."""
        for act in acts:
            player = self.players[act.person]
            answer = self._acts[act.kind](player, act)
            with self._lock:
                self.answers[act.kind, answer] += 1

    # What people do

    def _registers(self, player: Player, act: Act) -> str:
        someone = player.someone
        if not someone.id:
            enrol(self.world, someone)
        if self._is_minor(player) and player.guardian is None:
            player.guardian = self._guardian(player)
            invite(self.world, someone, player.guardian, "basic")
        body = {"lg_code": act.lg_code, "answers": {"tie": "tourism"}}
        answer = self.world.send("POST", "/me/registrations", by=someone, body=body)
        if answer.status_code in OK:
            player.registrations[act.lg_code] = answer.json()["id"]
        return answered(answer)

    def _opens(self, player: Player, act: Act) -> str:
        answer = self._asked("GET", f"/me/registrations/{act.lg_code}", player)
        if answer == "ok":
            with self._lock:
                self.opened.append((act.person, act.day, act.lg_code))
        return answer

    def _keeps(self, player: Player, act: Act) -> str:
        return self._asked("POST", f"/me/registrations/{act.lg_code}/keep", player)

    def _restores(self, player: Player, act: Act) -> str:
        return self._asked("POST", f"/me/registrations/{act.lg_code}/restore", player)

    def _comes(self, player: Player, act: Act) -> str:
        """R19: by the venue's code with a phone, by the scanner of the reception with a card."""
        venue = self.stage.venue(act)
        scan: dict[str, Any] = {"scan_id": str(uuid4())}
        if player.agent.has_phone:
            scan["code"] = venue.code
            answer = self.world.send("POST", "/check-ins", by=player.someone, body=scan)
        else:
            if act.lg_code not in player.card:
                card = paper_card(self.world, player.someone, act.lg_code)
                player.card[act.lg_code] = card
            scan |= {
                "code": player.card[act.lg_code],
                "name_confirmed": True,
                "walk_in_confirmed": True,
            }
            answer = self.world.send(
                "POST",
                f"/device/sessions/{venue.session.id}/check-ins",
                token=self.stage.cast.towns[act.lg_code].device,
                body=scan,
            )
        found = answer.json()
        if answer.status_code not in OK:
            return str(found["code"])
        return "ok" if found["counted"] else str(found["reason"] or found["outcome"])

    def _applies(self, player: Player, act: Act) -> str:
        """R12, R18: with the card held first by whoever has one; a minor's guardian does too."""
        if player.agent.has_card and not player.shown:
            self._hold_card(player)
        agrees = player.agent.guardian_agrees and not player.consented
        if player.guardian is not None and agrees and self._is_minor(player):
            self._guardian_agrees(player, player.guardian)
        answer = self.world.send(
            "POST", f"/me/registrations/{act.lg_code}/application", by=player.someone, body={}
        )
        found = answer.json()
        if answer.status_code not in OK:
            return str(found["code"])
        player.applications[act.lg_code] = found["id"]
        player.premium = player.premium or found["state"] == "granted"
        return str(found["state"])

    def _moves(self, player: Player, act: Act) -> str:
        """R16: the new address is on the card, which is held; without one it is declared."""
        player.someone.residence = act.lg_code
        if player.agent.has_card:
            state = self._hold_card(player, purpose="renewal" if player.shown else "premium")
            answer = "ok" if state == "verified" else state
        else:
            body = {"declared_residence": act.lg_code}
            answer = self._asked("PATCH", "/me", player, body)
        if answer == "ok":
            with self._lock:
                self.moved.append((act.person, act.day, act.lg_code))
        return answer

    # What staff do

    def _application_decided(self, player: Player, act: Act) -> str:
        """R15: a human grants or refuses what somebody applied for."""
        verb = "approve" if act.kind == "staff_grants" else "refuse"
        given = player.applications.get(act.lg_code, "none")
        return self._by_staff(act.lg_code, f"applications/{given}", verb)

    def _renewal_decided(self, player: Player, act: Act) -> str:
        """R15: a human renews, or lets a term run out."""
        verb = "approve" if act.kind == "staff_renews" else "refuse"
        mine = player.registrations.get(act.lg_code)
        manager = self.stage.cast.towns[act.lg_code].manager
        path = f"/local-governments/{act.lg_code}/renewals"
        waiting = self.world.call("GET", path, by=manager)["items"]
        term = next((one["term_id"] for one in waiting if one["registration_id"] == mine), None)
        if term is None:
            return "not_waiting"
        return self._by_staff(act.lg_code, f"renewals/{term}", verb)

    def _by_staff(self, code: str, what: str, verb: str) -> str:
        body = {"reason": "受け入れる活動が少ないため。"} if verb == "refuse" else None
        manager = self.stage.cast.towns[code].manager
        path = f"/local-governments/{code}/{what}/{verb}"
        return answered(self.world.send("POST", path, by=manager, body=body))

    # What goes with it

    def _asked(self, method: str, path: str, player: Player, body: Any = None) -> str:
        return answered(self.world.send(method, path, by=player.someone, body=body))

    def _is_minor(self, player: Player) -> bool:
        return age_on(player.agent.born, self.world.today) < ADULT

    def _hold_card(self, player: Player, purpose: str = "premium") -> str:
        self.world.issue_cards([self.stage.cast.card(player.someone)])
        state = self.world.show_card(player.someone, purpose=purpose)
        player.shown = state == "verified"
        return state

    def _guardian_agrees(self, player: Player, guardian: Someone) -> None:
        self.world.issue_cards([self.stage.cast.card(guardian)])
        consent = invite(self.world, player.someone, guardian, "premium")
        self.world.show_card(guardian, purpose="guardian", guardianship_id=consent)
        player.consented = True

    def _player(self, agent: Agent) -> Player:
        name, kana = next(self.names)
        someone = Someone(
            email=f"person{agent.number:07d}@mail.example.jp",
            # Limits on sign-ins count by address: everybody has one.
            address=f"10.{agent.number >> 16}.{agent.number >> 8 & 255}.{agent.number & 255}",
            name=name,
            kana=kana,
            birth_date=agent.born,
            residence=agent.home,
        )
        return Player(agent, someone)

    def _guardian(self, player: Player) -> Someone:
        """R18: a parent at the same address."""
        minor, number = player.someone, player.agent.number
        family, kana = minor.name.split(" ")[0], minor.kana.split(" ")[0]
        parent = Someone(
            email=f"parent{number:07d}@mail.example.jp",
            address=f"11.{number >> 16}.{number >> 8 & 255}.{number & 255}",
            name=f"{family} 保子",
            kana=f"{kana} ヤスコ",
            birth_date=player.agent.born - timedelta(days=GUARDIAN_YEARS * 365),
            residence=minor.residence,
        )
        return enrol(self.world, parent)


def answered(answer: httpx.Response) -> str:
    """`ok`, or the code of the refusal."""
    return "ok" if answer.status_code in OK else str(answer.json()["code"])
