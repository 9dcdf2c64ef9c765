"""R04: the first questionnaire, versioned as data, and what a valid set of answers is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from registry.rules.plain import Plain
from registry.rules.policy import Policy
from registry.rules.reasons import Reason

Answer = str | int | tuple[str, ...]
MAX_TEXT = 500


class QuestionKind(StrEnum):
    ONE = "one"
    SEVERAL = "several"
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Option(Plain):
    """One answer to choose, by code, with its Japanese and English words."""

    code: str
    ja: str
    en: str


@dataclass(frozen=True, slots=True)
class Question(Plain):
    """`most` is the number of options one may choose, or the largest number one may write."""

    key: str
    kind: QuestionKind
    ja: str
    en: str
    options: tuple[Option, ...] = ()
    most: int = 1
    required: bool = False


@dataclass(frozen=True, slots=True)
class Survey(Plain):
    """One version. When `shortcut_question` is answered `shortcut_answer`, `skipped` is not asked."""

    version: int
    since: date
    source: str
    shortcut_question: str
    shortcut_answer: str
    skipped: tuple[str, ...]
    questions: tuple[Question, ...]

    def __post_init__(self) -> None:
        keys = [question.key for question in self.questions]
        named = {self.shortcut_question, *self.skipped}
        if len(keys) != len(set(keys)) or not named <= set(keys):
            raise ValueError(f"Questionnaire {self.version}: names are doubled or unknown.")


def version_of(surveys: Iterable[Survey], version: int) -> Survey:
    """R04: the questionnaire named by survey.base.version. Raises KeyError if there is none."""
    for survey in surveys:
        if survey.version == version:
            return survey
    raise KeyError(f"There is no version {version} of the first questionnaire.")


def asked(survey: Survey, answers: Mapping[str, object]) -> tuple[Question, ...]:
    """R04: the questions still asked, given the answers so far; residents are asked fewer."""
    if answers.get(survey.shortcut_question) != survey.shortcut_answer:
        return survey.questions
    return tuple(question for question in survey.questions if question.key not in survey.skipped)


def validate(
    survey: Survey, answers: Mapping[str, object]
) -> tuple[dict[str, Answer], tuple[Reason, ...]]:
    """R04: the answers in normal form, and what is wrong with them. Only required ones must be there.

    An empty answer is no answer. Answers to skipped questions are left out in silence: a person
    who goes back and changes the first answer is not to blame. Unknown questions are refused.
    """
    known = {question.key for question in survey.questions}
    reasons = [_reason("unknown_question", key) for key in sorted(answers) if key not in known]
    normal: dict[str, Answer] = {}
    for question in asked(survey, answers):
        value = answers.get(question.key)
        if value is None or value in ("", [], ()):
            if question.required:
                reasons.append(_reason("answer_needed", question.key))
            continue
        answer = _NORMAL[question.kind](question, value)
        if isinstance(answer, Reason):
            reasons.append(answer)
        else:
            normal[question.key] = answer
    return normal, tuple(reasons)


@dataclass(frozen=True, slots=True)
class Reminder(Plain):
    """Whether to remind today, and the next day to look; None when nobody will be reminded again."""

    is_due: bool
    next_look: date | None


def remind(
    since: date, sent: int, today: date, policy: Policy, *, answered: bool = False
) -> Reminder:
    """R04: who has not answered is reminded, at most twice, each time after the full interval.

    `since` is the day of registering or of the last reminder, whichever came later. A body may
    ask for fewer reminders.
    """
    most = policy.integer("survey.reminders")
    if answered or sent >= most:
        return Reminder(is_due=False, next_look=None)
    interval = timedelta(days=policy.integer("survey.reminder_days"))
    if today < since + interval:
        return Reminder(is_due=False, next_look=since + interval)
    return Reminder(is_due=True, next_look=today + interval if sent + 1 < most else None)


def _reason(code: str, key: str, found: int | str | None = None, needed: int = 0) -> Reason:
    return Reason(
        rule="R04", code=code, found=found, needed=needed or None, names=(key,), action="answer"
    )


def _one(question: Question, value: object) -> Answer | Reason:
    if isinstance(value, str) and value in {option.code for option in question.options}:
        return value
    return _reason("unknown_answer", question.key, str(value))


def _several(question: Question, value: object) -> Answer | Reason:
    if not isinstance(value, list | tuple):
        return _reason("unknown_answer", question.key, str(value))
    for item in value:
        if isinstance(_one(question, item), Reason):
            return _reason("unknown_answer", question.key, str(item))
    # In the order of the questionnaire, each once.
    chosen = tuple(option.code for option in question.options if option.code in value)
    if len(chosen) > question.most:
        return _reason("too_many_answers", question.key, len(chosen), question.most)
    return chosen


def _number(question: Question, value: object) -> Answer | Reason:
    written = value.strip() if isinstance(value, str) else value
    if isinstance(written, str) and written.isdecimal():
        written = int(written)
    if isinstance(written, bool) or not isinstance(written, int):
        return _reason("number_needed", question.key, str(value))
    if not 0 <= written <= question.most:
        return _reason("number_out_of_range", question.key, written, question.most)
    return written


def _text(question: Question, value: object) -> Answer | Reason:
    if not isinstance(value, str):
        return _reason("text_needed", question.key, str(value))
    written = value.strip()
    if len(written) > MAX_TEXT:
        return _reason("text_too_long", question.key, len(written), MAX_TEXT)
    return written


_NORMAL = {
    QuestionKind.ONE: _one,
    QuestionKind.SEVERAL: _several,
    QuestionKind.NUMBER: _number,
    QuestionKind.TEXT: _text,
}
