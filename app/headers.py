"""Headers that every answer carries, whatever made it: pages bring their own, stricter ones."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_YEAR: Final = 365 * 24 * 60 * 60
_EVERYWHERE: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
#: What is no page loads nothing and is framed nowhere. Static files are left out: the policy of
#: a worker's script would bind the worker.
_NO_PAGE: Final = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)


class SafeHeaders:
    """Adds what an answer did not say itself (trust d-11). Pure ASGI: it costs next to nothing."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        transport = b"max-age=%d; includeSubDomains" % _YEAR
        hsts = ((b"strict-transport-security", transport),) if https else ()
        self._static = _EVERYWHERE + hsts
        self._all = self._static + _NO_PAGE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on; complete the head of its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = self._static if scope["path"].startswith("/static/") else self._all

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                names = {name.lower() for name, _ in given}
                message["headers"] = given + [pair for pair in wanted if pair[0] not in names]
            await send(message)

        await self._app(scope, receive, complete)
