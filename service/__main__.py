"""`python -m service`: serve one model until SIGTERM or Ctrl-C."""

import sys
from typing import Any

import click
from pydantic import ValidationError

from audiocnn import AudioCnnError, pretrained
from audiocnn.spec import Media
from service.guard.digests import read_digests
from service.observe import logs
from service.settings import Settings


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
    defaults = {name: field.get_default(call_default_factory=True) for name, field in Settings.model_fields.items()}
    lines = (
        f"  AUDIOCNN_{name.upper()}  {field.description} [{'none' if defaults[name] in ('', None) else defaults[name]}]"
        for name, field in Settings.model_fields.items()
    )
    return "\n".join(["\b", "Environment variables:", *lines])


@click.command(epilog=_settings_help())
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 for any free one.")
@click.option("--model", help="Bundled model, or the directory of another.")
def main(host: str | None, port: int | None, model: str | None) -> None:
    """Serve a model over HTTP. Options go before environment variables."""
    given: dict[str, Any] = {"host": host, "port": port, "model": model}
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
        for source in settings.model_sources:
            pretrained.resolve(source)
        settings.check_engine()
        read_digests(settings.api_keys, settings.api_keys_file)
    except ValidationError as error:
        faults = "; ".join(f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors())
        raise click.ClickException(f"option or AUDIOCNN_ variable not valid: {faults}") from error
    except AudioCnnError as error:
        raise click.ClickException(str(error)) from error
    logs.configure(settings.log_format)

    def greet(media: Media, port: int) -> None:
        click.echo(_greeting(settings, media, port))

    if settings.processes == 1:
        from service.life import serve

        serve(settings, greet)
    else:
        from service.supervisor import Supervisor

        try:
            sys.exit(Supervisor(settings, greet).run())
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise click.ClickException(f"cannot listen on {settings.host} port {settings.port}: {reason}") from error


if __name__ == "__main__":
    main()
