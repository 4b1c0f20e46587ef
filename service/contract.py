"""`python -m service.contract docs`: what clients rely on, as files: the OpenAPI document and a JSON Schema for each
answer."""

import json
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter

from service.app import create_app
from service.schemas import (
    ClassifyResponse,
    InferRequest,
    InferResponse,
    InspectResponse,
    JobBody,
    ModelMetadata,
    ModelsResponse,
    Problem,
    ReloadResponse,
    SeveralResponse,
    StatusBody,
    StreamMessage,
)
from service.settings import Settings

VERSION = "v1"
"""Of the answers. A member may be added within a version; nothing is taken away, renamed or of another type."""

_ANSWERS: dict[str, Any] = {
    "classify": ClassifyResponse,
    "infer-request": InferRequest,
    "infer": InferResponse,
    "inspect": InspectResponse,
    "job": JobBody,
    "model-metadata": ModelMetadata,
    "models": ModelsResponse,
    "problem": Problem,
    "reload": ReloadResponse,
    "several": SeveralResponse,
    "status": StatusBody,
    "stream-message": StreamMessage,
}


def documents() -> dict[str, str]:
    """The text of every file by its path below the folder."""
    found: dict[str, Any] = {"openapi.json": create_app(Settings.model_construct()).openapi()}
    for name, kind in _ANSWERS.items():
        schema = TypeAdapter(kind).json_schema()
        found[f"schema/{VERSION}/{name}.json"] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return {path: json.dumps(body, indent=2, ensure_ascii=False) + "\n" for path, body in found.items()}


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def main(folder: Path) -> None:
    """Write them into FOLDER."""
    for path, text in documents().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
