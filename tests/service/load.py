"""Clients that classify again and again."""

import json
import threading
import time
from collections import Counter

import httpx


class Load:
    """As many clients at a time, from the beginning of a `with` block until its end or `stop`.

    outcomes: how often which status came, or which error of the connection. answers: the different predictions in
    them. refused: the answers that were no 200. took_s: how long each 200 took.
    """

    def __init__(self, client: httpx.Client, data: bytes, clients: int, pause_s: float = 0.0) -> None:
        self.outcomes: Counter[str] = Counter()
        self.answers: set[str] = set()
        self.refused: list[httpx.Response] = []
        self.took_s: list[float] = []
        self._client = client
        self._data = data
        self._pause_s = pause_s
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, outcomes: int) -> None:
        """Until there are so many."""
        deadline = time.monotonic() + 120
        while self.outcomes.total() < outcomes:
            assert time.monotonic() < deadline, self.outcomes
            time.sleep(0.01)

    def stop(self) -> None:
        """Begin no further request."""
        self._over.set()

    def _run(self) -> None:
        while not self._over.is_set():
            began_s = time.monotonic()
            try:
                response = self._client.post("/classify", content=self._data, headers={"Content-Type": "audio/wav"})
            except httpx.TransportError as error:
                self.outcomes[type(error).__name__] += 1
                continue
            self.outcomes[str(response.status_code)] += 1
            if response.status_code == 200:
                self.took_s.append(time.monotonic() - began_s)
                self.answers.add(json.dumps(response.json()["predictions"]))
            else:
                self.refused.append(response)
            self._over.wait(self._pause_s)
