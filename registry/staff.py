"""Who works for a local government: the operator appoints the first manager, managers the rest."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, ActorKind, Role
from core.errors import NotFound, refused
from core.ids import new_id
from core.models import Account
from core.signin import email_key, normal_email
from registry import queries
from registry.models import StaffRole


def account_for_duty(db: Session, *, kind: str, email: str, secret: str, now: datetime) -> UUID:
    """The account of a member of staff or an operator, made if there is none yet.

    Needs the gate's transaction: no local government reads or writes accounts. The address is
    proved at the first sign-in, by its code.

    Raises:
        Invalid: It is no address.
    """
    address = normal_email(email)
    key = email_key(secret, address)
    db.execute(
        insert(Account)
        .values(id=new_id(), kind=kind, email=address, email_key=key, created_at=now)
        .on_conflict_do_nothing()
    )
    return db.scalars(
        select(Account.id).where(Account.kind == kind, Account.email_key == key)
    ).one()


def appoint(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    account_id: UUID,
    name: str,
    role: Role,
    now: datetime,
    confirmation_id: UUID | None = None,
) -> StaffRole:
    """Give somebody a role in a local government; one living role each, the newest holds.

    The door has checked that the actor is an operator or a manager there.

    Raises:
        NotFound: There is no such local government.
        Refused: `second_person_needed`: a manager is made by the operator, or by two (C47).
    """
    queries.government(db, lg_code)
    if role is Role.MANAGER and not (confirmation_id or actor.kind is ActorKind.OPERATOR):
        raise refused("second_person_needed", rule="R25")
    _end_roles(db, lg_code, account_id, now)
    db.execute(
        insert(StaffRole)
        .values(
            lg_code=lg_code,
            account_id=account_id,
            role=role.value,
            name=name,
            granted_at=now,
            confirmation_id=confirmation_id,
        )
        .on_conflict_do_update(
            index_elements=["lg_code", "account_id", "role"],
            set_={
                "name": name,
                "granted_at": now,
                "ended_at": None,
                "confirmation_id": confirmation_id,
            },
        )
    )
    audit.record(
        db,
        actor=actor,
        action="staff.appoint",
        subject=("account", account_id),
        lg_code=lg_code,
        now=now,
    )
    return db.scalars(
        select(StaffRole)
        .where(
            StaffRole.lg_code == lg_code,
            StaffRole.account_id == account_id,
            StaffRole.role == role.value,
        )
        .execution_options(populate_existing=True)
    ).one()


def dismiss(db: Session, *, actor: Actor, lg_code: str, account_id: UUID, now: datetime) -> None:
    """End somebody's roles here; it holds from their next request.

    Raises:
        Refused: `last_manager`, nobody would be left who may appoint.
        NotFound: They have no role here.
    """
    living = [row for row in staff_of(db, lg_code) if row.ended_at is None]
    if not any(row.account_id == account_id for row in living):
        raise NotFound(code="not_found")
    managers = {row.account_id for row in living if row.role == Role.MANAGER.value}
    if managers == {account_id}:
        raise refused("last_manager", rule="R25", action="appoint_first")
    _end_roles(db, lg_code, account_id, now)
    audit.record(
        db,
        actor=actor,
        action="staff.dismiss",
        subject=("account", account_id),
        lg_code=lg_code,
        now=now,
    )


def staff_of(db: Session, lg_code: str) -> list[StaffRole]:
    """Everybody with a role here, past ones too."""
    return list(
        db.scalars(
            select(StaffRole).where(StaffRole.lg_code == lg_code).order_by(StaffRole.granted_at)
        )
    )


def _end_roles(db: Session, lg_code: str, account_id: UUID, now: datetime) -> None:
    db.execute(
        update(StaffRole)
        .where(
            StaffRole.lg_code == lg_code,
            StaffRole.account_id == account_id,
            StaffRole.ended_at.is_(None),
        )
        .values(ended_at=now)
    )
