"""`Tally`: how far a batch is, in numbers and in words."""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Counts files as they are done. total: how many there will be, None if nobody knows."""

    total: int | None = None
    done: int = 0
    failed: int = 0
    classified: int = 0
    """Those of `done` that this run has classified; the others are from an earlier one."""
    heard_s: float = 0.0
    _started: float = field(default_factory=lambda: time.monotonic())

    def add(self, *, ok: bool, duration_s: float = 0.0, fresh: bool = True) -> None:
        """Count a file; `duration_s` of sound or video in it."""
        self.done += 1
        self.failed += not ok
        self.classified += fresh
        self.heard_s += duration_s

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._started

    @property
    def left_s(self) -> float | None:
        """How long the rest will take if it goes on like this; None while that is not known."""
        if self.total is None or not self.classified:
            return None
        return (self.total - self.done) * self.elapsed_s / self.classified

    @property
    def rates(self) -> str:
        """Such as `35.1 files/s, 0.29 hours of sound/s, 3 failed, 0:23:10 left`."""
        parts = []
        if self.classified:
            parts.append(f"{self.classified / self.elapsed_s:.1f} files/s")
        if self.heard_s:
            parts.append(f"{self.heard_s / 3600 / self.elapsed_s:.3g} hours/s")
        parts.append(f"{self.failed} failed")
        if self.left_s is not None:
            parts.append(f"{_clock(self.left_s)} left")
        return ", ".join(parts)

    @property
    def line(self) -> str:
        """Such as `1200 of 50000 files, 35.1 files/s, ...`."""
        of = "" if self.total is None else f" of {self.total}"
        return f"{self.done}{of} {'file' if self.total == 1 or self.done == 1 else 'files'}, {self.rates}"

    @property
    def summary(self) -> str:
        """What is said at the end."""
        known = self.done - self.classified
        files = f"{self.done} {'file' if self.done == 1 else 'files'}"
        earlier = f" ({known} by an earlier run)" if known else ""
        return f"{files}{earlier} in {self.elapsed_s:.1f} s, {self.failed} failed"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
