"""The catalogue gate: every sentence has English words, every refusal code has its sentences."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from babel.messages.pofile import read_po

from core import formats
from core import texts as words
from core.texts import Texts, found_messages, missing_messages, placeholders
from registry.rules.requirement import Measure
from tests.look.codes import ROOT, spoken_actions, spoken_codes

LOCALE = ROOT / "core" / "locale"
CATALOGUES = sorted(LOCALE.glob("*/*.po"))
ASKED_FOR = frozenset(
    [
        "too_few_activities",
        "body_limit_reached",
        "residence_here",
        "identity_not_verified",
        "identity_expired",
        "guardian_consent_missing",
        "requirement_not_met",
        "not_registered_here",
        "not_designated",
        "outside_window",
        "already_checked_in",
        "malformed",
        "unknown_key",
        "revoked_key",
        "retired_key",
        "wrong_kind",
        "foreign_body",
        "bad_signature",
        "expired",
        "wrong_time_step",
        "replayed",
        "clock_wrong",
        "too_late_offline",
        "session_full",
        "overlapping_session",
        "session_over",
        "needs_second_factor",
        "not_found",
        "conflict",
        "forbidden",
        "rate_limited",
        "idempotency_conflict",
        "in_progress",
        "validation",
        "wrong_code",
        "code_expired",
        "gone",
        "below_age",
        "individual_number_found",
        "body_not_joined",
        "already_registered",
        "cannot_change_now",
    ]
)

# What registry.rules.parameters may say about a local government's own value.
LOCAL_REFUSALS = ("national_only", "too_low", "too_high", "invalid")


@pytest.mark.parametrize("room", words.ROOMS)
def test_every_sentence_has_english(texts: Texts, room: str) -> None:
    missing = missing_messages(texts, "en", [room])
    assert missing == {}, "run: python -m core.texts extract, then fill in core/locale/en"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_catalogues_keep_the_facts(path: Path) -> None:
    with path.open("rb") as file:
        catalogue = read_po(file, charset="utf-8", abort_invalid=True)
    wrong = [
        message.id
        for message in catalogue
        if message.id
        and message.string
        and placeholders(str(message.string)) != placeholders(str(message.id))
    ]
    assert wrong == []
    assert not any(message.fuzzy for message in catalogue if message.id)


def test_extraction_finds_templates_and_code() -> None:
    assert found_messages("core")["必須"] == "core/templates/macros.html"
    assert found_messages("mobile")["ホーム"].startswith("mobile/templates/")


def test_extraction_adds_and_never_drops(tmp_path: Path) -> None:
    root = tmp_path
    (root / "mobile" / "templates").mkdir(parents=True)
    (root / "mobile" / "templates" / "a.html").write_text("{{ _('新しい文') }}", "utf-8")
    (root / "mobile" / "b.py").write_text("x = _('もう一つ')\n", "utf-8")
    shutil.copytree(LOCALE / "en", root / "core" / "locale" / "en")
    shutil.copytree(LOCALE / "ja@easy", root / "core" / "locale" / "ja@easy")
    before = (root / "core/locale/en/mobile.po").read_text("utf-8")
    assert words.extract(["mobile"], root)["core/locale/en/mobile.po"] == 2
    after = (root / "core/locale/en/mobile.po").read_text("utf-8")
    assert 'msgid "新しい文"\nmsgstr ""' in after
    assert set(before.splitlines()) <= set(after.splitlines())
    assert words.extract(["mobile"], root) == {}


def test_a_broken_template_stops_the_extraction(tmp_path: Path) -> None:
    (tmp_path / "mobile" / "templates").mkdir(parents=True)
    (tmp_path / "mobile" / "templates" / "a.html").write_text("{% if %}{{ _('文') }}", "utf-8")
    with pytest.raises(Exception, match="Expected an expression"):
        found_messages("mobile", tmp_path)


def test_unknown_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert words.main(["compile"]) == 2
    assert "extract" in capsys.readouterr().err


def test_translator_fills_in_facts(texts: Texts) -> None:
    assert texts.translator("ja")("あと{count}回", count=1) == "あと1回"
    assert texts.translator("en")("あと{count}回", count=1) == "1 more to go"
    assert texts.translator("ja@easy")("必須") == "かならず"
    assert texts.translator("easy")("まだ訳のない文") == "まだ訳のない文"


# --- refusals -----------------------------------------------------------------------------------


def test_every_code_has_its_sentences(texts: Texts) -> None:
    needed = dict(spoken_codes())
    needed |= {
        f"not_enough_{measure.value}": "registry/rules/requirement.py" for measure in Measure
    }
    needed |= {f"setting_{why}": "registry/policies.py" for why in LOCAL_REFUSALS}
    needed |= dict.fromkeys(ASKED_FOR, "the catalogue's first list")
    missing = {code: place for code, place in needed.items() if code not in texts.refusals}
    assert missing == {}, "add them to core/locale/refusals.yaml"


def test_the_collector_sees_every_way_of_saying_a_code() -> None:
    codes = spoken_codes()
    assert {"cap_reached", "resident"} <= codes.keys()  # positional and by keyword
    assert {"unknown_key", "revoked_card"} <= codes.keys()  # members of an enumeration
    assert {"already_here", "already_left"} <= codes.keys()  # chosen by a condition
    assert {"device_revoked", "trust_withdrawn"} <= codes.keys()  # keys that a loop walks


def test_every_action_has_its_sentence(texts: Texts) -> None:
    used = dict(spoken_actions())
    used |= {
        str(entry["action"]): code for code, entry in texts.refusals.items() if "action" in entry
    }
    missing = {action: place for action, place in used.items() if action not in texts.actions}
    assert missing == {}, "add them to core/locale/refusals.yaml"


def _sentences(texts: Texts) -> Iterator[tuple[str, str, list[str]]]:
    tables: tuple[Mapping[str, Mapping[str, Any]], ...] = (
        texts.refusals,
        texts.actions,
        texts.words,
    )
    for table in tables:
        for key, entry in table.items():
            for lang in ("ja", "en", "easy"):
                if lang in entry or lang != "easy":
                    said = entry[lang]
                    yield key, lang, [said] if isinstance(said, str) else said


def test_refusals_are_complete_and_always_sayable(texts: Texts) -> None:
    for key, lang, said in _sentences(texts):
        assert said, (key, lang)
        assert all(isinstance(sentence, str) and sentence.strip() for sentence in said), (key, lang)
        assert not placeholders(said[-1]), f"{key} {lang}: the last sentence must need no facts"
        for sentence in said:
            assert placeholders(sentence) <= {"found", "needed", "names", "missing"}, (key, lang)


def test_english_sentences_are_english(texts: Texts) -> None:
    for key, lang, said in _sentences(texts):
        if lang == "en":
            assert not any("\u3040" <= letter <= "\u9fff" for text in said for letter in text), key


def test_refusals_file_repeats_no_key() -> None:
    """YAML would silently keep the last of two."""
    lines = (LOCALE / "refusals.yaml").read_text("utf-8").splitlines()
    section, seen = "", set()
    for line in lines:
        if line and line[0].isalpha():
            section = line
        elif line.startswith("  ") and line[2].isalpha():
            key = (section, line.strip().partition(":")[0])
            assert key not in seen, key
            seen.add(key)
    content = yaml.safe_load("\n".join(lines))
    assert not content["refusals"].keys() & content["outcomes"].keys()


@pytest.mark.parametrize(
    ("lang", "sentence"),
    [
        ("ja", "数えられる参加実績は2回です。あと1回で要件を満たします。"),
        ("easy", "2回 さんかしました。あと 1回です。"),
        ("en", "You have taken part 2 times; 1 more to go."),
    ],
)
def test_reason_with_facts(texts: Texts, lang: str, sentence: str) -> None:
    reason = {"rule": "R07", "code": "too_few_activities", "found": 2, "needed": 3}
    assert texts.reason_sentence(lang, reason) == sentence


def test_reason_without_facts_says_less(texts: Texts) -> None:
    sentence = texts.reason_sentence("ja", {"code": "too_few_activities", "found": None})
    assert sentence == "参加実績が、要件の回数に届いていません。"


def test_codes_of_places_and_words_are_spoken(texts: Texts) -> None:
    cap = {"code": "cap_reached", "needed": 3, "names": ("212172", "042056")}
    assert "飛騨市、気仙沼市" in texts.reason_sentence("ja", cap)
    step = {"code": "step_not_allowed", "found": "draft", "needed": "designated"}
    assert "下書き" in texts.reason_sentence("ja", step)
    assert "draft" in texts.reason_sentence("en", step)
    until = {"code": "trust_not_in_force", "needed": "2027-04-30"}
    assert "2027年4月30日（金）" in texts.reason_sentence("ja", until)


def test_unknown_code_still_says_something(texts: Texts) -> None:
    assert texts.reason_sentence("ja", {"code": "never_heard"}).startswith("この手続きは")
    assert texts.action_sentence("en", {"code": "never_heard"})


def test_own_action_wins_over_the_usual_one(texts: Texts) -> None:
    reason = {"code": "resident", "action": "verify_identity"}
    assert "マイナンバーカード" in texts.action_sentence("ja", reason)
    assert texts.action_sentence("ja", {"code": "validation"}) == ""


# --- dates and numbers ----------------------------------------------------------------------------


def test_japanese_and_english_dates() -> None:
    # 15:30 UTC is half past midnight of the next day in Japan.
    instant = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
    assert formats.day(instant) == "2026年11月21日（土）"
    assert formats.day(date(2026, 11, 21), "en") == "Sat 21 November 2026"
    assert formats.day(instant, year=False) == "11月21日（土）"
    assert formats.moment(instant) == "2026年11月21日（土） 0時30分"
    assert formats.clock_time(instant, "en") == "0:30"


def test_span_says_one_day_once() -> None:
    start = datetime(2026, 11, 21, 0, 0, tzinfo=UTC)
    assert formats.span(start, start.replace(hour=3)) == "2026年11月21日（土） 9時～12時"
    two = formats.span(start, start.replace(day=22, hour=3))
    assert two == "2026年11月21日（土） 9時～2026年11月22日（日） 12時"


@pytest.mark.parametrize(
    ("day", "era"),
    [
        (date(2026, 11, 21), "令和8年"),
        (date(2019, 5, 1), "令和元年"),
        (date(2019, 4, 30), "平成31年"),
        (date(1989, 1, 7), "昭和64年"),
        (date(1912, 7, 30), "大正元年"),
        (date(1912, 7, 29), "明治45年"),
    ],
)
def test_era_years(day: date, era: str) -> None:
    assert formats.era_year(day) == era


def test_no_era_before_the_solar_calendar() -> None:
    with pytest.raises(ValueError, match="solar"):
        formats.era_year(date(1872, 12, 31))


def test_facts_as_words() -> None:
    assert formats.fact(12345) == "12,345"
    assert formats.fact("2028-02-29") == "2028年2月29日（火）"
    assert formats.fact("2028-02-29", "en") == "Tue 29 February 2028"
    assert formats.fact("2026-11-20T15:30:00+00:00") == "2026年11月21日（土） 0時30分"
    assert formats.fact("HD-4821-7730") == "HD-4821-7730"
