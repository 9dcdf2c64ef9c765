"""R23: what notices are about, when they may disturb, and what a person may switch off."""

from datetime import date
from enum import StrEnum


class Topic(StrEnum):
    """What a person chooses channels for; a notice in the app is always there."""

    ACTIVITY = "activity"  # places, changes and calls-off of activities
    REGISTRATION = "registration"  # towns, questionnaires, dormancy
    PREMIUM = "premium"  # applications, renewals, the requirement
    FAMILY = "family"  # guardians, children, helpers
    SAFETY = "safety"  # sign-ins and evacuations: never switched off


#: The beginnings of kinds, the longest that fits decides; what is new is about a registration.
_TOPICS = {
    "sign_up": Topic.ACTIVITY,
    "place_offered": Topic.ACTIVITY,
    "offer": Topic.ACTIVITY,
    "session": Topic.ACTIVITY,
    "activity": Topic.ACTIVITY,
    "designation": Topic.ACTIVITY,
    "organisation": Topic.ACTIVITY,
    "decisions": Topic.ACTIVITY,
    "proposal": Topic.ACTIVITY,
    "premium": Topic.PREMIUM,
    "renewal": Topic.PREMIUM,
    "application": Topic.PREMIUM,
    "requirement": Topic.PREMIUM,
    "place_freed": Topic.PREMIUM,
    "over_cap": Topic.PREMIUM,
    "term": Topic.PREMIUM,
    "supports": Topic.PREMIUM,
    "identity": Topic.PREMIUM,
    "guardian": Topic.FAMILY,
    "keeper": Topic.FAMILY,
    "helper": Topic.FAMILY,
    "helping": Topic.FAMILY,
    "child": Topic.FAMILY,
    "ward": Topic.FAMILY,
    "became_adult": Topic.FAMILY,
    "safety": Topic.SAFETY,
    "new_device": Topic.SAFETY,
    "passkey": Topic.SAFETY,
    "card_phone": Topic.SAFETY,
    "account": Topic.SAFETY,
    "export": Topic.SAFETY,
    "desk_export": Topic.SAFETY,
}
#: Topics a person may switch off.
OPTIONAL = tuple(topic for topic in Topic if topic is not Topic.SAFETY)


def topic_of(kind: str) -> Topic:
    """R23: what a kind of notice is about."""
    fitting = [start for start in _TOPICS if kind.startswith(start)]
    return _TOPICS[max(fitting, key=len)] if fitting else Topic.REGISTRATION


def switch_of(topic: Topic, channel: str) -> str:
    """R23: how a switched-off channel of a topic is kept."""
    return f"{topic.value}:{channel}"


def reaches(kind: str, channel: str, off: frozenset[str]) -> bool:
    """R23: whether a notice leaves the app on a channel; safety always does."""
    topic = topic_of(kind)
    return topic is Topic.SAFETY or switch_of(topic, channel) not in off


def disturbs_anyhow(day_of_session: date, today: date) -> bool:
    """R23: a session of today, or of the night's end, that is called off is told at any hour."""
    return 0 <= (day_of_session - today).days <= 1
