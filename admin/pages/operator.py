"""運営: bodies and their way in, jobs and heartbeats, keys. No person is reachable from here."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy.orm import Session

from admin import operating
from admin.desk import TOLD_IN_PLACE, Done, Problems, problems_of, status_of
from admin.forms import FormDep
from admin.operating import SHOWN, Control, ControlDep
from admin.pages.own import passkey_offered
from core.access import Role
from registry import governments, queries, staff
from registry.doors import GATE
from registry.people import refuse_individual_number

router = APIRouter(include_in_schema=False)
Code = Annotated[str, Path(pattern=r"^\d{6}$")]
Search = Annotated[str, Query(alias="q", max_length=40)]
Choice = Annotated[str, Query(max_length=12)]
After = Annotated[str | None, Query(max_length=8)]


@router.get("/operator")
def state(control: ControlDep) -> Response:
    """Is everything running: processes, nights, notices."""
    offered = passkey_offered(control.request)
    with control.platform.database.transaction(control.context) as db:
        return control.render(
            "operator_state.html",
            here="state",
            passkey_offered=offered,
            machinery=operating.machinery(db),
            bodies=operating.body_counts(db),
        )


@router.get("/operator/bodies")
def list_bodies(
    control: ControlDep, text: Search = "", standing: Choice = "", after: After = None
) -> Response:
    """R01: all 1,788, by name, reading or state."""
    states = [standing] if standing in governments.STEPS else []
    with control.platform.database.transaction(control.context) as db:
        rows = governments.find(db, text=text, states=states, after=after, limit=SHOWN + 1)
        return control.render(
            "operator_bodies.html",
            here="bodies",
            rows=rows[:SHOWN],
            last=rows[SHOWN - 1].code if len(rows) > SHOWN else None,
            first=after is None,
            text=text,
            standing=standing,
            counts_by_state=operating.body_counts(db),
        )


def show_body(
    control: Control, code: str, *, errors: Problems = (), status: int = 200, done: str = ""
) -> Response:
    """One body: where it stands and where it may go."""
    with control.platform.database.transaction(control.context) as db:
        body = queries.government(db, code)
        return control.render(
            "operator_body.html",
            here="bodies",
            status=status,
            errors=errors,
            done=done,
            body=body,
            steps=sorted(governments.STEPS[body.state], key=list(governments.STEPS).index),
            managers=operating.managers(db, code),
        )


@router.get("/operator/bodies/{code}")
def one_body(control: ControlDep, code: Code, done: Done = "") -> Response:
    """R01: the steps that may follow, and nothing else."""
    return show_body(control, code, done=done)


@router.post("/operator/bodies/{code}/state")
def set_state(control: ControlDep, code: Code, form: FormDep) -> Response:
    """R01: a step of joining, pausing or leaving."""
    control.prove_fresh()

    def work(db: Session) -> str:
        governments.set_state(
            db,
            actor=control.actor,
            lg_code=code,
            state=form.needed("state", most=12),
            now=control.now,
        )
        return f"/operator/bodies/{code}?done=body_state"

    return control.act(
        form,
        work,
        lambda errors, status: show_body(control, code, errors=errors, status=status),
    )


@router.post("/operator/bodies/{code}/managers")
def appoint_manager(control: ControlDep, code: Code, form: FormDep) -> Response:
    """The first manager of a body; the rest is theirs."""
    control.prove_fresh()
    platform = control.platform
    try:
        name = form.needed("name", most=60)
        refuse_individual_number(name, field="name")
        with platform.database.transaction(GATE) as db:
            account_id = staff.account_for_duty(
                db,
                kind="staff",
                email=form.needed("email", most=254),
                secret=platform.secret,
                now=control.now,
            )
    except TOLD_IN_PLACE as error:
        problems = problems_of(control.request, error)
        return show_body(control, code, errors=problems, status=status_of(error))

    def work(db: Session) -> str:
        queries.government(db, code)
        staff.appoint(
            db,
            actor=control.actor,
            lg_code=code,
            account_id=account_id,
            name=name,
            role=Role.MANAGER,
            now=control.now,
        )
        return f"/operator/bodies/{code}?done=staff_added"

    return control.act(
        form,
        work,
        lambda errors, status: show_body(control, code, errors=errors, status=status),
    )


@router.get("/operator/keys")
def list_keys(control: ControlDep, after: After = None) -> Response:
    """R22: which keys sign, until when; private halves are never shown."""
    with control.platform.database.transaction(control.context) as db:
        rows = operating.keys(db, after=after)
        return control.render(
            "operator_keys.html",
            here="keys",
            rows=rows[:SHOWN],
            last=rows[SHOWN - 1].kid if len(rows) > SHOWN else None,
            first=after is None,
        )
