"""Tables of hosts, activities and presence; each carries its local government's code in its keys.

What the public may see (designated activities and their sessions) is marked `published`,
so that registrants' pages reach it by one equality.
"""

from activities.models.activities import Activity, ActivitySession, DesignationEvent, SignUp
from activities.models.calendars import CalendarRow
from activities.models.hosts import (
    Organisation,
    OrganisationInvitation,
    OrganisationMember,
    OrganisationTrust,
)
from activities.models.presence import (
    CheckIn,
    DeviceTicket,
    Participation,
    ParticipationChange,
    ScanAttempt,
    ScannerDevice,
    StayDay,
    StayPlace,
)

__all__ = [
    "Activity",
    "ActivitySession",
    "CalendarRow",
    "CheckIn",
    "DesignationEvent",
    "DeviceTicket",
    "Organisation",
    "OrganisationInvitation",
    "OrganisationMember",
    "OrganisationTrust",
    "Participation",
    "ParticipationChange",
    "ScanAttempt",
    "ScannerDevice",
    "SignUp",
    "StayDay",
    "StayPlace",
]
