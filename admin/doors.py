"""All routers of the desk, by who may enter; each route's own dependency enforces it."""

from admin.pages import activities, approvals, reception, signin, today

PUBLIC = (signin.router,)
STAFF = (today.router, approvals.router, activities.router, reception.router)
