"""The machine interface: preset answers, add cards, rotate keys. Tests and rehearsals only."""

import dataclasses
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from standins.openid.cards import OUTCOMES, Card
from standins.openid.faults import BAD_ANSWERS, EXTRA_FAULTS, unknown_faults
from standins.openid.state import Answer, State


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AnswerIn(_Strict):
    """One preset answer; it is used by the next authorization request, then forgotten."""

    card: str = "adult"
    outcome: str | None = None
    fact_format: Literal["plain", "oidc"] = "plain"
    faults: list[str] = []


class PresetIn(_Strict):
    """The next answers, in order; `certs_fault` holds until it is preset again."""

    answers: list[AnswerIn] = []
    certs_fault: Literal["certs_500", "certs_empty"] | None = None


class CardIn(_Strict):
    """A test card to add or to replace."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
    name: str
    address: str | None
    lg_code: Annotated[str, Field(pattern=r"^\d{6}$")] | None
    birthdate: date
    gender: Literal["male", "female", "unknown"] = "unknown"
    label: str = "追加したカード"
    holder: str = ""
    outcome: str = "ok"
    signing_certificate: bool = True


class RotateIn(_Strict):
    """`at_once` replaces both keys; otherwise the published next key becomes the current one."""

    at_once: bool = False


def control_router(state: State) -> APIRouter:
    """Below `/_standin`."""
    router = APIRouter(prefix="/_standin")

    @router.get("/health")
    async def health() -> dict[str, object]:
        return {
            "issuer": state.config.issuer,
            "bad_answers": BAD_ANSWERS,
            "extra_faults": EXTRA_FAULTS,
            "calls": state.calls,
        }

    @router.post("/preset")
    async def preset(body: PresetIn) -> dict[str, int]:
        answers = [_answer(state, answer) for answer in body.answers]
        state.presets.extend(answers)
        state.certs_fault = body.certs_fault
        return {"waiting": len(state.presets)}

    @router.get("/cards")
    async def list_cards() -> list[Card]:
        return list(state.cards.values())

    @router.post("/cards", status_code=201)
    async def add_cards(body: list[CardIn]) -> dict[str, int]:
        cards = [Card(**card.model_dump()) for card in body]
        for card in cards:
            _require_outcome(card.outcome)
        state.cards |= {card.id: card for card in cards}
        return {"cards": len(state.cards)}

    @router.post("/cards/{card_id}/reissue")
    async def reissue(card_id: str) -> dict[str, int]:
        """Revoked and issued again: the holder gets a new subject."""
        if card_id not in state.cards:
            raise HTTPException(404, "no such card")
        card = state.cards[card_id]
        holder = card.holder or card.id
        for other in list(state.cards.values()):
            if (other.holder or other.id) == holder:
                state.cards[other.id] = dataclasses.replace(other, reissue=card.reissue + 1)
        return {"reissue": card.reissue + 1}

    @router.post("/rotate")
    async def rotate(body: RotateIn) -> dict[str, str]:
        state.keys.rotate(at_once=body.at_once)
        return {"kid": state.keys.current.kid}

    @router.post("/reset")
    async def reset() -> dict[str, bool]:
        """Forget presets, pages in waiting and counts; cards, keys and tokens stay."""
        state.presets.clear()
        state.waiting.clear()
        state.calls.clear()
        state.certs_fault = None
        return {"reset": True}

    return router


def _answer(state: State, given: AnswerIn) -> Answer:
    """A checked answer; a typing error in a test must not pass as a good answer."""
    wrong = unknown_faults(given.faults)
    if given.card not in state.cards or wrong:
        raise HTTPException(422, f"unknown card or faults: {given.card} {wrong}")
    if given.outcome is not None:
        _require_outcome(given.outcome)
    return Answer(given.card, given.outcome, given.fact_format, frozenset(given.faults))


def _require_outcome(outcome: str) -> None:
    if outcome != "ok" and outcome not in OUTCOMES:
        raise HTTPException(422, f"unknown outcome: {outcome}")
