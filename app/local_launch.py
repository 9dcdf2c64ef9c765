"""Become another program, tied to the life of the supervisor that asked for it.

Run as a script by `app.local_process`, one JSON argument. Doing this in a small program of
its own, and not between fork and exec, keeps it safe beside the supervisor's threads.
"""

import ctypes
import json
import os
import pwd
import sys

#: `prctl` option: the signal to receive when the parent dies (linux/prctl.h).
PR_SET_PDEATHSIG = 1


def die_with_parent(signal_number: int, parent: int) -> None:
    """Ask the kernel for a signal when the parent dies; only Linux can."""
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl refused the parent-death signal")
    if os.getppid() != parent:  # it died before the kernel was asked
        raise SystemExit("The supervisor is gone.")


def become(order: str) -> None:
    """Drop to the named user if any, then turn into the command of the order (JSON)."""
    wanted = json.loads(order)
    if wanted["user"]:
        entry = pwd.getpwnam(wanted["user"])
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    # After the change of user: the kernel forgets the wish when credentials change.
    die_with_parent(wanted["death_signal"], wanted["parent"])
    os.execv(wanted["command"][0], wanted["command"])  # noqa: S606 - a program without a shell is the point


if __name__ == "__main__":
    become(sys.argv[1])
