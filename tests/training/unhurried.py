"""`python -m training` that takes its time for each batch, however fast the machine: a signal meets it at work."""

import time

from training.cli import main
from training.data.batches import Batches

STEP_S = 0.05

_batch = Batches.batch


def _late(self: Batches, step: int, *of: int) -> object:
    time.sleep(STEP_S)
    return _batch(self, step, *of)


if __name__ == "__main__":
    Batches.batch = _late  # type: ignore[method-assign, assignment]
    main()
