"""Calls to the identity provider, bounded in time and size, and its published keys (R12)."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from registry.idp_checks import IdentityRefused, refusal, strict_json
from registry.idp_config import Pinned, SigningAlgorithm, SigningKey

_LARGEST_ANSWER = 256 * 1024
_SERVER_ERROR = 500
_KEYS_KEPT = timedelta(hours=1)
_REFRESH_PAUSE = timedelta(minutes=1)


def call(
    config: Pinned,
    http: httpx.Client,
    method: str,
    url: str,
    *,
    step: str,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """One call to a pinned address: the JSON object of a 200 answer, never followed elsewhere.

    `step` (token, userinfo, certs) names the refusal. Nothing is tried twice: a code is good
    for one try, and the person can start again.

    Raises:
        IdentityRefused: `provider_unavailable` for silence, slowness and 5xx; `…_refused` for
            any other status; `…_malformed` for a body that is too large or no JSON object.
    """
    sent = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
    # A stopwatch for one answer, not a time of day.
    until = time.monotonic() + config.answer_seconds
    try:
        with http.stream(
            method,
            url,
            headers=sent,
            data=form,
            follow_redirects=False,
            timeout=config.timeout_seconds,
        ) as response:
            return strict_json(_body(response, until, step), code=f"{step}_malformed")
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
        raise _unavailable(step) from error


def _body(response: httpx.Response, until: float, step: str) -> bytes:
    """The body of a plain 200 answer within its limits."""
    if response.status_code >= _SERVER_ERROR:
        raise _unavailable(step)
    if response.status_code != httpx.codes.OK:
        raise refusal(f"{step}_refused", found=str(response.status_code))
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" or "content-encoding" in response.headers:
        raise refusal(f"{step}_malformed", found="content_type")
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > _LARGEST_ANSWER:
            raise refusal(f"{step}_malformed", found="size")
        if time.monotonic() > until:
            raise _unavailable(step)
    return bytes(body)


def _unavailable(step: str) -> IdentityRefused:
    return refusal("provider_unavailable", found=step, action="try_later")


@dataclass(frozen=True, slots=True)
class _Published:
    """The keys of a provider as last fetched."""

    keys: Mapping[str, SigningKey]
    fetched_at: datetime
    asked_at: datetime


class KeyCache:
    """Published keys by provider, kept an hour; an unknown key id asks again once a minute."""

    def __init__(self) -> None:
        self._published: dict[str, _Published] = {}
        self._lock = threading.Lock()

    def find(self, config: Pinned, http: httpx.Client, kid: str, now: datetime) -> SigningKey:
        """The key of an id.

        Raises:
            IdentityRefused: when there is none, or the provider does not answer.
        """
        # Pinned anew with another algorithm, a provider is asked anew.
        place = f"{config.token_algorithm} {config.certs_url}"
        if self._must_ask(place, kid, now):
            answer = call(config, http, "GET", config.certs_url, step="certs")
            published = _Published(
                _usable_keys(answer, config.token_algorithm), fetched_at=now, asked_at=now
            )
            with self._lock:
                self._published[place] = published
        with self._lock:
            key = self._published[place].keys.get(kid)
        if key is None:
            raise refusal("id_token_invalid", found="kid")
        return key

    def _must_ask(self, place: str, kid: str, now: datetime) -> bool:
        """Whether to fetch; claims the minute's one refresh, so that callers do not crowd."""
        with self._lock:
            published = self._published.get(place)
            if published is None or not timedelta(0) <= now - published.fetched_at < _KEYS_KEPT:
                return True
            if kid in published.keys or now - published.asked_at < _REFRESH_PAUSE:
                return False
            self._published[place] = replace(published, asked_at=now)
            return True


def _usable_keys(answer: Mapping[str, Any], algorithm: SigningAlgorithm) -> dict[str, SigningKey]:
    """The published signing keys of the pinned algorithm by id; others are passed over."""
    listed = answer.get("keys")
    if not isinstance(listed, list):
        raise refusal("certs_malformed", found="keys")
    keys: dict[str, SigningKey] = {}
    for jwk in listed:
        if not isinstance(jwk, dict) or "d" in jwk:
            continue
        kid = jwk.get("kid")
        fits = (
            _is_of(jwk, algorithm)
            and jwk.get("use", "sig") == "sig"
            and jwk.get("alg", algorithm) == algorithm
        )
        if not fits or not isinstance(kid, str):
            continue
        try:
            keys[kid] = (ECKey if algorithm == "ES256" else RSAKey).import_key(jwk)
        except (JoseError, ValueError, TypeError):
            continue
    return keys


def _is_of(jwk: Mapping[str, Any], algorithm: SigningAlgorithm) -> bool:
    if algorithm == "ES256":
        return (jwk.get("kty"), jwk.get("crv")) == ("EC", "P-256")
    return jwk.get("kty") == "RSA"
