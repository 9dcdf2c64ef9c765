"""Test cards: holders, what their cards say, and what is wrong with some of them."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import date
from typing import Any

#: How an answer with one of these ends: OAuth error and the description beside it.
OUTCOMES: dict[str, tuple[str, str]] = {
    "cancelled": ("access_denied", "cancelled"),
    "pin_locked": ("access_denied", "pin_locked"),
    "certificate_revoked": ("access_denied", "certificate_revoked"),
    "certificate_expired": ("access_denied", "certificate_expired"),
    "certificate_missing": ("access_denied", "certificate_missing"),
    "server_error": ("server_error", "server_error"),
    "temporarily_unavailable": ("temporarily_unavailable", "temporarily_unavailable"),
}

_FACT_SCOPES = ("name", "address", "birthdate", "gender")
_PLAIN_GENDER = {"male": "1", "female": "2", "unknown": "3"}


@dataclass(frozen=True, slots=True)
class Card:
    """One card. Cards of one holder share the subject, as renewed cards do.

    `outcome` is `ok` or one of OUTCOMES; `reissue` counts revocations with re-issue, each of
    which gives the holder a new subject.
    """

    id: str
    label: str
    name: str
    address: str | None
    lg_code: str | None
    birthdate: date
    gender: str
    holder: str = ""
    outcome: str = "ok"
    signing_certificate: bool = True
    reissue: int = 0

    def subject(self, client_id: str, secret: bytes) -> str:
        """The pairwise subject of this holder for one client."""
        text = f"{self.holder or self.id}\n{self.reissue}\n{client_id}"
        return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()[:36]

    def facts(self, scopes: frozenset[str], fact_format: str) -> dict[str, Any]:
        """The consented facts, `plain` (as public mocks show them) or in `oidc` standard form."""
        if fact_format == "oidc":
            address: Any = {"formatted": self.address, "country": "JP"}
            birthdate, gender = self.birthdate.isoformat(), self.gender
        else:
            address = self.address
            birthdate = self.birthdate.strftime("%Y%m%d")
            gender = _PLAIN_GENDER[self.gender]
        every = {"name": self.name, "address": address, "birthdate": birthdate, "gender": gender}
        if self.address is None:
            del every["address"]
        return {key: every[key] for key in _FACT_SCOPES if key in scopes and key in every}


def _years_before(day: date, years: int) -> date:
    """The same day of an earlier year; 28 February where there is no 29th."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def default_cards(today: date) -> dict[str, Card]:
    """The cards of a fresh stand-in; those named by an age have that age on `today`."""
    nagano = ("長野県長野市大字鶴賀緑町1613番地", "202011")
    chiyoda = ("東京都千代田区九段南1丁目2番1号", "131016")
    setagaya = ("東京都世田谷区世田谷4丁目21番27号", "131121")
    yokohama = ("神奈川県横浜市中区本町6丁目50番地の10", "141003")
    iida = ("長野県飯田市大久保町2534番地", "202053")
    hida = ("岐阜県飛騨市古川町本町2番22号", "212172")
    born = date(1985, 3, 15)
    cards = (
        Card("adult", "成人", "山田 花子", *setagaya, born, "female"),
        Card("adult-moved", "成人（転居後）", "山田 花子", *iida, born, "female", holder="adult"),
        Card(
            "adult-renamed",
            "成人（改姓後）",
            "鈴木 花子",
            *setagaya,
            born,
            "female",
            holder="adult",
        ),
        Card("guardian", "保護者", "佐藤 一郎", *yokohama, date(1978, 8, 2), "male"),
        Card("age-17", "17歳", "佐藤 二郎", *yokohama, _years_before(today, 17), "male"),
        Card(
            "age-14",
            "14歳（利用者証明用電子証明書だけ）",
            "佐藤 三葉",
            *yokohama,
            _years_before(today, 14),
            "female",
            signing_certificate=False,
        ),
        Card("resident-202011", "長野市の住民", "小林 誠", *nagano, date(1990, 1, 20), "male"),
        Card("resident-202053", "飯田市の住民", "宮下 さくら", *iida, date(1969, 4, 1), "female"),
        Card("resident-212172", "飛騨市の住民", "清水 守", *hida, date(1958, 12, 31), "male"),
        Card("resident-131016", "千代田区の住民", "高橋 実", *chiyoda, date(1974, 7, 7), "unknown"),
        Card("resident-131121", "世田谷区の住民", "田中 葵", *setagaya, date(1999, 9, 9), "female"),
        Card("resident-141003", "横浜市の住民", "渡辺 健", *yokohama, date(1982, 2, 3), "male"),
        Card("rare-takahashi", "珍しい文字（髙）", "髙橋 蒼", *chiyoda, date(1988, 6, 6), "male"),
        Card("rare-saki", "珍しい文字（﨑）", "山﨑 薫", *nagano, date(1971, 10, 10), "female"),
        Card("rare-yoshino", "珍しい文字（𠮷）", "𠮷野 桜", *hida, date(1993, 3, 3), "female"),
        Card("latin", "外国籍の方（ローマ字）", "O'BRIEN MÁIRE ANNE", *chiyoda, born, "female"),
        Card("leap", "2月29日生まれ", "閏 二月", *setagaya, date(2008, 2, 29), "male"),
        Card("no-address", "住所なし", "海野 渡", None, None, date(1980, 5, 5), "male"),
        Card(
            "revoked",
            "失効した証明書",
            "失効 太郎",
            *chiyoda,
            born,
            "male",
            outcome="certificate_revoked",
        ),
        Card(
            "expired",
            "期限切れの証明書",
            "期限 太郎",
            *chiyoda,
            born,
            "male",
            outcome="certificate_expired",
        ),
        Card(
            "pin-locked",
            "暗証番号がロック",
            "施錠 太郎",
            *chiyoda,
            born,
            "male",
            outcome="pin_locked",
        ),
        Card("cancelled", "利用者が中止", "中止 太郎", *chiyoda, born, "male", outcome="cancelled"),
    )
    return {card.id: card for card in cards}
