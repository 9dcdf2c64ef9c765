"""A stand-in for a municipality's own OpenID provider, as town halls run them for their staff.

It speaks the authorization code flow with PKCE (S256), authenticates the client by its secret,
gives each code away once, and signs ID tokens with ES256 or RS256. `faults` names what the next
tokens get wrong, so that the platform's checks can be proved against it.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

KID = "town-hall"
#: 32 bytes in base64url.
CHALLENGE = 43


@dataclass
class TownHall:
    """Who is signed in there, what it expects of its client, and what it gets wrong on purpose.

    Attributes:
        issuer: Its own address.
        client_id: The one client it knows.
        client_secret: That client's secret.
        redirect_uri: The one address it sends browsers back to.
        clock: Seconds since 1970.
        algorithm: Of its ID tokens.
        email: The address of who is signed in.
        acr: The class of authentication it names.
        claims: Claims that replace the right ones; None leaves one out.
        scope: What it says it granted.
        state_back: Another state than the one it was given.
    """

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str
    clock: Callable[[], float]
    algorithm: str = "RS256"
    email: str = "tanto@city.example.jp"
    acr: str = "urn:town:password"
    claims: dict[str, Any] = field(default_factory=dict)
    scope: str = "openid email profile"
    state_back: str = ""
    wrong_key: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Two pairs of keys: one that is published, one that is not."""
        self._keys = [_new_keys(), _new_keys()]

    def reset(self) -> None:
        """Everything right again."""
        self.claims, self.state_back, self.wrong_key = {}, "", False
        self.algorithm, self.acr = "RS256", "urn:town:password"
        self.email = "tanto@city.example.jp"

    def jwks(self) -> dict[str, Any]:
        """What it publishes: an EC and an RSA key."""
        curve, large = self._keys[0]
        public = (
            ("ES256", ECAlgorithm(ECAlgorithm.SHA256).to_jwk(curve.public_key())),
            ("RS256", RSAAlgorithm(RSAAlgorithm.SHA256).to_jwk(large.public_key())),
        )
        return {
            "keys": [
                {**json.loads(jwk), "kid": f"{KID}-{name}", "use": "sig", "alg": name}
                for name, jwk in public
            ]
        }

    def id_token(self, asked: dict[str, str], access_token: str) -> str:
        """The token for one visit, right but for what `claims` and `wrong_key` say."""
        now = int(self.clock())
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        right = {
            "iss": self.issuer,
            "aud": self.client_id,
            "sub": hashlib.sha256(self.email.encode()).hexdigest(),
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
            "auth_time": now,
            "acr": self.acr,
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
            "email": self.email,
            "email_verified": True,
        }
        told = {name: one for name, one in (right | self.claims).items() if one is not None}
        curve, large = self._keys[int(self.wrong_key)]
        key = curve if self.algorithm == "ES256" else large
        kid = f"{KID}-{self.algorithm}"
        return jwt.encode(told, key, algorithm=self.algorithm, headers={"kid": kid})


def _new_keys() -> tuple[ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey]:
    return (
        ec.generate_private_key(ec.SECP256R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    )


def create_app(hall: TownHall) -> Starlette:
    """Its three addresses: where browsers go, where codes are changed, where keys are published."""

    async def authorize(request: Request) -> Response:
        asked = dict(request.query_params)
        hall.asked.append(asked)
        right = (
            asked.get("client_id") == hall.client_id
            and asked.get("redirect_uri") == hall.redirect_uri
            and asked.get("response_type") == "code"
            and asked.get("code_challenge_method") == "S256"
            and len(asked.get("code_challenge", "")) == CHALLENGE
            and {"openid", "email"} <= set(asked.get("scope", "").split())
        )
        if not right:
            return JSONResponse({"error": "invalid_request"}, status_code=400)
        code = secrets.token_urlsafe(24)
        hall.codes[code] = asked
        back = urlencode({"code": code, "state": hall.state_back or asked["state"]})
        return RedirectResponse(f"{hall.redirect_uri}?{back}", status_code=302)

    async def token(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        if not _is_client(hall, request.headers.get("authorization", "")):
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        asked = hall.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or proof != asked["code_challenge"]
            or form.get("redirect_uri") != hall.redirect_uri
            or form.get("grant_type") != "authorization_code"
        ):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        access_token = secrets.token_urlsafe(24)
        return JSONResponse(
            {
                "access_token": access_token,
                "token_type": "Bearer",
                "expires_in": 300,
                "scope": hall.scope,
                "id_token": hall.id_token(asked, access_token),
            }
        )

    async def certs(_request: Request) -> Response:
        return JSONResponse(hall.jwks())

    return Starlette(
        routes=[
            Route("/authorize", authorize),
            Route("/token", token, methods=["POST"]),
            Route("/certs", certs),
        ]
    )


def _is_client(hall: TownHall, header: str) -> bool:
    """client_secret_basic, both halves as form values."""
    kind, _, value = header.partition(" ")
    try:
        name, _, secret = base64.b64decode(value).decode().partition(":")
    except ValueError:
        return False
    pair = (unquote(name), unquote(secret))
    return kind == "Basic" and pair == (hall.client_id, hall.client_secret)
