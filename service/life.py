"""One process that serves, from its start to an end that loses no request."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

import uvicorn

from audiocnn.spec import Media
from service.app import create_app
from service.guard.protocol import ConnectionLimits, guarded
from service.guard.sockets import guarded_sockets
from service.malloc import give_memory_back
from service.settings import Settings
from service.state import ServiceState
from service.supervisor import DRAIN, STOP

_LARGEST_MESSAGE = 1_048_576  # of a live stream; several seconds of sound


class DrainingServer(uvicorn.Server):
    """On SIGTERM `/readyz` turns 503 while requests are still served, so that balancers can turn away first; then
    those in flight are finished and the process ends with 0. Ctrl-C, or a second SIGTERM, skips the wait.

    supervisor: of a process that has one. Its word counts then; Ctrl-C, which reaches every process of a terminal, and
    further SIGTERMs do nothing. The process finishes also if its supervisor is gone. on_started: called with what the
    model takes and the port.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        service: ServiceState,
        on_started: Callable[[Media, int], None],
        supervisor: Connection | None = None,
    ) -> None:
        super().__init__(config)
        self._service = service
        self._on_started = on_started
        self._supervisor = supervisor

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self._supervisor is not None:
            self._loop.add_reader(self._supervisor.fileno(), self._obey, self._supervisor)
        media = self._service.engine.models()[0][0].input.media
        self._on_started(media, self.servers[0].sockets[0].getsockname()[1])

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._supervisor is not None:
            if sig == signal.SIGTERM:
                self._drain()
        elif sig != signal.SIGTERM or not self.started:
            super().handle_exit(sig, frame)
        elif self._service.draining:
            self.should_exit = True
        else:
            self._drain()

    def _obey(self, supervisor: Connection) -> None:
        try:
            said = supervisor.recv_bytes()
        except (EOFError, OSError):
            self._loop.remove_reader(supervisor.fileno())
            said = DRAIN
        if said == STOP:
            self.should_exit = True
        else:
            self._drain()

    def _drain(self) -> None:
        if not self._service.draining:
            self._service.draining = True
            self._loop.call_soon_threadsafe(self._loop.call_later, self._service.settings.drain_s, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


def serve(
    settings: Settings,
    on_started: Callable[[Media, int], None],
    *,
    listener: socket.socket | None = None,
    supervisor: Connection | None = None,
    shared_dir: Path | None = None,
) -> None:
    """Serve until told to stop. listener: a socket that listens already, by default one at the settings' address.

    Raises `AudioCnnError` for settings that make no service; ends the process with 3 if the address is taken.
    """
    give_memory_back()
    app = create_app(settings, shared_dir=shared_dir)
    service: ServiceState = app.state.service
    limits = ConnectionLimits(
        max_connections=settings.max_connections,
        head_timeout_s=settings.header_timeout_s,
        max_head_bytes=settings.max_header_bytes,
        write_timeout_s=settings.body_timeout_s,
    )
    config = uvicorn.Config(
        app,
        settings.host,
        settings.port,
        http=guarded(limits, service.metrics.refused_unread),
        ws=guarded_sockets(limits.write_timeout_s),
        ws_max_size=_LARGEST_MESSAGE,
        ws_per_message_deflate=False,  # sound does not shrink, and a few bytes could unfold to many
        access_log=False,  # the application's own log line names neither paths nor files
        log_config=None,
        server_header=False,
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=settings.grace_s,
    )
    with contextlib.suppress(KeyboardInterrupt):
        DrainingServer(config, service, on_started, supervisor).run([listener] if listener else None)
