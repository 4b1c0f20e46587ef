"""The contract in docs/ is that of the code, and the service keeps to it."""

import json
from pathlib import Path

import jsonschema_rs
import pytest

from service.contract import documents
from tests.audio_files import music, wav_bytes
from tests.service.server import Server

DOCS = Path(__file__).parents[2] / "docs"
SONG = wav_bytes(music(5))


def test_files_are_those_of_the_code() -> None:
    found = {str(path.relative_to(DOCS)): path.read_text("utf-8") for path in (DOCS / "schema").rglob("*.json")}
    found["openapi.json"] = (DOCS / "openapi.json").read_text("utf-8")
    written = documents()
    assert sorted(found) == sorted(written)
    for path, text in written.items():
        assert found[path] == text, f"{path} is not what the code says; write it anew with: make schema"


@pytest.mark.parametrize("path", sorted(path for path in documents() if path.startswith("schema/")))
def test_schemas_are_valid(path: str) -> None:
    assert jsonschema_rs.meta.is_valid(json.loads(documents()[path]))


def test_answers_follow_them(server: Server) -> None:
    def check(name: str, body: object) -> None:
        schema = json.loads((DOCS / "schema" / "v1" / f"{name}.json").read_text("utf-8"))
        jsonschema_rs.Draft202012Validator(schema).validate(body)

    get = server.client.get
    check("classify", server.classify(SONG, segments=True).json())
    check("models", get("/v1/models").json())
    check("status", get("/readyz").json())
    check("model-metadata", get("/v2/models/genre").json())
    check("problem", server.classify(b"text").json())
    check("problem", get("/v2/models/nothing").json())
    job = server.client.post("/v1/jobs", content=SONG).json()
    check("job", job)
    check("job", get(f"/v1/jobs/{job['id']}").json())
    files = [("file", ("a.wav", SONG)), ("file", ("b.wav", b"text"))]
    check("several", server.client.post("/classify", files=files).json())
