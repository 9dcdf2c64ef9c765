"""What verifiers without a connection fetch beforehand: the published key list (R22)."""

from collections.abc import Iterable
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from core.clock import wall_now
from core.errors import Unavailable
from core.problems import problems
from core.web import PlatformDep
from qr.keylist import RootSigner, published_key_list
from qr.keys import KeyRecord
from qr.signatures import KeyStatus, KeyUse
from qr.store import KeyStore, NoSigningKeyError
from registry.doors import GATE

router = APIRouter(tags=["keys"])
#: A verifier that is connected asks again after this; a revocation then reaches it.
CACHE_SECONDS = 300


class PublicKeyOut(BaseModel):
    """The public half of a key, as browsers import it (RFC 7517)."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str
    kid: str
    alg: Literal["ES256"]
    use: Literal["sig"]


class ListedKeyOut(BaseModel):
    """A key that signs cards or venue codes, and where it stands."""

    kid: str = Field(description="Four bytes, hex, as every code names it", examples=["9f1c02ab"])
    alg: Literal["ES256"]
    use: Literal["card", "venue"]
    lg_code: str | None = Field(examples=["212172"])
    not_before: str
    not_after: str
    status: Literal["active", "retired", "revoked"]
    revoked_at: str | None
    jwk: PublicKeyOut


class KeyListOut(BaseModel):
    """The signed list. How to check it: docs/integrators.md."""

    version: Literal[1]
    counter: int = Field(description="Rises with every change; a lower one is an old list")
    issued_at: str
    root_kid: str
    keys: list[ListedKeyOut]
    signature: str = Field(description="ES256 of the root key, base64url")


def counter_of(records: Iterable[KeyRecord]) -> int:
    """How many changes the listed keys have seen: a key is made once and ends once.

    Rows are never deleted, so it only rises, and all processes agree on it.
    """
    return sum(
        1 if record.status is KeyStatus.ACTIVE else 2
        for record in records
        if record.use is not KeyUse.ROOT
    )


@router.get(
    "/.well-known/fj-keys.json",
    summary="Public keys of cards and venue codes",
    response_model=KeyListOut,
    responses=problems(503),
)
def key_list(request: Request, platform: PlatformDep) -> JSONResponse:
    """R22: signed by the root key, for verifying codes without a connection.

    503 until the operator has made keys.
    """
    keys: KeyStore = request.app.state.presence.keys
    now = platform.clock.now()
    with platform.database.transaction(GATE) as db:
        keys.refresh(db, wall=wall_now())
    try:
        kid, sign = keys.signer(use=KeyUse.ROOT, lg_code=None, now=now)
    except NoSigningKeyError as error:
        raise Unavailable(code="unavailable") from error
    document = published_key_list(
        keys.records, counter=counter_of(keys.records), now=now, root=RootSigner(kid, sign)
    )
    return JSONResponse(
        KeyListOut.model_validate(document).model_dump(mode="json"),
        headers={"Cache-Control": f"public, max-age={CACHE_SECONDS}"},
    )
