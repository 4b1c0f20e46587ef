"""What clients rely on besides the answer: ids, the description of the API, and silence about our own failures."""

import asyncio
import json
import logging
import re
import uuid
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import httpx
import pytest

from audiocnn import Classifier, MediaError, Result, errors
from service.app import create_app
from service.engines import ClassifyRequest, LocalEngine
from service.errors import STATUS
from service.schemas import ClassifyResponse, ModelsResponse, Problem
from service.settings import Settings
from tests.audio_files import tone, wav_bytes
from tests.service.server import Server, assert_problem

GOOD = wav_bytes(tone(seconds=0.2))


def test_request_id_is_echoed_if_it_is_safe(server: Server) -> None:
    def echoed(request_id: str) -> str:
        response = server.client.get("/livez", headers={"X-Request-ID": request_id})
        return response.headers["x-request-id"]

    for safe in ("a", "Az09._-", "x" * 128):
        assert echoed(safe) == safe
    for unsafe in ("", "x" * 129, "a b", "a\tb", "a/b", "a,b", '"', "<script>"):
        assert uuid.UUID(echoed(unsafe)).version == 4


def test_request_id_is_in_answers_and_in_the_log(server: Server) -> None:
    headers = {"X-Request-ID": "order-66", "Content-Type": "audio/wav"}
    assert server.client.post("/classify", content=GOOD, headers=headers).json()["request_id"] == "order-66"
    response = server.client.post("/classify", content=b"x", headers=headers)
    assert assert_problem(response, 400)["request_id"] == "order-66"
    server.wait_for_log(" order-66\n", times=2)


def test_traceparent_is_passed_back_if_it_is_one(server: Server) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for path in ("/livez", "/nowhere"):
        assert server.client.get(path, headers={"traceparent": parent}).headers["traceparent"] == parent
    assert "traceparent" not in server.client.get("/livez", headers={"traceparent": "nonsense"}).headers


def test_models_describes_the_served_one(server: Server, classifier: Classifier) -> None:
    body = server.client.get("/v1/models").json()
    (model,) = ModelsResponse.model_validate(body).models
    assert model.model_dump() == body["models"][0]
    spec = classifier.spec.to_json()
    assert model.sha256 == classifier.info.sha256
    assert model.task.labels == list(classifier.spec.task.labels)
    for name in ("name", "version", "architecture", "input", "licence", "metrics"):
        assert body["models"][0][name] == spec[name]
    assert body["limits"] == {"max_bytes": 25 * 2**20, "max_duration_s": 600}
    assert body["job_limits"] == {"max_bytes": 2**30, "max_duration_s": 43_200}


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_openapi_resolves_and_tells_the_truth(server: Server) -> None:
    document = server.client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {
        "/classify",
        "/v1/inspect",
        "/v1/jobs",
        "/v1/jobs/{job_id}",
        "/v1/lectures/convolution",
        "/v1/lectures/digit",
        "/v1/lectures/neighbours",
        "/v1/lectures/pooling",
        "/v1/models",
        "/v1/models/{model}/card",
        "/v1/models/{model}/reload",
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/{model}",
        "/v2/models/{model}/ready",
        "/v2/models/{model}/infer",
        "/livez",
        "/readyz",
        "/healthz",
        "/metrics",
    }
    for reference in references(document):
        target = document
        for name in reference.removeprefix("#/").split("/"):
            target = target[name]
    assert not any("HTTPValidationError" in reference for reference in references(document))

    classify = document["paths"]["/classify"]["post"]
    assert set(classify["requestBody"]["content"]) == {
        "multipart/form-data",
        "audio/*",
        "image/*",
        "video/*",
        "application/octet-stream",
    }
    assert {parameter["name"] for parameter in classify["parameters"]} == {
        "top_k",
        "threshold",
        "segments",
        "window_s",
        "hop_s",
        "model",
    }
    told = (400, 401, 404, 408, 413, 415, 422, 429, 503, 504)
    assert set(classify["responses"]) == {"200", "500", *map(str, told)}
    assert set(told) <= {status for status, _ in STATUS.values()}
    for status, response in classify["responses"].items():
        assert list(response["content"]) == ["application/json" if status == "200" else "application/problem+json"]
    for schema in (ClassifyResponse, Problem):
        (example,) = document["components"]["schemas"][schema.__name__]["examples"]
        assert schema.model_validate(example).model_dump(exclude_unset=True) == example


def test_pages_are_cached_by_content_and_may_run_only_their_own_files(server: Server) -> None:
    for path in ("/", "/lectures", "/card", "/static/js/main.js", "/static/style/tokens.css"):
        page = server.client.get(path)
        assert page.status_code == 200
        assert page.headers["cache-control"] == "no-cache"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
        assert "unsafe" not in policy
        again = server.client.get(path, headers={"If-None-Match": page.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert server.client.head(path).headers["etag"] == page.headers["etag"]
    assert_problem(server.client.get("/static/nothing.js"), 404, "not_found")
    assert_problem(server.client.get("/static/%2e%2e/app.py"), 404, "not_found")
    assert_problem(server.client.get("/static/js"), 404, "not_found")


def test_docs_need_no_other_host(server: Server) -> None:
    page = server.client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "//" not in policy
    assert "//" not in page.text
    links = re.findall(r'(?:src|href)="(docs/[^"]+)"', page.text)
    assert len(links) == 3
    for link in links:
        part = server.client.get(f"/{link}")
        assert part.status_code == 200
        assert part.headers["content-type"].startswith("text/")
        assert len(part.content) > 50
    assert b"SwaggerUIBundle" in server.client.get("/docs/swagger-ui.js").content
    assert server.client.get("/redoc").status_code == 404


def test_every_kind_of_media_error_has_its_status() -> None:
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MediaError)}
    # The service opens no paths, so this one cannot come up.
    assert kinds - set(STATUS) == {errors.UnreadableFileError}


class BrokenEngine(LocalEngine):
    async def classify(self, request: ClassifyRequest) -> Result:
        raise RuntimeError("the secret of /etc/passwd")


class NanEngine(LocalEngine):
    async def classify(self, request: ClassifyRequest) -> Result:
        result = await super().classify(request)
        object.__setattr__(result.media, "duration_s", float("nan"))
        return result


@pytest.mark.parametrize("kind", [BrokenEngine, NanEngine])
def test_a_failure_of_ours_is_a_500_that_tells_only_the_log(
    kind: Callable[[Settings], LocalEngine], caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings()
    app = create_app(settings, kind(settings))

    async def scenario(client: httpx.AsyncClient) -> None:
        headers = {"Content-Type": "audio/wav", "X-Request-ID": "unlucky"}
        with caplog.at_level(logging.INFO):
            response = await client.post("/classify", content=GOOD, headers=headers)
        problem = assert_problem(response, 500, "internal_error")
        assert "secret" not in response.text
        assert "NaN" not in response.text
        assert problem["request_id"] == "unlucky"
        assert "request unlucky failed" in caplog.text
        assert "POST /classify 500" in caplog.text

    asyncio.run(_with_client(app, scenario))


async def _with_client(app: Any, scenario: Callable[[httpx.AsyncClient], Coroutine[Any, Any, None]]) -> None:
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client,
    ):
        await scenario(client)


def test_an_answer_is_strict_json(server: Server) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(server.classify(GOOD, segments=True).text, parse_constant=refuse)
