"""`python -m service`: serve one model until SIGTERM or Ctrl-C."""

import asyncio
import contextlib
import logging
import signal
import socket
from types import FrameType
from typing import Any

import click
import uvicorn
from pydantic import ValidationError

from audiocnn import AudioCnnError, pretrained
from audiocnn.spec import Media
from service.app import create_app
from service.settings import Settings
from service.state import ServiceState


class DrainingServer(uvicorn.Server):
    """On SIGTERM `/readyz` turns 503 while requests are still served, so that balancers can turn away first; then
    those in flight are finished and the process ends with 0. Ctrl-C, or a second SIGTERM, skips the wait."""

    def __init__(self, config: uvicorn.Config, service: ServiceState) -> None:
        super().__init__(config)
        self._service = service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        media = self._service.engine.model[0].input.media
        click.echo(_greeting(self._service.settings, media, self.servers[0].sockets[0].getsockname()[1]))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig != signal.SIGTERM or not self.started:
            super().handle_exit(sig, frame)
        elif self._service.draining:
            self.should_exit = True
        else:
            self._service.draining = True
            self._loop.call_soon_threadsafe(self._loop.call_later, self._service.settings.drain_s, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


def _greeting(settings: Settings, media: Media, port: int) -> str:
    file = {"audio": "song.wav", "image": "picture.png", "video": "clip.mp4", "volume": "scan.npy"}[media]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    url = f"http://{host}:{port}"
    return (
        f"audiocnn serves model {settings.model} at {url} (API: {url}/docs)\n"
        f"Try it with a file of yours:\n"
        f"  curl -F file=@{file} '{url}/classify?top_k=3'"
    )


def _settings_help() -> str:
    lines = (
        f"  AUDIOCNN_{name.upper()}  {field.description} [{field.get_default(call_default_factory=True)}]"
        for name, field in Settings.model_fields.items()
    )
    return "\n".join(["\b", "Environment variables:", *lines])


@click.command(epilog=_settings_help())
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 for any free one.")
@click.option("--model", help="Bundled model, or the directory of another.")
def main(host: str | None, port: int | None, model: str | None) -> None:
    """Serve a model over HTTP. Options go before environment variables."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    given: dict[str, Any] = {"host": host, "port": port, "model": model}
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
        pretrained.resolve(settings.model)
    except ValidationError as error:
        faults = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())
        raise click.ClickException(f"option or AUDIOCNN_ variable not valid: {faults}") from error
    except AudioCnnError as error:
        raise click.ClickException(str(error)) from error
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        settings.host,
        settings.port,
        ws="none",
        access_log=False,  # the application's own log line names neither paths nor files
        log_config=None,
        server_header=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=int(settings.body_timeout_s + settings.classify_timeout_s) + 1,
    )
    with contextlib.suppress(KeyboardInterrupt):
        DrainingServer(config, app.state.service).run()


if __name__ == "__main__":
    main()
