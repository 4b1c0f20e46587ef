"""The directory of a run: held by one training at a time, and whole whatever happens to the disk."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audiocnn.checkpoint import PARTIAL
from audiocnn.errors import CheckpointError, ConfigError
from training.distributed import Process

LOCK = ".lock"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def held(run: Path, process: Process) -> Iterator[None]:
    """Make the run directory and hold it for this process and those that train with it.

    The lock ends with the process, however that ends. Raises `ConfigError` if another one holds it, and
    `CheckpointError` where the disk becomes full: what was saved before is whole.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        if not process.is_first:
            yield
            return
        with (run / LOCK).open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                file.seek(0)
                raise ConfigError(
                    f"{run} is at work in process {file.read().strip()}; wait for it, stop it, or choose another --run"
                ) from error
            file.truncate(0)
            file.write(f"{os.getpid()} on {os.uname().nodename}\n")
            file.flush()
            _remove_partial_files(run)
            yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise CheckpointError(
            f"cannot write to {run}: {error.strerror}; the model and the state saved last are whole: "
            "make room, and the same command goes on from there"
        ) from error


def _remove_partial_files(run: Path) -> None:
    """Those that a crash left behind while they were written: each crash would take the place of a whole state."""
    for path in run.rglob(f"*{PARTIAL}"):
        path.unlink()
