"""`audiocnn classify` whose workers die of files made for it: `python -m tests.batch.deadly`."""

import os
import signal
from pathlib import Path
from typing import Any

from audiocnn.batch import ray_engine
from audiocnn.batch.observed import Observed
from audiocnn.cli import main as command_line


class DeadlyWorker(ray_engine.ShardWorker):
    """Stands for a fault in native code of the worker itself, which no decoder child contains."""

    def _one(self, raw: bytes) -> Observed:
        seen = super()._one(raw)
        died_before = seen.error is not None and seen.error.code == "worker_died"
        if not died_before and Path(os.fsdecode(raw)).read_bytes().startswith(b"fLaCKILL"):
            os.kill(os.getpid(), signal.SIGKILL)
        return seen


def main(**options: Any) -> None:
    # Run as a script this module has another name, and a worker would not find the class by that.
    from tests.batch import deadly

    ray_engine.ShardWorker = deadly.DeadlyWorker  # type: ignore[misc]
    command_line.main(**options)


if __name__ == "__main__":
    main()
