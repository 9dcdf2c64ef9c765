"""R18: a guardian's own card check, from the link in the mail to the provider's page and back."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import text

from core.web import SESSION_COOKIE
from registry import guardians
from registry.doors import GATE
from tests.factories.registry import GIFU, HIDA, NOW, create_person, open_bodies, policy_book
from tests.identity.rig import StandIn, standin_server
from tests.journeys.conftest import Live, Visitor, axe_finds_nothing, visiting

pytestmark = pytest.mark.browser


@pytest.fixture
def standin(listener: socket.socket) -> Iterator[StandIn]:
    back = f"http://localhost:{listener.getsockname()[1]}/identity/callback"
    with standin_server(back) as standin:
        yield standin


@pytest.fixture
def live_settings(standin: StandIn, tmp_path: Path) -> dict[str, Any]:
    key = tmp_path / "client.pem"
    key.write_bytes(standin.es_key.as_pem(private=True))
    return {"idp_base_url": standin.issuer, "idp_private_key_file": key}


def signed_in(visitor: Visitor, live: Live, token: str) -> None:
    visitor.context.add_cookies([{"name": SESSION_COOKIE, "value": token, "url": live.url}])


def test_r18_a_guardian_shows_their_own_card_and_no_childs(chromium: Browser, live: Live) -> None:
    open_bodies(live.database, GIFU, HIDA)
    child = create_person(live.database, nickname="太郎", birth_year=2012)
    mother = create_person(live.database, nickname="母", birth_year=1978)
    with live.database.transaction(child.context) as db:
        invited = guardians.invite(
            db,
            actor=child.actor,
            contact=mother.email,
            scope="premium",
            now=NOW,
            book=policy_book(),
        )
    verified = "select verified_at is not null from guardianship"
    with visiting(chromium, live, scripts=False) as visitor:
        page = visitor.page
        signed_in(visitor, live, mother.token)
        page.goto(f"/guardian-invitations/{invited.token}")
        page.get_by_label("保護者として、内容に同意します").check()
        page.get_by_role("button", name="同意する").click()
        for card, said in (("age-14", False), ("guardian", True)):
            expect(page.get_by_text("お子さまのカードではありません")).to_be_visible()
            page.get_by_role("button", name="マイナンバーカードで確認する").click()
            page.get_by_role("link", name="カードの確認へ進む").click()
            page.locator("select[name=card]").select_option(card)
            page.get_by_role("button", name="同意して進む").click()
            page.wait_for_url(f"{live.url}/**")
            with live.database.transaction(GATE) as db:
                assert db.execute(text(verified)).scalar_one() is said
            if not said:
                # What went wrong is told in words, with a way back to try another card.
                expect(page.locator("main")).to_contain_text("18歳以上の方です")
                page.goto(f"/guardian-invitations/{invited.token}")
        expect(page.locator(".notice-good")).to_contain_text("同意をいただいています")
    with visiting(chromium, live, bypass_csp=True) as visitor:
        signed_in(visitor, live, mother.token)
        visitor.page.goto(f"/guardian-invitations/{invited.token}")
        axe_finds_nothing(visitor.page)
