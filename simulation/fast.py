"""Compiling to machine code, in one place and with types.

numba keeps compiled functions beside their module and looks at that module's age alone; a function
compiled into another one of another module would go on as it was before an edit. So the folder is
named after the content of all modules of the room. Where the package may not be written to, as in
a container, the folder is one that belongs to this user alone: what lies in it is run.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from numba.core import types

_PRIVATE = 0o700


def own_folder(package: Path, name: str) -> Path:
    """Where compiled functions are kept: beside their modules, else in a folder nobody else writes to."""
    beside = package / "__pycache__"
    if os.access(beside if beside.exists() else package, os.W_OK):
        return beside / name
    private = Path(tempfile.gettempdir()) / f"furusato-compiled-{os.getuid()}"
    private.mkdir(mode=_PRIVATE, exist_ok=True)
    facts = private.lstat()
    if facts.st_uid != os.getuid() or facts.st_mode & 0o777 != _PRIVATE or private.is_symlink():
        private = Path(tempfile.mkdtemp(prefix="furusato-compiled-"))
    return private / name


_settings = cast("Any", numba.config)
if not _settings.CACHE_DIR:
    _here = Path(__file__).parent
    _digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(_here.glob("*.py"))))
    _settings.CACHE_DIR = str(own_folder(_here, f"numba-{_digest.hexdigest()[:12]}"))

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
