"""The desk of a large town: its list of 100,000 members, and a fan club's list of 20,000 people.

`members_page` is the slower end (95 of 100) of what a clerk asks of the list: the first page, later
pages, tiers, a part of a name, a number. `import_preview` is the time from sending a file of 20,000
lines until its preview, with an error beside each wrong line, stands on the screen. `cards_pdf` is
the time for wallet cards of 1,000 people, codes included.
"""

import re
import secrets
import statistics
import time
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import islice
from typing import Any, Final
from uuid import uuid4

import httpx
import psycopg

from app.local import LocalStack
from bench.population import Cohort, analyse, fill
from core.access import Role
from core.clock import wall_now
from core.db import Database
from core.shortcode import MEMBER, new_code
from qr.codes import CARD_ID_BYTES, CardCode, sign_card
from qr.keys import KeyScope, PlannedKey, new_key, signer_for
from qr.pdf import cards_pdf
from qr.sheets import Card
from qr.signatures import KeyUse
from tests.factories.registry import make_staff

TOWN: Final = ("232122", "230006")
BASIC, PREMIUM = 95_000, 5_000
PAGES: Final = 100
PAGE_LIMIT: Final = 200
LINES: Final = 20_000
#: Every so many lines one has an address that is none.
WRONG_EVERY: Final = 50
PREVIEW_LIMIT: Final = 20.0
CARDS: Final = 1_000
CARDS_LIMIT: Final = 10.0
ROUNDS: Final = 3
_NEXT: Final = re.compile(r'href="([^"]*[?&](?:amp;)?after=[^"]*)"')
_WRONG: Final = re.compile(r"([\d,]+)行は")
_NUMBER: Final = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}")


def run(stack: LocalStack) -> Mapping[str, Mapping[str, Any]]:
    """Fill a town, sign a clerk in, and ask."""
    code, prefecture = TOWN
    with psycopg.connect(stack.server_url("furusato")) as connection:
        fill(
            connection,
            [
                Cohort(code, prefecture, BASIC),
                Cohort(code, prefecture, PREMIUM, date(2027, 4, 1)),
            ],
        )
    with psycopg.connect(stack.server_url("furusato"), autocommit=True) as connection:
        analyse(connection)
    database = Database(stack.settings())
    clerk = make_staff(database, code, Role.CLERK, now=wall_now())
    database.dispose()
    with httpx.Client(
        base_url=stack.base_url,
        headers={"Authorization": f"Bearer {clerk.token}", "Sec-Fetch-Site": "same-origin"},
        timeout=120,
    ) as http:
        found = {"members_page": _members(http, code), "import_preview": _preview(http, code)}
    return found | {"cards_pdf": _cards()}


def _cards() -> dict[str, Any]:
    """Seconds for the cards of 1,000 people on a hundred sheets, in one process."""
    secret, now = secrets.token_bytes(32), wall_now()
    until = now + timedelta(days=365)
    key = new_key(PlannedKey(KeyScope(KeyUse.CARD, TOWN[0]), now, until), secret=secret)
    sign = signer_for(key, secret=secret)
    printed = [
        Card(
            "豊田市",
            "プレミアム登録",
            premium=number % 2 == 0,
            member_number=new_code(secrets.token_bytes, MEMBER),
            signed_code=sign_card(
                CardCode(key.kid, TOWN[0], secrets.token_bytes(CARD_ID_BYTES), until), sign
            ),
            name="髙橋 花子",
        )
        for number in range(CARDS)
    ]
    began = time.perf_counter()
    data = cards_pdf(printed, title="登録証", now=now)
    return {
        "value": round(time.perf_counter() - began, 2),
        "unit": "s",
        "limit": CARDS_LIMIT,
        "cards": CARDS,
        "megabytes": round(len(data) / 1e6, 1),
    }


def _members(http: httpx.Client, code: str) -> dict[str, Any]:
    taken = []
    for path in islice(_asked(http, code), PAGES):
        began = time.perf_counter()
        answer = http.get(path)
        taken.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code}")
    value = statistics.quantiles(taken, n=20)[-1]
    return {
        "value": round(value, 1),
        "unit": "ms",
        "limit": PAGE_LIMIT,
        "p50": round(statistics.median(taken), 1),
        "members": BASIC + PREMIUM,
    }


def _asked(http: httpx.Client, code: str) -> Iterator[str]:
    """What a clerk asks, over and over: pages onwards, by tier, by status, by name, by number."""
    home = f"/staff/{code}/members"
    page = http.get(home).text
    number = _NUMBER.search(page)
    onward = f"{home}?"
    while True:
        yield onward
        found = _NEXT.search(http.get(onward).text)
        onward = found[1].replace("&amp;", "&") if found else f"{home}?"
        onward = onward if onward.startswith("/") else f"{home}{onward}"
        yield f"{home}?tier=premium"
        yield f"{home}?status=released"
        # As many searches as one person may make are few: every fifth question is one.
        yield f"{home}?tier=basic&status="
        yield f"{home}?q={'佐藤花' if number is None else number[0]}"


def _preview(http: httpx.Client, code: str) -> dict[str, Any]:
    taken = []
    for turn in range(ROUNDS):
        lines = ["会員番号,お名前,メール,入会年月日"]
        for line in range(LINES):
            at = "＠" if line % WRONG_EVERY else "の"
            lines.append(f"{line},見本　{line},nin{line}.{turn}{at}example.jp,R６.４.１")
        data = "\r\n".join(lines).encode("cp932")
        began = time.perf_counter()
        answer = http.post(
            f"/staff/{code}/imports",
            data={"_key": str(uuid4())},
            files={"file": (f"名簿{turn}.csv", data, "text/csv")},
            follow_redirects=True,
        )
        taken.append(time.perf_counter() - began)
        told = _WRONG.search(answer.text)
        if told is None or int(told[1].replace(",", "")) != LINES // WRONG_EVERY:
            raise RuntimeError(f"the list was not read: {answer.status_code}")
    return {
        "value": round(statistics.median(taken), 2),
        "unit": "s",
        "limit": PREVIEW_LIMIT,
        "lines": LINES,
    }
