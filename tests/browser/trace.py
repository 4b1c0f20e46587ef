"""Chromium's trace: the processor time of each task on a page's main thread.

What else runs on a busy machine, which clocks and the Long Tasks API count in, is not the page's doing.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page

_CATEGORIES = ["disabled-by-default-devtools.timeline", "loading"]


class Trace:
    """Filled when the `with` of `traced` is left."""

    def __init__(self) -> None:
        self._events: list[dict[str, Any]] = []

    def read(self, content: bytes) -> None:
        self._events = json.loads(content)["traceEvents"]

    def tasks_ms(self, before: str | None = None) -> list[float]:
        """Of each task of the main thread, up to the first event called `before`."""
        threads = {(e["pid"], e["tid"]): e["args"]["name"] for e in self._events if e["name"] == "thread_name"}
        end = min(e["ts"] for e in self._events if e["name"] == before) if before else float("inf")
        return [
            event["tdur"] / 1000
            for event in self._events
            if event["name"] == "RunTask"
            and threads[event["pid"], event["tid"]] == "CrRendererMain"
            and event["ts"] < end
            and "tdur" in event  # not in one that was still at work at the end
        ]


@contextmanager
def traced(browser: Browser, page: Page) -> Iterator[Trace]:
    trace = Trace()
    browser.start_tracing(page=page, categories=_CATEGORIES)
    try:
        yield trace
    finally:
        trace.read(browser.stop_tracing())
