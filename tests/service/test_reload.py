"""`POST /v1/models/NAME/reload`: new files answer once they work, and until then the earlier ones do."""

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from audiocnn import checkpoint
from audiocnn.spec import TaskSpec
from tests.audio_files import music, wav_bytes
from tests.conftest import LABELS, tiny_spec, write_model
from tests.service.server import Server, assert_problem, running_service

SONG = wav_bytes(music(2))
TOKEN = "correct horse"


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("old"), tiny_spec())


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    task = TaskSpec("single_label", (*LABELS, "wind"))
    return write_model(tmp_path_factory.mktemp("new"), tiny_spec(version="2.0.0", task=task))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, old: Path) -> Path:
    directory = tmp_path_factory.mktemp("served") / "model"
    shutil.copytree(old, directory)
    return directory


@pytest.fixture(scope="module")
def running(served: Path) -> Iterator[Server]:
    with running_service(model=served, admin_token=TOKEN, workers=2) as server:
        yield server


@pytest.fixture
def service(running: Server, served: Path, old: Path) -> Server:
    """With the old model, in its files and in memory."""
    copy(old, served)
    assert reload(running).status_code == 200
    return running


def copy(source: Path, target: Path) -> None:
    for path in source.iterdir():
        shutil.copy(path, target / path.name)


def reload(server: Server, model: str = "tiny", token: str | None = TOKEN) -> httpx.Response:
    headers = {} if token is None else {"X-Admin-Token": token.encode("latin-1")}
    return server.client.post(f"/v1/models/{model}/reload", headers=headers)


def version(server: Server) -> str:
    found: dict[str, Any] = server.classify(SONG).json()["model"]
    return str(found["version"])


def test_new_files_answer_once_they_are_asked_for(service: Server, served: Path, old: Path, new: Path) -> None:
    copy(new, served)
    assert version(service) == "1.2.3"
    response = reload(service)
    assert response.status_code == 200, response.text
    body = response.json()
    assert body["previous_sha256"] == checkpoint.weights_sha256(old)
    assert body["model"]["sha256"] == checkpoint.weights_sha256(new)
    assert body["model"]["task"]["labels"][-1] == "wind"
    assert version(service) == "2.0.0"
    assert len(service.classify(SONG, top_k=9).json()["predictions"]) == 5
    assert service.client.get("/v1/models").json()["models"][0]["version"] == "2.0.0"


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


BROKEN = {
    "weights half copied": lambda folder: half(folder / "model.safetensors"),
    "network half copied": lambda folder: half(folder / "model.onnx"),
    "specification half copied": lambda folder: half(folder / "config.json"),
    "no network": lambda folder: (folder / "model.onnx").unlink(),
    "no weights": lambda folder: (folder / "model.safetensors").unlink(),
    "no specification": lambda folder: (folder / "config.json").unlink(),
    "no folder": shutil.rmtree,
    "weights of zeros": lambda folder: (folder / "model.safetensors").write_bytes(bytes(1000)),
    "network of fewer labels": lambda folder: None,
}


@pytest.mark.parametrize("kind", BROKEN)
def test_the_earlier_model_goes_on_if_new_files_do_not_work(
    service: Server, served: Path, old: Path, new: Path, kind: str
) -> None:
    copy(new, served)
    if kind == "network of fewer labels":
        shutil.copy(old / "model.onnx", served / "model.onnx")
    BROKEN[kind](served)
    problem = assert_problem(reload(service), 409, "reload_failed")
    assert "earlier model goes on" in problem["detail"]
    assert version(service) == "1.2.3"
    assert "model tiny was not reloaded" in service.log
    served.mkdir(exist_ok=True)
    copy(new, served)
    assert reload(service).status_code == 200
    assert version(service) == "2.0.0"


def test_another_model_in_its_place_is_refused(service: Server, served: Path, tmp_path: Path) -> None:
    copy(write_model(tmp_path, tiny_spec(name="other")), served)
    assert_problem(reload(service), 409, "reload_failed")
    assert version(service) == "1.2.3"


def test_requests_at_work_are_not_disturbed(service: Server, served: Path, new: Path) -> None:
    codes: list[int] = []
    versions: list[str] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            response = service.classify(SONG)
            codes.append(response.status_code)
            versions.append(response.json()["model"]["version"])

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    copy(new, served)
    for _ in range(5):
        assert reload(service).status_code == 200
    done.set()
    for thread in threads:
        thread.join()
    assert set(codes) == {200}
    assert set(versions) <= {"1.2.3", "2.0.0"}
    assert versions[-1] == "2.0.0"


def test_only_with_the_token(service: Server, server: Server) -> None:
    response = reload(service, token=None)
    assert_problem(response, 401, "unauthorized")
    assert "www-authenticate" in response.headers
    for wrong in ("", "wrong", TOKEN + "x", "\xe4"):
        assert_problem(reload(service, token=wrong), 403, "forbidden")
    assert_problem(reload(service, model="nothing"), 404, "unknown_model")
    # A service without a token reloads nothing, and does not take an empty one.
    for token in (None, "", TOKEN):
        assert_problem(reload(server, model="genre", token=token), 403, "forbidden")


def test_every_process_follows(old: Path, new: Path, tmp_path: Path) -> None:
    directory = tmp_path / "model"
    shutil.copytree(old, directory)
    with running_service(model=directory, admin_token=TOKEN, processes=3, workers=1) as server:
        assert {version(server) for _ in range(10)} == {"1.2.3"}
        copy(new, directory)
        assert reload(server).status_code == 200
        deadline = time.monotonic() + 120
        while {version(server) for _ in range(20)} != {"2.0.0"}:
            assert time.monotonic() < deadline
