"""Doors for appointing staff."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from core.access import Actor, ActorKind, Role
from core.db import Context
from core.web import Answer, Items, answer_once, platform_of, require_key
from registry import confirming
from registry.api_confirming import WAITS, ConfirmationOut
from registry.doors import GATE, LgCode, ManagerActor, as_body, as_operator, book_of
from registry.fresh_doors import FreshManager, FreshOperator
from registry.models import StaffRole
from registry.people import refuse_individual_number
from registry.staff import account_for_duty, appoint, dismiss, staff_of

router = APIRouter(tags=["staff"])
operator_router = APIRouter(tags=["operator"])


class StaffIn(BaseModel):
    """Somebody to appoint."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"email": "tanto@city.example.jp", "name": "地域振興課 担当", "role": "approver"}
            ]
        },
    )

    email: str = Field(max_length=254, description="Address at which they get their sign-in codes")
    name: str = Field(min_length=1, max_length=60)
    role: Role


class StaffOut(BaseModel):
    """Somebody with a role in a local government."""

    account_id: UUID
    name: str
    role: Role
    granted_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, row: StaffRole) -> "StaffOut":
        """From the table."""
        return cls(
            account_id=row.account_id,
            name=row.name,
            role=Role(row.role),
            granted_at=row.granted_at,
            ended_at=row.ended_at,
        )


def _appoint(
    request: Request, actor: Actor, context: Context, lg_code: str, given: StaffIn
) -> Response:
    platform = platform_of(request)
    now = platform.clock.now()
    require_key(request)
    refuse_individual_number(given.name, field="name")
    with platform.database.transaction(GATE) as gate:
        account_id = account_for_duty(
            gate, kind="staff", email=given.email, secret=platform.secret, now=now
        )
    whom: dict[str, Any] = {
        "lg_code": lg_code,
        "account_id": account_id,
        "name": given.name,
        "now": now,
    }

    def work(db: Session) -> Answer:
        if given.role is Role.MANAGER and actor.kind is not ActorKind.OPERATOR:
            row = confirming.ask_manager(db, actor=actor, book=book_of(request), **whom)
            return ConfirmationOut.waits(row)
        return Answer.of(StaffOut.of(appoint(db, actor=actor, role=given.role, **whom)), 201)

    return answer_once(request, context, actor=actor, work=work)


@operator_router.post(
    "/operator/local-governments/{lg_code}/staff",
    summary="Appoint a local government's first manager",
    response_model=StaffOut,
    status_code=201,
)
def appoint_as_operator(
    request: Request, lg_code: LgCode, given: StaffIn, actor: FreshOperator
) -> Response:
    """R01: onboarding. The person signs in by a code sent to this address."""
    return _appoint(request, actor, as_operator(actor), lg_code, given)


@router.get(
    "/local-governments/{lg_code}/staff",
    summary="Who works for this local government",
)
def list_staff(request: Request, lg_code: LgCode, actor: ManagerActor) -> Items[StaffOut]:
    """Names and roles, past ones too; for managers."""
    with platform_of(request).database.transaction(as_body(actor, lg_code)) as db:
        return Items[StaffOut](items=[StaffOut.of(row) for row in staff_of(db, lg_code)])


@router.post(
    "/local-governments/{lg_code}/staff",
    summary="Appoint a member of staff",
    response_model=StaffOut,
    status_code=201,
    responses=WAITS,
)
def appoint_as_manager(
    request: Request, lg_code: LgCode, given: StaffIn, actor: FreshManager
) -> Response:
    """A manager gives somebody a role; an earlier role here ends.

    Another manager waits for a second manager's word.
    """
    return _appoint(request, actor, as_body(actor, lg_code), lg_code, given)


@router.delete(
    "/local-governments/{lg_code}/staff/{account_id}",
    summary="End somebody's roles here",
    status_code=204,
    response_class=Response,
)
def dismiss_staff(
    request: Request, lg_code: LgCode, account_id: UUID, actor: FreshManager
) -> Response:
    """It holds from their next request; the last manager cannot go."""
    platform = platform_of(request)
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        dismiss(db, actor=actor, lg_code=lg_code, account_id=account_id, now=platform.clock.now())
    return Response(status_code=204)
