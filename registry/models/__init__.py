"""Tables of the registry. Every table held by a local government carries its code in its keys."""

from registry.models.bodies import (
    BodyStep,
    BodyValue,
    LocalGovernment,
    RequirementDraft,
    RequirementVersion,
    StaffRole,
)
from registry.models.confirming import Confirmation
from registry.models.desk_exports import DeskExport
from registry.models.duplicates import DuplicatePair
from registry.models.imports import MemberImport, MemberImportRow
from registry.models.news import TownNews
from registry.models.notifying import NotificationSetting, PushSubscription
from registry.models.people import Guardianship, IdentityAttempt, IdentityLink, Person
from registry.models.planning import UNPLANNED, PlanNumbers
from registry.models.premium import Application, Judgement, PolicySnapshot, PremiumSlot, Term
from registry.models.questions import Question
from registry.models.registrations import (
    Card,
    Certificate,
    DormancyNotice,
    PendingLink,
    Registration,
    RegistrationEvent,
    SurveyAnswer,
)
from registry.models.staff_provider import StaffProvider, StaffVisit

__all__ = [
    "UNPLANNED",
    "Application",
    "BodyStep",
    "BodyValue",
    "Card",
    "Certificate",
    "Confirmation",
    "DeskExport",
    "DormancyNotice",
    "DuplicatePair",
    "Guardianship",
    "IdentityAttempt",
    "IdentityLink",
    "Judgement",
    "LocalGovernment",
    "MemberImport",
    "MemberImportRow",
    "NotificationSetting",
    "PendingLink",
    "Person",
    "PlanNumbers",
    "PolicySnapshot",
    "PremiumSlot",
    "PushSubscription",
    "Question",
    "Registration",
    "RegistrationEvent",
    "RequirementDraft",
    "RequirementVersion",
    "StaffProvider",
    "StaffRole",
    "StaffVisit",
    "SurveyAnswer",
    "Term",
    "TownNews",
]
