"""What a phone needs to go on without network: the true time, and whose phone it is."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from core.web import PlatformDep

router = APIRouter(include_in_schema=False)


@router.get("/phone")
def state(platform: PlatformDep) -> Response:
    """The true time in milliseconds, by which a phone measures the error of its clock (C26)."""
    told: dict[str, Any] = {"now": round(platform.clock.now().timestamp() * 1000)}
    return JSONResponse(told)
