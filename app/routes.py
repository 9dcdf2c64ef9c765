"""One table: what is served where, and for whom. Access is read at a glance here.

Each row names its audience; `tests/test_architecture.py` walks every route against it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Match, compile_path
from starlette.types import Scope

from activities import (
    api_activities,
    api_checkin,
    api_designation,
    api_devices,
    api_enrolment,
    api_hosts,
    api_organisations,
    api_packs,
    api_plan,
    api_sites,
    api_trail,
    api_uploads,
)
from admin import doors as desk
from app import wellknown
from mobile import api_cards, api_certificates, api_exports, api_kin, api_phones
from mobile.pages import (
    cards,
    certificates,
    counter,
    data,
    devices,
    family,
    home,
    host_devices,
    hosted,
    hosting,
    info,
    list_invitations,
    looks,
    me,
    notices,
    notifying,
    offline,
    outings,
    phones,
    planning,
    premium,
    proposals,
    questionnaire,
    questions,
    reception,
    scanning,
    settings,
    signin,
    sites,
    towns,
    venue,
    verify,
    wards,
    welcome,
)
from registry import (
    api_applications,
    api_closing,
    api_confirming,
    api_governments,
    api_guardians,
    api_identity,
    api_me,
    api_members,
    api_news,
    api_notifying,
    api_passkeys,
    api_premium,
    api_pushing,
    api_registrations,
    api_renewals,
    api_settings,
    api_signin,
    api_staff,
)
from reporting import api as open_data
from reporting import api_desk as own_figures


class Door(StrEnum):
    """Who may enter; each route's own dependency enforces it."""

    PUBLIC = "public"
    PERSON = "person"
    HOST = "host"
    STAFF = "staff"
    DEVICE = "device"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Row:
    """One router and whom it is for."""

    router: APIRouter
    prefix: str
    door: Door


API = "/api/v1"

TABLE: tuple[Row, ...] = (
    Row(api_signin.public_router, API, Door.PUBLIC),
    Row(api_signin.own_router, API, Door.PERSON),
    Row(api_passkeys.public_router, API, Door.PUBLIC),
    Row(api_passkeys.own_router, API, Door.PERSON),
    Row(api_me.router, API, Door.PERSON),
    Row(api_registrations.public_router, API, Door.PUBLIC),
    Row(api_registrations.router, API, Door.PERSON),
    Row(api_governments.public_router, API, Door.PUBLIC),
    Row(api_news.public_router, API, Door.PUBLIC),
    Row(api_news.staff_router, API, Door.STAFF),
    Row(api_governments.operator_router, API, Door.OPERATOR),
    Row(api_settings.router, API, Door.STAFF),
    Row(api_confirming.router, API, Door.STAFF),
    Row(api_members.router, API, Door.STAFF),
    Row(api_closing.router, API, Door.STAFF),
    Row(api_premium.person_router, API, Door.PERSON),
    Row(api_applications.staff_router, API, Door.STAFF),
    Row(api_renewals.router, API, Door.STAFF),
    Row(api_identity.person_router, API, Door.PERSON),
    Row(api_identity.callback_router, "", Door.PERSON),
    Row(api_guardians.person_router, API, Door.PERSON),
    Row(api_guardians.public_router, API, Door.PUBLIC),
    Row(api_guardians.staff_router, API, Door.STAFF),
    Row(api_staff.router, API, Door.STAFF),
    Row(api_staff.operator_router, API, Door.OPERATOR),
    Row(api_checkin.person_router, API, Door.PERSON),
    Row(api_checkin.device_router, API, Door.DEVICE),
    Row(api_uploads.router, API, Door.DEVICE),
    Row(api_checkin.host_router, API, Door.HOST),
    Row(api_checkin.staff_router, API, Door.STAFF),
    Row(api_devices.person_router, API, Door.PERSON),
    Row(api_devices.device_router, API, Door.DEVICE),
    Row(api_devices.host_router, API, Door.HOST),
    Row(api_devices.staff_router, API, Door.STAFF),
    Row(api_packs.router, API, Door.DEVICE),
    Row(api_enrolment.host_router, API, Door.HOST),
    Row(api_enrolment.public_router, API, Door.PUBLIC),
    Row(api_activities.public_router, API, Door.PUBLIC),
    Row(api_activities.own_router, API, Door.PERSON),
    Row(api_hosts.router, API, Door.HOST),
    Row(api_hosts.device_router, API, Door.DEVICE),
    Row(api_sites.router, API, Door.HOST),
    Row(api_organisations.router, API, Door.STAFF),
    Row(api_designation.router, API, Door.STAFF),
    Row(api_trail.staff_router, API, Door.STAFF),
    Row(api_trail.own_router, API, Door.PERSON),
    Row(api_plan.router, API, Door.PERSON),
    Row(open_data.router, API, Door.PUBLIC),
    Row(own_figures.router, API, Door.STAFF),
    Row(wellknown.router, "", Door.PUBLIC),
    Row(api_cards.router, API, Door.PERSON),
    Row(api_kin.router, API, Door.PERSON),
    Row(api_phones.router, API, Door.PERSON),
    Row(api_certificates.public_router, API, Door.PUBLIC),
    Row(api_certificates.router, API, Door.PERSON),
    Row(api_exports.public_router, API, Door.PUBLIC),
    Row(api_exports.router, API, Door.PERSON),
    Row(home.router, "", Door.PUBLIC),
    Row(signin.router, "", Door.PUBLIC),
    Row(welcome.router, "", Door.PERSON),
    Row(scanning.router, "", Door.PUBLIC),
    Row(reception.public_router, "", Door.PUBLIC),
    Row(reception.router, "", Door.PERSON),
    Row(towns.public_router, "", Door.PUBLIC),
    Row(towns.router, "", Door.PERSON),
    Row(questionnaire.router, "", Door.PERSON),
    Row(questions.router, "", Door.PERSON),
    Row(outings.public_router, "", Door.PUBLIC),
    Row(outings.router, "", Door.PERSON),
    Row(cards.router, "", Door.PERSON),
    Row(phones.router, "", Door.PERSON),
    Row(certificates.router, "", Door.PERSON),
    Row(offline.router, "", Door.PUBLIC),
    Row(notices.router, "", Door.PERSON),
    Row(notifying.router, "", Door.PERSON),
    Row(api_notifying.router, API, Door.PERSON),
    Row(api_pushing.router, API, Door.PERSON),
    Row(planning.router, "", Door.PERSON),
    Row(premium.router, "", Door.PERSON),
    Row(me.router, "", Door.PERSON),
    Row(devices.router, "", Door.PERSON),
    Row(data.public_router, "", Door.PUBLIC),
    Row(data.router, "", Door.PERSON),
    Row(looks.router, "", Door.PERSON),
    Row(family.public_router, "", Door.PUBLIC),
    Row(family.router, "", Door.PERSON),
    Row(list_invitations.public_router, "", Door.PUBLIC),
    Row(list_invitations.router, "", Door.PERSON),
    Row(wards.router, "", Door.PERSON),
    Row(hosting.router, "", Door.PERSON),
    Row(hosted.router, "", Door.HOST),
    Row(proposals.router, "", Door.HOST),
    Row(sites.router, "", Door.HOST),
    Row(host_devices.router, "", Door.HOST),
    Row(host_devices.public_router, "", Door.PUBLIC),
    Row(host_devices.device_router, "", Door.DEVICE),
    Row(counter.host_router, "", Door.HOST),
    Row(counter.device_router, "", Door.DEVICE),
    Row(venue.host_router, "", Door.HOST),
    Row(venue.device_router, "", Door.DEVICE),
    Row(verify.router, "", Door.PUBLIC),
    Row(info.router, "", Door.PUBLIC),
    Row(settings.router, "", Door.PUBLIC),
    *(Row(router, "", Door.PUBLIC) for router in desk.PUBLIC),
    *(Row(router, "", Door.STAFF) for router in desk.STAFF),
    *(Row(router, "", Door.OPERATOR) for router in desk.OPERATOR),
)


class Room(APIRouter):
    """The doors of one row, tried one by one only when a path is one of theirs.

    Five hundred doors tried in turn cost a request more than its work does.
    """

    def __init__(self, row: Row) -> None:
        super().__init__()
        paths = [compile_path(row.prefix + route.path)[0].pattern for route in doors_of(row)]
        self._known = re.compile("|".join(re.sub(r"\?P<\w+>", "?:", path) for path in paths))
        self.include_router(row.router, prefix=row.prefix)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether one of these doors is meant."""
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        return super().matches(scope) if self._known.match(path) else (Match.NONE, {})


def doors_of(row: Row) -> list[APIRoute]:
    """What a row's router declares: doors and nothing else."""
    return [route for route in row.router.routes if isinstance(route, APIRoute)]


def include_all(app: FastAPI) -> None:
    """Serve every row, with its audience written into the API's description."""
    for row in TABLE:
        for route in doors_of(row):
            route.openapi_extra = (route.openapi_extra or {}) | {"x-audience": row.door.value}
        app.include_router(Room(row))
