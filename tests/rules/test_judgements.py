"""R15: a judgement is stored with its facts and numbers, and can be made again from them."""

import json
from datetime import date, datetime, timedelta
from uuid import UUID

import pytest

from registry.rules.cap import OverCap
from registry.rules.eligibility import decide_premium, decide_standing
from registry.rules.facts import Applicant, DecisionMode, Period
from registry.rules.minors import Consent
from registry.rules.plain import Plain, PlainError
from registry.rules.reasons import Decision, Reason
from registry.rules.renewal import Renewal, RenewalOutcome, decide_renewal
from registry.rules.replay import ReplayError, replay
from registry.rules.requirement import Evidence
from registry.rules.survey import Survey
from registry.rules.terms import term_for
from registry.rules.versions import RequirementVersion
from tests.rules.making import DAY, applicant, body, held, ident, policy, presence, versions

HIDA = body("飛騨市")
THREE = [presence(DAY - timedelta(days=n)) for n in range(3)]
PERSON = applicant(THREE, [held("気仙沼市")], stay_days=(DAY,), registered_on=date(2026, 1, 1))


def _stored(decision: Decision) -> dict[str, object]:
    read: dict[str, object] = json.loads(json.dumps(decision.to_json(), ensure_ascii=False))
    return read


@pytest.mark.parametrize("count", [0, 3])
def test_r15_a_premium_judgement_is_replayed_exactly(count: int) -> None:
    person = applicant(THREE[:count], [held("気仙沼市")])
    decision = decide_premium(
        person, HIDA, policy(), versions(), DAY, replaces=ident("気仙沼市"), applied_on=DAY
    )
    assert replay(_stored(decision)).to_json() == decision.to_json()
    assert Decision.from_json(_stored(decision)).to_json() == decision.to_json()
    assert decision.outcome == ("allowed" if count else "refused")


def test_r15_a_judgement_in_mid_term_is_replayed_exactly() -> None:
    decision = decide_standing(PERSON, HIDA, policy(), DAY)
    assert decision.allowed
    assert replay(_stored(decision)).to_json() == decision.to_json()


def test_r12_a_certificate_that_was_renewed_ends_nothing() -> None:
    renewed = applicant(identity_valid=True, identity_lapsed_on=date(2020, 1, 1))
    assert decide_standing(renewed, HIDA, policy(), DAY).allowed
    unknown = applicant(identity_valid=False, identity_lapsed_on=None)
    assert decide_standing(unknown, HIDA, policy(), DAY).allowed


def test_r14_a_renewal_is_replayed_exactly() -> None:
    term = term_for(date(2026, 10, 15))
    renewal = decide_renewal(
        PERSON, term, policy(), versions()[0], DAY, DecisionMode.VETO, body=HIDA
    )
    assert replay(_stored(renewal.decision)).to_json() == renewal.decision.to_json()
    written = json.loads(json.dumps(renewal.to_json()))
    assert Renewal.from_json(written).to_json() == renewal.to_json()


@pytest.mark.parametrize(
    ("rule", "surplus"),
    [
        ({"count": 2}, 1),
        ({"hours": 1}, 0),
        ({"all_of": [{"count": 1}, {"count": 2}, {"stay_days": 1}]}, 1),
        ({"all_of": [{"stay_days": 1}]}, 0),
        ({"any_of": [{"count": 1}, {"count": 2}]}, 1),
        ({"any_of": [{"count": 1}, {"hours": 1}]}, 0),
    ],
)
def test_r14_surplus_is_what_nobody_was_asked_for(rule: dict[str, object], surplus: int) -> None:
    """Three counts; where a way around counts exists, nobody can say what was left over."""
    numbers = policy(settings={"renewal.carry_over": 5})
    version = RequirementVersion(date(2025, 4, 1), rule)
    term = term_for(date(2026, 10, 15))
    renewal = decide_renewal(PERSON, term, numbers, version, DAY, DecisionMode.AUTO, body=HIDA)
    assert renewal.outcome is RenewalOutcome.RENEWED
    assert renewal.carry_over == surplus


def test_r15_the_numbers_of_the_day_judge_not_those_of_today() -> None:
    old = policy(settings={"premium.cap": 1})
    decision = decide_premium(PERSON, HIDA, old, versions(), DAY)
    assert decision.codes == ("cap_reached",)
    assert replay(_stored(decision)).to_json() == decision.to_json()
    assert decide_premium(PERSON, HIDA, policy(), versions(), DAY).allowed


def test_an_unknown_kind_of_judgement_cannot_be_replayed() -> None:
    decision = decide_standing(PERSON, HIDA, policy(), DAY)
    with pytest.raises(ReplayError, match="No rule decides 'wish'"):
        replay({**_stored(decision), "kind": "wish"})


RECORDS: list[Plain] = [
    PERSON,
    HIDA,
    Period(DAY, DAY),
    Reason("R07", "not_enough_count", 2, 3, ("森",), "source", "find_activity"),
    Reason("R12", "identity_too_low", "email", "mnc_sign"),
    Consent("premium", DAY, guardian_verified=True),
    OverCap(("1", "2"), 3, None),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_records_are_read_as_written(record: Plain) -> None:
    assert type(record).from_json(json.loads(json.dumps(record.to_json()))) == record
    assert type(record).from_json({k: getattr(record, k) for k in record.to_json()}) == record


GOOD = PERSON.to_json()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"name": "花子"}, "Applicant: unknown names name"),
        ({"person_id": "1"}, "person_id: '1' is no UUID"),
        ({"person_id": 1}, "person_id: 1 is no UUID"),
        ({"birth_date": "tomorrow"}, "'tomorrow' is no date in ISO form"),
        ({"birth_date": datetime(2000, 1, 1)}, "is no date"),  # noqa: DTZ001 - no date is meant
        ({"identity_level": "high"}, "'high' is no IdentityLevel"),
        ({"identity_valid": "yes"}, "'yes' is no bool"),
        ({"stay_days": "2027-10-01"}, "a list is needed"),
        ({"stay_days": [3]}, r"stay_days\[0\]: 3 is no date"),
        ({"residence": "東京"}, "residence: a table is needed"),
        ({"holdings": [{}]}, r"holdings\[0\]: missing names registration_id"),
    ],
)
def test_a_stored_record_that_was_changed_is_not_read(
    changed: dict[str, object], sentence: str
) -> None:
    with pytest.raises(PlainError, match=sentence):
        Applicant.from_json({**GOOD, **changed})


def test_a_number_is_no_yes_and_a_yes_no_number() -> None:
    stored = THREE[0].to_json()
    for name, value in (("minutes", True), ("counted", 1), ("minutes", 1.5)):
        with pytest.raises(PlainError, match=f"{name}: {value!r}"):
            type(THREE[0]).from_json({**stored, name: value})
    with pytest.raises(PlainError, match=r"found: 1\.5 is no str"):
        Reason.from_json({"rule": "R07", "code": "x", "found": 1.5})


def test_pairs_keep_their_length() -> None:
    assert Evidence.from_json({"categories": [["森", 1]]}).categories == (("森", 1),)
    with pytest.raises(PlainError, match="2 values are needed, found 3"):
        Evidence.from_json({"categories": [["森", 1, 2]]})


def test_a_questionnaire_names_its_questions_once() -> None:
    question = {"key": "a", "kind": "text", "ja": "あ", "en": "a"}
    survey = {
        "version": 1,
        "since": "2027-01-01",
        "source": "s",
        "shortcut_question": "a",
        "shortcut_answer": "x",
        "skipped": [],
        "questions": [question],
    }
    assert Survey.from_json(survey).questions[0].key == "a"
    for wrong in ({"questions": [question, question]}, {"skipped": ["b"]}):
        with pytest.raises(ValueError, match="doubled or unknown"):
            Survey.from_json({**survey, **wrong})


def test_ids_of_cases_are_stable() -> None:
    assert ident("飛騨市") == ident("飛騨市") != ident("高山市")
    assert isinstance(ident("飛騨市"), UUID)
