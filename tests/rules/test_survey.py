"""R04: the first questionnaire: one compulsory answer, a short way for residents, strict answers."""

from datetime import date, timedelta

import pytest

from registry.policybook import load_survey
from registry.rules.survey import MAX_TEXT, Reminder, asked, remind, validate, version_of
from tests.rules.making import national_book, policy

SURVEY = load_survey()[-1]
FULL: dict[str, object] = {
    "tie": "origin",
    "since": "1998",
    "attractions": ["food", "nature", "food"],
    "information": ["events"],
    "visits": 3,
    "stay_days": " 12 ",
    "reason": ["homecoming"],
    "transport": ["train"],
    "moving": "no",
    "involvement": ["visits"],
    "skills": " 草刈り機 ",
}


def test_r04_the_version_in_force_exists() -> None:
    step = national_book().parameter("survey.base.version").values.steps[-1]
    assert version_of(load_survey(), step.value) == SURVEY
    with pytest.raises(KeyError, match="no version 99"):
        version_of(load_survey(), 99)


def test_r04_a_full_set_of_answers_in_normal_form() -> None:
    answers, reasons = validate(SURVEY, FULL)
    assert reasons == ()
    assert answers["since"] == 1998
    assert answers["attractions"] == ("nature", "food")
    assert answers["stay_days"] == 12
    assert answers["skills"] == "草刈り機"
    assert set(answers) == set(FULL)


def test_r04_only_the_first_question_must_be_answered() -> None:
    assert [question.key for question in SURVEY.questions if question.required] == ["tie"]
    assert validate(SURVEY, {"tie": "none"}) == ({"tie": "none"}, ())
    empty: dict[str, object] = {"tie": "", "attractions": [], "skills": None}
    answers, reasons = validate(SURVEY, empty)
    assert answers == {}
    assert [(reason.code, reason.names) for reason in reasons] == [("answer_needed", ("tie",))]


def test_r04_residents_are_asked_questions_one_two_and_eleven() -> None:
    keys = [question.key for question in asked(SURVEY, {"tie": "residence"})]
    assert keys == ["tie", "since", "skills"]
    assert len(asked(SURVEY, {})) == 11
    answers, reasons = validate(SURVEY, {**FULL, "tie": "residence", "visits": "many"})
    assert reasons == ()
    assert set(answers) == {"tie", "since", "skills"}


@pytest.mark.parametrize(
    ("changed", "code", "key"),
    [
        ({"colour": "blue"}, "unknown_question", "colour"),
        ({"tie": "love"}, "unknown_answer", "tie"),
        ({"tie": 3}, "unknown_answer", "tie"),
        ({"attractions": "food"}, "unknown_answer", "attractions"),
        ({"attractions": ["gold"]}, "unknown_answer", "attractions"),
        ({"attractions": [["food"]]}, "unknown_answer", "attractions"),
        (
            {"attractions": ["food", "nature", "culture", "people"]},
            "too_many_answers",
            "attractions",
        ),
        ({"visits": "many"}, "number_needed", "visits"),
        ({"visits": True}, "number_needed", "visits"),
        ({"visits": 1.5}, "number_needed", "visits"),
        ({"visits": -1}, "number_out_of_range", "visits"),
        ({"visits": "367"}, "number_out_of_range", "visits"),
        ({"visits": "²"}, "number_needed", "visits"),
        ({"skills": ["mowing"]}, "text_needed", "skills"),
        ({"skills": "あ" * (MAX_TEXT + 1)}, "text_too_long", "skills"),
    ],
)
def test_r04_a_wrong_answer_is_named(changed: dict[str, object], code: str, key: str) -> None:
    answers, reasons = validate(SURVEY, {**FULL, **changed})
    assert [(reason.code, reason.names) for reason in reasons] == [(code, (key,))]
    assert key not in answers


def test_r04_every_option_is_told_in_two_languages() -> None:
    for question in SURVEY.questions:
        codes = [option.code for option in question.options]
        assert len(codes) == len(set(codes))
        assert question.ja
        assert question.en
        assert all(option.ja and option.en for option in question.options)


SINCE = date(2027, 4, 1)
INTERVAL = timedelta(days=14)


@pytest.mark.parametrize(
    ("days", "sent", "is_due", "next_look"),
    [
        (0, 0, False, SINCE + INTERVAL),
        (13, 0, False, SINCE + INTERVAL),
        (14, 0, True, SINCE + 2 * INTERVAL),
        # A night that ran ten days late: the next reminder still has its full interval.
        (24, 0, True, SINCE + timedelta(days=24) + INTERVAL),
        (13, 1, False, SINCE + INTERVAL),
        (14, 1, True, None),
        (14, 2, False, None),
    ],
)
def test_r04_reminded_at_most_twice_after_the_full_interval(
    days: int, sent: int, is_due: bool, next_look: date | None
) -> None:
    found = remind(SINCE, sent, SINCE + timedelta(days=days), policy())
    assert found == Reminder(is_due=is_due, next_look=next_look)


def test_r04_who_answered_is_never_reminded() -> None:
    found = remind(SINCE, 0, SINCE + INTERVAL, policy(), answered=True)
    assert found == Reminder(is_due=False, next_look=None)
