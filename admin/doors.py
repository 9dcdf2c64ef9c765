"""All routers of the desk, by who may enter; each route's own dependency enforces it."""

from admin.pages import (
    activities,
    approvals,
    audit,
    calendars,
    copying,
    exports,
    figures,
    imports,
    judgements,
    members,
    news,
    operator,
    organisations,
    own,
    paper,
    preview,
    reception,
    requirement,
    settings,
    signin,
    today,
)

PUBLIC = (signin.router, figures.public_router)
STAFF = (
    own.staff_router,
    today.router,
    preview.router,
    approvals.router,
    copying.router,
    activities.router,
    paper.router,
    reception.router,
    organisations.router,
    members.router,
    news.router,
    imports.router,
    exports.router,
    calendars.router,
    judgements.router,
    figures.router,
    requirement.router,
    settings.router,
    audit.router,
)
OPERATOR = (
    own.operator_router,
    operator.router,
    figures.operator_router,
    audit.operator_router,
)
