"""The application of the stand-in."""

from fastapi import FastAPI, Request, Response

from standins.openid.checks import ProtocolError
from standins.openid.config import Config
from standins.openid.control import control_router
from standins.openid.pages import error_page
from standins.openid.protocol import protocol_router
from standins.openid.state import fresh_state


def create_app(config: Config) -> FastAPI:
    """A stand-in with fresh keys, the default test cards and nothing preset."""
    app = FastAPI(title="OpenID provider stand-in", docs_url=None, redoc_url=None)
    state = fresh_state(config)
    app.state.standin = state
    app.include_router(protocol_router(state))
    app.include_router(control_router(state))

    @app.exception_handler(ProtocolError)
    async def bad_form(_request: Request, error: Exception) -> Response:
        return error_page(str(error))

    return app
