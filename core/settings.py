"""One typed, frozen set of settings, read by the roofs and passed down.

Every field is an environment variable (`FURUSATO_…`, and the two customary ones
`DATABASE_URL` and `REDIS_URL`); `.env.example` documents each of them.
"""

from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

#: Secret of a rehearsal on one machine. A start with it elsewhere is refused.
DEMO_SECRET = "rehearsal-only-secret-never-for-real-people"  # noqa: S105 - named so that it is recognised


class Environment(StrEnum):
    """Where this process runs; only `production` may hold real people."""

    DEMO = "demo"
    TEST = "test"
    PRODUCTION = "production"


class Settings(BaseSettings):
    """Settings of one process."""

    model_config = SettingsConfigDict(
        env_prefix="FURUSATO_", env_file=".env", frozen=True, extra="ignore"
    )

    environment: Environment = Environment.PRODUCTION
    database_url: str = Field(
        validation_alias=AliasChoices("DATABASE_URL", "database_url"),
        description="PostgreSQL address; user and password in it are replaced by the role of each audience.",
    )
    migrate_database_url: str | None = Field(
        default=None,
        description="Address with the rights to migrate; known to `furusato migrate` only.",
    )
    db_password: SecretStr = Field(
        default=SecretStr(""), description="Password of the login roles furusato_person, …_body, …."
    )
    db_pool_size: int = Field(
        default=8, ge=1, description="Connections a process keeps an audience."
    )
    redis_url: str = Field(
        default="redis://127.0.0.1:6379/0",
        validation_alias=AliasChoices("REDIS_URL", "redis_url"),
    )
    secret_key: SecretStr = Field(
        default=SecretStr(DEMO_SECRET),
        description="Seals private keys and indexes e-mail addresses; at least 32 characters.",
    )
    public_url: str = Field(
        default="http://localhost:8000",
        description="Address people and posters use, no slash at the end.",
    )
    passkey_domain: str = Field(
        default="",
        description="Domain passkeys belong to; the public address's own when empty."
        " A parent of it where several host names share them. Changing it makes all passkeys useless.",
    )
    clock_file: Path | None = Field(
        default=None, description="Settable clock of a rehearsal; refused in production."
    )
    policy_dir: Path | None = Field(
        default=None, description="Folder of national numbers; the packaged ones when empty."
    )
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 1025
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_starttls: bool = False
    mail_from: str = "ふるさと住民登録 <no-reply@furusato.invalid>"
    idp_base_url: str = Field(
        default="https://sb-auth-and-sign.go.jp/api/realms/main",
        description="OpenID provider of the My Number card: issuer without a slash at the end.",
    )
    idp_client_id: str = "furusato"
    idp_private_key_file: Path | None = Field(
        default=None, description="PEM with our ES256 key for private_key_jwt."
    )
    idp_acr_values: str = "aal3 crl"
    push_private_key_file: Path | None = Field(
        default=None,
        description="PEM with our P-256 key for Web Push (VAPID); without it nothing is pushed.",
    )
    push_services: str = Field(
        default="fcm.googleapis.com,updates.push.services.mozilla.com,.push.apple.com,.notify.windows.com",
        description="Hosts of push services that are called; a leading dot means all below it.",
    )
    tick_seconds: float = Field(
        default=30.0, gt=0, description="How often beat asks for due work, in seconds."
    )
    limit_check_ins: int = Field(
        default=10, ge=0, description="Check-ins a person may try in a minute; 0 is no limit."
    )
    limit_searches: int = Field(
        default=30, ge=0, description="Searches for people a member of staff may make in a minute."
    )
    limit_verifications: int = Field(
        default=60, ge=0, description="Cards that one network address may have checked in a minute."
    )
    limit_device_scans: int = Field(
        default=5, ge=0, description="Scans a second at one organiser's device; 0 is no limit."
    )
    limit_unknown_codes: int = Field(
        default=30,
        ge=0,
        description="Codes nobody knows that one device or network address may try in a minute.",
    )
    show_sign_in_codes: bool = Field(
        default=False,
        description="Show e-mail codes on the page (rehearsal without a mailbox); refused in production.",
    )

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies carry Secure and the __Host- prefix."""
        return self.public_url.startswith("https://")

    @property
    def public_host(self) -> str:
        """The host name people use."""
        return urlsplit(self.public_url).hostname or ""

    @property
    def passkeys_misplaced(self) -> bool:
        """Whether no browser would accept the passkeys' domain on the public address."""
        domain, host = self.passkey_domain, self.public_host
        if not domain:
            return False
        return host != domain and not ("." in domain and host.endswith(f".{domain}"))


class UnsafeSettingsError(RuntimeError):
    """The process must not start like this; the sentence says what to change."""


def refuse_unsafe(settings: Settings) -> None:
    """Refuse secrets and conveniences of a rehearsal in production."""
    if settings.environment is not Environment.PRODUCTION:
        return
    secret = settings.secret_key.get_secret_value()
    complaints = {
        "FURUSATO_SECRET_KEY is the rehearsal secret: set 32 or more random characters": secret
        == DEMO_SECRET,
        "FURUSATO_SECRET_KEY is shorter than 32 characters": len(secret) < 32,  # noqa: PLR2004 - said in the sentence
        "FURUSATO_CLOCK_FILE sets a rehearsal clock: remove it": settings.clock_file is not None,
        "FURUSATO_SHOW_SIGN_IN_CODES shows codes to anybody: switch it off": settings.show_sign_in_codes,
        "FURUSATO_PUBLIC_URL is not https: people's cookies need it": not settings.secure_cookies,
        "FURUSATO_PASSKEY_DOMAIN is neither the host of FURUSATO_PUBLIC_URL nor a parent of it: no passkey"
        " would work": settings.passkeys_misplaced,
        "FURUSATO_IDP_BASE_URL points at this machine: a stand-in must not vouch for real people": any(
            host in settings.idp_base_url for host in ("127.0.0.1", "localhost", "[::1]")
        ),
    }
    found = [sentence for sentence, wrong in complaints.items() if wrong]
    if found:
        raise UnsafeSettingsError("; ".join(found))
