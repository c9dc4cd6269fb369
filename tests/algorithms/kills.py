"""A run that is killed at its n-th step of moving, for each n: run as a program, with a folder and a word.

A step is a call that changes the disk or waits for it. The process is killed just before it, with kill -9, in a fork.
"""

import os
import signal
import sys
from pathlib import Path

from risk_terrain.rtm_plugin.adapters import moves
from risk_terrain.rtm_plugin.adapters.files import Staging
from risk_terrain.rtm_plugin.core.errors import OutputError

NAMES = "one/a.txt", "two/b.txt", "one/c.txt", "one/new.txt"
EARLIER = NAMES[:3]


def prepare(folder: Path) -> None:
    for name in EARLIER:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("old", encoding="utf-8")


def write(folder: Path) -> None:
    with Staging() as staging:
        for name in NAMES:
            staging.text(folder / name, "new")


def kill_before(number: int, locked: str) -> None:
    """Let the process die before its n-th step; the file named `locked` cannot be replaced meanwhile."""
    steps = 0

    def counted(action):
        def step(*arguments):
            nonlocal steps
            steps += 1
            if steps == number:
                os.kill(os.getpid(), signal.SIGKILL)
            if action is replace and locked and Path(arguments[1]).name == locked and ".part" in str(arguments[0]):
                raise PermissionError(13, "Permission denied")
            return action(*arguments)

        return step

    replace = os.replace
    for name in ("replace", "unlink", "fsync"):
        setattr(os, name, counted(getattr(os, name)))
    moves._WAITS = ()


def main(folder: Path, locked: str) -> None:
    number, killed = 0, True
    while killed:
        number += 1
        here = folder / str(number)
        prepare(here)
        child = os.fork()
        if not child:
            kill_before(number, locked)
            try:
                write(here)
            except OutputError:
                os._exit(0)
            os._exit(0)
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    print(number)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
