"""The pinned identity provider of a process, from its settings (R12)."""

from functools import lru_cache
from pathlib import Path

from core.settings import Environment, Settings
from registry import idp
from registry.idp_checks import refusal

#: Where the provider sends the browser back to, below the public address.
CALLBACK = "/identity/callback"


def provider_of(settings: Settings) -> idp.ProviderConfig:
    """The pinned provider of this process.

    Raises:
        IdentityRefused: `provider_unavailable`: this process has no key to ask it with, or names
            a provider that must not vouch for real people (P23). Nothing else stops (P12).
    """
    if settings.idp_private_key_file is None:
        raise refusal("provider_unavailable", found="not_configured", action="ask_support")
    try:
        return _provider(
            settings.idp_base_url,
            settings.idp_client_id,
            settings.public_url + CALLBACK,
            settings.idp_private_key_file,
            settings.idp_acr_values,
            production=settings.environment is Environment.PRODUCTION,
        )
    except OSError as error:
        raise refusal("provider_unavailable", found="key", action="ask_support") from error
    except idp.UnsafeProviderError as error:
        raise refusal("provider_unavailable", found="unsafe", action="ask_support") from error


@lru_cache(maxsize=8)
def _provider(
    issuer: str, client_id: str, redirect_uri: str, key: Path, acr_values: str, *, production: bool
) -> idp.ProviderConfig:
    return idp.provider_at(
        issuer.removesuffix("/"),
        client_id=client_id,
        redirect_uri=redirect_uri,
        signing_key=idp.read_signing_key(key.read_bytes()),
        acr_values=acr_values,
        production=production,
    )
