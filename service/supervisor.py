"""Several processes behind one address: started, watched, replaced when they end, and stopped together."""

import logging
import multiprocessing
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from audiocnn.spec import Media
from service.observe import logs
from service.settings import Settings

logger = logging.getLogger("audiocnn.service")

DRAIN = b"drain"
"""To a process: finish as after SIGTERM."""

STOP = b"stop"
"""To a process: finish without the time for balancers."""

_BACKLOG = 2048
_YOUNG_S = 30.0  # a process that ends sooner than this after its start counts as a failed start
_MAX_PAUSE_S = 30.0
_PATIENCE_S = 5.0  # beyond the longest request, before a process that does not end is killed


@dataclass
class _Worker:
    process: SpawnProcess
    connection: Connection
    started_s: float
    ready: bool = False


class Supervisor:
    """`settings.processes` processes that accept from one socket.

    One that ends is replaced at once, after some failed starts in a row with growing pauses; what it had in hand is
    lost, nothing else. If none has ever started, all end. SIGTERM drains them, Ctrl-C or a second SIGTERM skips the
    time for balancers. on_started: called once all serve, with what the model takes and the port.
    """

    def __init__(self, settings: Settings, on_started: Callable[[Media, int], None]) -> None:
        self._settings = settings
        self._on_started = on_started
        self._workers: list[_Worker] = []
        self._pending_s: list[float] = []  # when to start another
        self._young_ends = 0
        self._started = False
        self._failed = False
        self._kill_s: float | None = None  # when to kill what has not ended; set once the service stops

    def run(self) -> int:
        """Serve until told to stop. The exit status: 0, or 1 if the service never started.

        Raises `OSError` if the address cannot be listened on.
        """
        with ExitStack() as stack:
            self._listener = stack.enter_context(_listen(self._settings.host, self._settings.port))
            self._port: int = self._listener.getsockname()[1]
            self._shared_dir = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="audiocnn-")))
            # prometheus_client looks for it as it is imported, here and in the processes.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(self._shared_dir)
            from service.observe.metrics import Metrics

            self._metrics = Metrics()
            signals = _signals(stack)
            self._pending_s = [0.0] * self._settings.processes
            while self._workers or self._pending_s:
                self._start_pending()
                self._wait(signals)
                self._kill_late()
        return 1 if self._failed else 0

    def _start_pending(self) -> None:
        now_s = time.monotonic()
        due = [start_s for start_s in self._pending_s if start_s <= now_s]
        self._pending_s = [start_s for start_s in self._pending_s if start_s > now_s]
        for _ in due:
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.get_context("spawn").Process(
                target=_serve,
                args=(self._settings, self._listener, theirs, self._shared_dir),
                name="audiocnn-serve",
            )
            # A process keeps ignoring what it ignores at its start: Ctrl-C is for the supervisor, which passes it on.
            handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
            process.start()
            signal.signal(signal.SIGINT, handler)
            theirs.close()
            self._workers.append(_Worker(process, ours, now_s))

    def _wait(self, signals: int) -> None:
        """Until something happens, and see to it."""
        times_s = [*self._pending_s, *([self._kill_s] if self._kill_s else [])]
        timeout_s = max(0.0, min(times_s) - time.monotonic()) if times_s else None
        starting = [worker.connection for worker in self._workers if not worker.ready]
        happened = wait([signals, *starting, *(worker.process.sentinel for worker in self._workers)], timeout_s)
        if signals in happened:
            for number in os.read(signals, 64):
                self._on_signal(number)
        for worker in list(self._workers):
            if worker.connection in happened:
                self._on_ready(worker)
            if worker.process.sentinel in happened:
                self._on_end(worker)

    def _on_ready(self, worker: _Worker) -> None:
        try:
            media: Media = worker.connection.recv()
        except (EOFError, OSError):
            return  # it has ended, which its sentinel tells too
        worker.ready = True
        if not self._started and all(worker.ready for worker in self._workers) and not self._pending_s:
            self._started = True
            self._on_started(media, self._port)

    def _on_end(self, worker: _Worker) -> None:
        worker.process.join()
        worker.connection.close()
        self._workers.remove(worker)
        if self._kill_s is not None:
            return
        if not self._started and not worker.ready:
            logger.error("a process could not start (exit status %s); the service ends", worker.process.exitcode)
            self._failed = True
            self._stop(STOP)
            return
        self._metrics.worker_replaced(worker.process.pid or 0)
        age_s = time.monotonic() - worker.started_s
        self._young_ends = self._young_ends + 1 if age_s < _YOUNG_S else 0
        pause_s = min(_MAX_PAUSE_S, 2.0 ** (self._young_ends - 2)) if self._young_ends > 1 else 0.0
        logger.error(
            "process %s ended with %s; another starts in %g s", worker.process.pid, worker.process.exitcode, pause_s
        )
        self._pending_s.append(time.monotonic() + pause_s)

    def _on_signal(self, number: int) -> None:
        if number == signal.SIGINT or (number == signal.SIGTERM and self._kill_s is not None):
            self._stop(STOP)
        elif number == signal.SIGTERM:
            self._stop(DRAIN)

    def _stop(self, word: bytes) -> None:
        if self._kill_s is None:
            self._listener.close()  # only the processes' own copies still accept
            self._pending_s = []
            settings = self._settings
            self._kill_s = time.monotonic() + settings.drain_s + settings.grace_s + _PATIENCE_S
        for worker in self._workers:
            if not worker.ready:
                worker.process.terminate()  # it serves nobody yet
                continue
            try:
                worker.connection.send_bytes(word)
            except OSError:
                continue  # it has just ended by itself

    def _kill_late(self) -> None:
        if self._kill_s is not None and time.monotonic() >= self._kill_s:
            for worker in self._workers:
                worker.process.kill()
            self._kill_s = time.monotonic() + _PATIENCE_S


def _serve(settings: Settings, listener: socket.socket, supervisor: Connection, shared_dir: Path) -> None:
    """What each process does. It tells its supervisor what the model takes once it serves."""
    from service.life import serve  # not in the supervisor, which needs none of it

    logs.configure(settings.log_format)
    serve(
        settings,
        lambda media, _: supervisor.send(media),
        listener=listener,
        supervisor=supervisor,
        shared_dir=shared_dir,
    )


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _signals(stack: ExitStack) -> int:
    """A file from which the numbers of SIGTERM and SIGINT are read as they come."""
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
        stack.callback(os.close, end)
    stack.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(writer))
    for number in (signal.SIGTERM, signal.SIGINT):
        # Python writes numbers to the file only of signals that have a handler.
        stack.callback(signal.signal, number, signal.signal(number, lambda *_: None))
    return reader
