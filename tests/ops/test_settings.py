"""Every setting is documented, and a rehearsal's settings are refused in production."""

import re
from pathlib import Path
from typing import Any

import pytest

from app.local_environment import setting_name
from core.settings import DEMO_SECRET, Environment, Settings, UnsafeSettingsError, refuse_unsafe

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / ".env.example"
#: The example cannot show the default of these: an address, a secret, the public name.
EXAMPLES_ONLY = {"database_url", "secret_key", "public_url"}
SAFE: dict[str, Any] = {
    "environment": Environment.PRODUCTION,
    "DATABASE_URL": "postgresql://db.example/furusato",
    "secret_key": "k" * 32,
    "public_url": "https://furusato.example",
    "idp_base_url": "https://auth-and-sign.go.jp/api/realms/main",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(setting_name(field), raising=False)


def documented() -> list[str]:
    text = EXAMPLE.read_text(encoding="utf-8")
    return re.findall(r"^#?([A-Z][A-Z_]+)=", text, flags=re.MULTILINE)


def test_example_documents_every_setting_once_and_nothing_else() -> None:
    assert sorted(documented()) == sorted(setting_name(field) for field in Settings.model_fields)


def test_every_documented_setting_has_a_comment_above_its_group() -> None:
    for group in EXAMPLE.read_text(encoding="utf-8").strip().split("\n\n"):
        assert re.match(r"# \S", group), f"no explanation above:\n{group}"


def test_example_shows_the_defaults() -> None:
    shown = Settings(_env_file=EXAMPLE).model_dump(exclude=EXAMPLES_ONLY)
    default = Settings(_env_file=None, DATABASE_URL="postgresql:///").model_dump(
        exclude=EXAMPLES_ONLY
    )
    assert shown == default


def test_a_setting_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/furusato")
    monkeypatch.setenv("REDIS_URL", "redis://cache.example/1")
    monkeypatch.setenv("FURUSATO_SMTP_PORT", "2525")
    settings = Settings(_env_file=None)
    assert settings.database_url == "postgresql://db.example/furusato"
    assert settings.redis_url == "redis://cache.example/1"
    assert settings.smtp_port == 2525


def test_safe_settings_pass() -> None:
    refuse_unsafe(Settings(_env_file=None, **SAFE))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"secret_key": DEMO_SECRET}, "FURUSATO_SECRET_KEY is the rehearsal secret"),
        ({"secret_key": "k" * 31}, "FURUSATO_SECRET_KEY is shorter than 32"),
        ({"clock_file": Path("clock.json")}, "FURUSATO_CLOCK_FILE sets a rehearsal clock"),
        ({"show_sign_in_codes": True}, "FURUSATO_SHOW_SIGN_IN_CODES shows codes"),
        ({"public_url": "http://furusato.example"}, "FURUSATO_PUBLIC_URL is not https"),
        ({"passkey_domain": "elsewhere.example"}, "FURUSATO_PASSKEY_DOMAIN is neither"),
        ({"passkey_domain": "rusato.example"}, "FURUSATO_PASSKEY_DOMAIN is neither"),
        ({"passkey_domain": "example"}, "FURUSATO_PASSKEY_DOMAIN is neither"),
        ({"idp_base_url": "https://localhost:9/api"}, "FURUSATO_IDP_BASE_URL points at this"),
        ({"idp_base_url": "http://127.0.0.1:9/api"}, "FURUSATO_IDP_BASE_URL points at this"),
        ({"idp_base_url": "http://[::1]:9/api"}, "FURUSATO_IDP_BASE_URL points at this"),
    ],
)
def test_unsafe_settings_are_refused_with_a_sentence(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UnsafeSettingsError, match=re.escape(sentence)) as refused:
        refuse_unsafe(Settings(_env_file=None, **(SAFE | change)))
    # One thing is wrong, one thing is said.
    assert "; " not in str(refused.value)
    # A rehearsal may have them all.
    refuse_unsafe(Settings(_env_file=None, **(SAFE | change | {"environment": Environment.DEMO})))


def test_all_complaints_come_at_once() -> None:
    with pytest.raises(UnsafeSettingsError) as refused:
        refuse_unsafe(
            Settings(
                _env_file=None,
                **(SAFE | {"secret_key": DEMO_SECRET, "show_sign_in_codes": True}),
            )
        )
    assert "SECRET_KEY" in str(refused.value)
    assert "SHOW_SIGN_IN_CODES" in str(refused.value)


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    shown = repr(Settings(_env_file=None, **(SAFE | {"db_password": "hidden-password"})))
    assert "hidden-password" not in shown
    assert "k" * 32 not in shown
