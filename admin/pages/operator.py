"""運営: bodies and their way in, jobs and heartbeats, keys. No person is reachable from here."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy.orm import Session

from admin import operating
from admin.desk import TOLD_IN_PLACE, Done, Problems, problems_of, status_of
from admin.forms import Form, FormDep
from admin.numbers import label_of, shown_value
from admin.operating import SHOWN, Control, ControlDep
from admin.pages.own import passkey_offered
from core import incidents, queues
from core.access import Role
from core.clock import JAPAN, japan_day
from registry import governments, joining, queries, staff, staff_sso
from registry.doors import GATE
from registry.models import StaffProvider
from registry.people import refuse_individual_number
from registry.rules.joining import STEPS, PlannedStep, reachable

router = APIRouter(include_in_schema=False)
#: What has to be said of a body's own provider.
PROVIDER: Final = ("issuer", "auth_url", "token_url", "certs_url", "client_id")
#: The end that a form proposes.
LATER: Final = timedelta(hours=2)
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
            machinery=operating.machinery(db, now=control.now),
            queues=queues.lengths(control.platform.settings),
            bodies=operating.body_counts(db),
        )


@router.get("/operator/bodies")
def list_bodies(
    control: ControlDep, text: Search = "", standing: Choice = "", after: After = None
) -> Response:
    """R01: all 1,788, by name, reading or state."""
    states = [standing] if standing in STEPS else []
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
            steps=reachable(
                body.state,
                [PlannedStep(one.after, one.on_day) for one in joining.planned(db, code)],
            ),
            history=joining.steps_of(db, code),
            provider=db.get(StaffProvider, code),
            callback=f"{control.platform.settings.public_url}{staff_sso.CALLBACK}{code}",
            accepts=queries.accepts(body, control.book, japan_day(control.now)),
            managers=operating.managers(db, code),
        )


@router.get("/operator/bodies/{code}")
def one_body(control: ControlDep, code: Code, done: Done = "") -> Response:
    """R01: the steps that may follow, and nothing else."""
    return show_body(control, code, done=done)


@router.post("/operator/bodies/{code}/state")
def set_state(control: ControlDep, code: Code, form: FormDep) -> Response:
    """R01: a step of joining, pausing or leaving, now or from a day to come."""
    control.prove_fresh()

    def work(db: Session) -> str:
        step: dict[str, Any] = {
            "actor": control.actor,
            "lg_code": code,
            "state": form.needed("state", most=12),
            "reason": form.one("reason", most=400),
            "now": control.now,
        }
        since = form.day("since") if form.one("since") else japan_day(control.now)
        if since == japan_day(control.now):
            joining.set_state(db, **step)
            return f"/operator/bodies/{code}?done=body_state"
        joining.plan(db, on_day=since, **step)
        return f"/operator/bodies/{code}?done=body_planned"

    return control.act(
        form,
        work,
        lambda errors, status: show_body(control, code, errors=errors, status=status),
    )


@router.post("/operator/bodies/{code}/steps/{step_id}/cancel")
def cancel_step(control: ControlDep, code: Code, step_id: UUID, form: FormDep) -> Response:
    """R01: what is planned will not happen."""
    control.prove_fresh()

    def work(db: Session) -> str:
        joining.cancel(db, actor=control.actor, lg_code=code, step_id=step_id, now=control.now)
        return f"/operator/bodies/{code}?done=body_cancelled"

    return control.act(
        form,
        work,
        lambda errors, status: show_body(control, code, errors=errors, status=status),
    )


@router.post("/operator/bodies/{code}/provider")
def set_provider(control: ControlDep, code: Code, form: FormDep) -> Response:
    """d-11: where staff of this body may sign in with its own accounts."""
    control.prove_fresh()

    def work(db: Session) -> str:
        wanted = staff_sso.Wanted(
            **{name: form.needed(name, most=300) for name in PROVIDER},
            client_secret=form.one("client_secret", most=500),
            algorithm=form.needed("algorithm", most=5),
            verified_acr=form.one("verified_acr", most=200),
        )
        staff_sso.set_provider(
            db,
            actor=control.actor,
            lg_code=code,
            wanted=wanted,
            settings=control.platform.settings,
            now=control.now,
        )
        return f"/operator/bodies/{code}?done=provider_set"

    return control.act(
        form,
        work,
        lambda errors, status: show_body(control, code, errors=errors, status=status),
    )


@router.post("/operator/bodies/{code}/provider/end")
def end_provider(control: ControlDep, code: Code, form: FormDep) -> Response:
    """Codes and passkeys go on."""
    control.prove_fresh()

    def work(db: Session) -> str:
        staff_sso.end_provider(db, actor=control.actor, lg_code=code, now=control.now)
        return f"/operator/bodies/{code}?done=provider_ended"

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


@router.get("/operator/numbers")
def list_numbers(control: ControlDep) -> Response:
    """Every national number with its day and its source; drafts and late reviews are marked."""
    today = japan_day(control.now)
    rows = [(one, one.values.on(today)) for one in control.book.parameters.values()]
    return control.render(
        "operator_numbers.html",
        here="numbers",
        rows=rows,
        label=lambda one: label_of(control, one),
        shown=lambda one, value: shown_value(control, value, one.unit),
        drafts=sum(not step.source.confirmed for _, step in rows),
    )


def show_incident(
    control: Control, *, errors: Problems = (), status: int = 200, done: str = ""
) -> Response:
    """What every page tells now, and a form for something else."""
    with control.platform.database.transaction(control.context) as db:
        return control.render(
            "operator_incident.html",
            here="incident",
            status=status,
            errors=errors,
            done=done,
            told=incidents.current(db, now=control.now),
            later=(control.now + LATER).astimezone(JAPAN),
        )


@router.get("/operator/incident")
def one_incident(control: ControlDep, done: Done = "") -> Response:
    """Is anything told to everybody, and until when."""
    return show_incident(control, done=done)


@router.post("/operator/incident")
def tell_incident(control: ControlDep, form: FormDep) -> Response:
    """A short sentence on every page until its end."""
    control.prove_fresh()

    def work(db: Session) -> str:
        incidents.tell(
            db,
            actor=control.actor,
            text_ja=form.needed("text_ja", most=200),
            text_en=form.needed("text_en", most=300),
            ends_at=form.moment(form.day("day"), "time"),
            now=control.now,
        )
        return "/operator/incident?done=incident_told"

    return _and_look(control, form, work)


@router.post("/operator/incident/end")
def end_incident(control: ControlDep, form: FormDep) -> Response:
    """It is over."""
    control.prove_fresh()

    def work(db: Session) -> str:
        incidents.end(db, actor=control.actor, now=control.now)
        return "/operator/incident?done=incident_over"

    return _and_look(control, form, work)


def _and_look(control: Control, form: Form, work: Callable[[Session], str]) -> Response:
    """Do it, and let this process know at once; the others look within seconds."""
    answer = control.act(
        form, work, lambda errors, status: show_incident(control, errors=errors, status=status)
    )
    board: incidents.Board = control.request.app.state.incidents
    board.look(control.platform.database)
    return answer
