"""Who may ask, from where and how often, and what browsers are told."""

import asyncio
import hashlib
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from audiocnn.errors import ConfigError
from service.app import create_app
from service.guard.digests import read_digests
from service.guard.keys import OPEN_PATHS
from service.guard.rate import RateLimit
from service.settings import Settings
from tests.service.server import assert_problem

KEY, OTHER = "a-key-of-ours", "another-key"
DIGEST, OTHER_DIGEST = (hashlib.sha256(key.encode()).hexdigest() for key in (KEY, OTHER))
WITH_KEY = {"X-API-Key": KEY}
ORIGIN = "https://music.example"


def ask(app: FastAPI, path: str, method: str = "GET", **headers: str | bytes) -> httpx.Response:
    async def scenario() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
            return await client.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return asyncio.run(scenario())


def guarded(**settings: Any) -> FastAPI:
    return create_app(Settings(**({"api_keys": f"{DIGEST},{OTHER_DIGEST.upper()}"} | settings)))


@pytest.mark.parametrize(
    ("headers", "admitted"),
    [
        ({"X-API-Key": KEY}, True),
        ({"X-API-Key": OTHER}, True),
        ({"Authorization": f"Bearer {KEY}"}, True),
        ({"Authorization": f"bearer  {KEY} "}, True),
        ({}, False),
        ({"X-API-Key": ""}, False),
        ({"X-API-Key": DIGEST}, False),  # what leaks from the configuration opens nothing
        ({"X-API-Key": KEY[:-1]}, False),
        ({"X-API-Key": "ключ".encode()}, False),
        ({"Authorization": f"Basic {KEY}"}, False),
        ({"Authorization": KEY}, False),
    ],
)
@pytest.mark.parametrize("path", ["/v1/models", "/classify", "/no-such-path"])
def test_only_known_keys_are_admitted(headers: dict[str, str | bytes], admitted: bool, path: str) -> None:
    response = ask(guarded(), path, **headers)
    if admitted:
        assert response.status_code in (404, 405, 503)  # the model is not loaded here
        return
    problem = assert_problem(response, 401, "unauthorized")
    assert response.headers["www-authenticate"] == 'Bearer realm="audiocnn"'
    assert KEY not in problem["detail"]


def test_health_needs_no_key_and_metrics_only_if_told() -> None:
    app, closed = guarded(), guarded(metrics_open=False)
    for path in OPEN_PATHS | {"/metrics"}:
        assert ask(app, path).status_code != 401, path
    assert_problem(ask(closed, "/metrics"), 401, "unauthorized")
    assert ask(closed, "/metrics", **WITH_KEY).status_code == 200


def test_no_keys_no_questions() -> None:
    assert ask(create_app(Settings()), "/metrics").status_code == 200
    assert ask(create_app(Settings()), "/v1/models").status_code == 503


def test_keys_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# of the mobile app\n{DIGEST}  -\n\n{OTHER_DIGEST} desk\n")
    assert read_digests(DIGEST, file) == [bytes.fromhex(DIGEST), bytes.fromhex(OTHER_DIGEST)]
    assert ask(guarded(api_keys="", api_keys_file=file), "/metrics").status_code == 200
    assert ask(guarded(api_keys="", api_keys_file=file), "/v1/models").status_code == 401
    for content in ("", "# nothing\n", "a key in plain words\n"):
        file.write_text(content)
        with pytest.raises(ConfigError) as refused:
            read_digests("", file)
        assert "plain" not in str(refused.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_digests("", tmp_path / "missing")


def test_each_key_has_its_own_rate() -> None:
    app = guarded(rate_limit_per_minute=6, rate_limit_burst=2)
    for _ in range(2):
        assert ask(app, "/v1/models", **WITH_KEY).status_code == 503
    response = ask(app, "/v1/models", **WITH_KEY)
    assert_problem(response, 429, "rate_limited")
    assert 1 <= int(response.headers["retry-after"]) <= 10
    assert ask(app, "/v1/models", X_API_Key=OTHER).status_code == 503
    assert ask(app, "/livez").status_code == 200
    assert 'audiocnn_rejected_total{reason="rate_limited"} 1.0' in ask(app, "/metrics").text


def test_a_rate_is_one_over_all_processes_and_recovers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    one, other = (RateLimit(3, per_minute=60, burst=2, file=tmp_path / "rates") for _ in range(2))
    assert one.take(1) == 0
    assert other.take(1) == 0
    wait_s = one.take(1)
    assert 0 < wait_s <= 1
    assert other.take(2) == 0
    now += wait_s + 0.01
    assert other.take(1) == 0


def test_cors_is_off_by_default_and_only_for_origins_that_are_named() -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    assert "access-control-allow-origin" not in ask(create_app(Settings()), "/livez", Origin=ORIGIN).headers

    app = guarded(cors_origins=f"{ORIGIN}, https://other.example")
    preflight = ask(app, "/classify", "OPTIONS", **asked)  # browsers send it without the key
    assert (preflight.status_code, preflight.content) == (204, b"")
    assert "content-type" not in preflight.headers
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    refused = ask(app, "/v1/models", Origin=ORIGIN)  # the page may read why
    assert_problem(refused, 401, "unauthorized")
    assert refused.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in ask(app, "/livez", Origin="https://evil.example").headers
    foreign = ask(app, "/classify", "OPTIONS", **(asked | {"Origin": "https://evil.example"}))
    assert_problem(foreign, 403, "forbidden")
    assert "access-control-allow-origin" not in foreign.headers
    assert_problem(ask(app, "/classify", "OPTIONS", **(asked | {"Access-Control-Request-Method": "PUT"})), 403)


@pytest.mark.parametrize("path", ["/livez", "/no-such-path", "/v1/models", "/docs"])
def test_security_headers(path: str) -> None:
    headers = ask(create_app(Settings()), path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert ("script-src" in policy) == (path == "/docs")
