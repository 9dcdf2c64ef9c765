"""Compiling to machine code, in one place and with types.

numba keeps compiled functions beside their module and looks at that module's age alone; a function
compiled into another one of another module would go on as it was before an edit. So the folder is
named after the content of all modules of the room.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from numba.core import types

_settings = cast("Any", numba.config)
if not _settings.CACHE_DIR:
    _here = Path(__file__).parent
    _digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(_here.glob("*.py"))))
    _settings.CACHE_DIR = str(_here / "__pycache__" / f"numba-{_digest.hexdigest()[:12]}")

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """The function as machine code, compiled once and kept beside its module."""
    return _made(function, {})


def inner(function: Function) -> Function:
    """As `compiled`, for functions that only compiled ones call: it takes half the time."""
    return _made(function, {"no_cpython_wrapper": True, "no_cfunc_wrapper": True})


def _made(function: Function, options: dict[str, Any]) -> Function:
    """Compiled without versions for constants.

    A constant in a call would otherwise make a second version of the function called, and of
    whatever that calls: compilation took twice as long.
    """
    dispatcher: Any = numba.njit(cache=True, nogil=True, **options)(function)
    resolve, plain_type = dispatcher.get_call_template, cast("Any", types).unliteral

    def without_constants(args: Any, kws: Any) -> Any:
        plain = {name: plain_type(given) for name, given in kws.items()}
        return resolve(tuple(plain_type(given) for given in args), plain)

    dispatcher.get_call_template = without_constants
    return cast("Function", dispatcher)
