"""What happens before a request reaches the application: slow, large, malformed and too many of them."""

import contextlib
import hashlib
import socket
import time
from collections.abc import Iterator

import pytest

from tests.audio_files import noise, tone, wav_bytes
from tests.service.server import Server, assert_problem, running_service
from tests.service.wire import answers, connected, everything, exchange, post, trickle

GOOD = wav_bytes(tone(seconds=0.2))
LIVE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
CHUNKED = b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def strict() -> Iterator[Server]:
    """A service with limits that tests can reach."""
    with running_service(
        workers=1,
        header_timeout_s=1,
        keep_alive_s=1,
        body_timeout_s=1.5,
        max_header_bytes=4096,
        classify_timeout_s=20,
    ) as server:
        yield server


def test_headers_that_trickle_are_answered_408(strict: Server) -> None:
    (response,) = answers(trickle(strict, b"GET /livez HTTP/1.1\r\nX-Slow: ", b"a"))
    assert_problem(response, 408, "slow_headers")
    assert response.headers["connection"] == "close"


def test_headers_that_trickle_on_a_connection_already_used(strict: Server) -> None:
    alive, late = answers(trickle(strict, LIVE + b"G", b""))
    assert alive.status_code == 200
    assert_problem(late, 408, "slow_headers")


@pytest.mark.parametrize("blank", [b"", b"\r\n"])
def test_a_connection_that_asks_nothing_is_closed(strict: Server, blank: bytes) -> None:
    assert b"HTTP/1.1 2" not in trickle(strict, blank, blank)


@pytest.mark.parametrize("start", [LIVE, LIVE + b"\r\n"])
def test_an_idle_connection_is_closed_after_its_answer(strict: Server, start: bytes) -> None:
    assert [response.status_code for response in answers(exchange(strict, start))][:1] == [200]


def test_a_body_that_trickles_is_answered_408(strict: Server) -> None:
    (response,) = answers(trickle(strict, post(bytes(1000))[:-1000], b"R"))
    assert_problem(response, 408, "slow_body")


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Big: " + b"a" * 5000 + b"\r\n\r\n", id="one header"),
        pytest.param(b"GET /livez HTTP/1.1\r\n" + b"a: b\r\n" * 2000 + b"\r\n", id="many headers"),
        pytest.param(b"GET /livez?" + b"a" * 5000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", id="address"),
        pytest.param(b"GET /livez HTTP/1.1\r\nX-Big: " + b"a" * 50_000, id="without end"),
    ],
)
def test_large_headers_are_answered_431(strict: Server, head: bytes) -> None:
    (response,) = answers(exchange(strict, head))
    assert_problem(response, 431, "headers_too_large")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),  # a TLS client
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /livez HTTP/9.9\r\nHost: x\r\n\r\n",
        b"BREW /livez HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[::bad HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nX: a\x00b\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /classify HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /classify HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST /classify HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        b"POST /classify HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"-5\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"ffffffffffffffffffff\r\nabc",
        CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n",
        CHUNKED + b"3\r\nabc\r\n0\r\nX-Trailer: " + b"a" * 5000 + b"\r\n\r\n",
        CHUNKED + b"3\r\nabc\r\n0\r\n" + b"a: b\r\n" * 20_000 + b"\r\n",
        CHUNKED.replace(b"1.1", b"1.0") + b"3\r\nabc\r\n0\r\n\r\n",
        CHUNKED.replace(b"chunked", b"chunked, identity") + b"3\r\nabc\r\n0\r\n\r\n",
        CHUNKED.replace(b"chunked", b"gzip, chunked") + b"3\r\nabc\r\n0\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /livez HTTP/2.0\r\nHost: a\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_problem(strict: Server, request_bytes: bytes) -> None:
    (response,) = answers(exchange(strict, request_bytes))
    assert_problem(response, 400, "malformed_request")
    assert response.headers["x-content-type-options"] == "nosniff"


def test_a_trailer_is_no_header(strict: Server) -> None:
    body = b"%x\r\n%b\r\n0\r\nX-Request-ID: from-the-trailer\r\n\r\n" % (len(GOOD), GOOD)
    (response,) = answers(exchange(strict, CHUNKED.replace(b"Host: x", b"Host: x\r\nConnection: close") + body))
    assert response.status_code == 200
    assert response.headers["x-request-id"] != "from-the-trailer"


def test_an_upgrade_nobody_offers_is_answered_in_http_1(strict: Server) -> None:
    head = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    (response,) = answers(exchange(strict, head))
    assert response.json() == {"status": "alive"}


SOCKET = (
    b"GET /v1/stream?sample_rate=16000 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        (SOCKET.replace(b"13", b"99"), 400, "malformed_request"),
        (SOCKET.replace(b"AA==", b"=="), 400, "malformed_request"),
        (SOCKET.replace(b"Sec-WebSocket-Key", b"X-Key"), 400, "malformed_request"),
        (SOCKET.replace(b"HTTP/1.1", b"HTTP/1.0"), 400, "malformed_request"),
        (SOCKET.replace(b"GET", b"POST"), 400, "malformed_request"),
        (SOCKET.replace(b"Host", b"Content-Length: 5\r\nHost") + b"hello", 400, "malformed_request"),
        (SOCKET.replace(b"Host", b"a: b\r\n" * 200 + b"Host"), 431, "headers_too_large"),
        (SOCKET.replace(b"/v1/stream", b"/nowhere"), 404, "not_found"),
        (SOCKET.replace(b"/v1/stream", b"/classify"), 404, "not_found"),
    ],
)
def test_what_becomes_no_socket_is_a_problem(strict: Server, head: bytes, status: int, code: str) -> None:
    (response,) = answers(exchange(strict, head))
    assert_problem(response, status, code)
    assert response.headers["x-content-type-options"] == "nosniff"


def test_a_socket_without_a_key_is_a_problem_and_a_preflight_needs_none() -> None:
    digest = hashlib.sha256(b"key").hexdigest()
    guards = {
        "api_keys": digest,
        "rate_limit_per_minute": 1,
        "rate_limit_burst": 1,
        "cors_origins": "https://x.example",
    }
    with running_service(**guards) as server:
        (response,) = answers(exchange(server, SOCKET.replace(b"Host", b"X-Request-ID: mine\r\nHost")))
        assert_problem(response, 401, "unauthorized")
        assert response.headers["x-request-id"] == "mine"
        assert server.client.get("/v1/models", headers={"X-API-Key": "key"}).status_code == 200
        (response,) = answers(exchange(server, SOCKET.replace(b"Host", b"X-API-Key: key\r\nHost")))
        assert_problem(response, 429, "rate_limited")
        preflight = {"Origin": "https://x.example", "Access-Control-Request-Method": "POST"}
        assert server.client.options("/classify", headers=preflight).status_code == 204
        counted = server.client.get("/metrics").text
        assert 'audiocnn_requests_total{code="401"} 1.0' in counted
        assert 'audiocnn_rejected_total{reason="rate_limited"} 1.0' in counted


def test_a_long_header_of_a_socket_is_a_problem(server: Server) -> None:
    (response,) = answers(exchange(server, SOCKET.replace(b"Host", b"X: " + b"a" * 15_000 + b"\r\nHost")))
    assert_problem(response, 431, "headers_too_large")


def test_a_socket_behind_a_request_costs_no_answer(strict: Server) -> None:
    (response,) = answers(exchange(strict, post(GOOD) + SOCKET))
    assert response.status_code == 200


def test_a_socket_whose_peer_reads_nothing_is_dropped(strict: Server) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # the rest waits at the server
        connection.settimeout(1)
        connection.connect(("127.0.0.1", strict.port))
        connection.sendall(SOCKET)
        pings = (b"\x89\xfd" + bytes(4 + 125)) * 1000
        dropped, deadline = False, time.monotonic() + 60
        while not dropped and time.monotonic() < deadline:
            try:
                sent = connection.send(pings)
                pings = pings[sent:] + pings[:sent]
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                dropped = True
        assert dropped


def test_http_1_0(strict: Server) -> None:
    live, classified = (
        answers(exchange(strict, head)) for head in (b"GET /livez HTTP/1.0\r\n\r\n", post(GOOD, version="1.0"))
    )
    assert [response.status_code for response in (*live, *classified)] == [200, 200]


def test_pipelined_requests_are_answered_in_their_order(strict: Server) -> None:
    names = [f"Request-{number}" for number in range(6)]
    asked = b"".join(post(GOOD, f"X-Request-ID: {name}") for name in names)
    responses = answers(exchange(strict, asked + LAST))
    assert [response.status_code for response in responses] == [200] * 7
    assert [response.headers["x-request-id"] for response in responses[:6]] == names
    assert len({response.json()["predictions"][0]["score"] for response in responses[:6]}) == 1


@pytest.mark.parametrize("before", [1, 3])
def test_garbage_behind_requests_costs_no_answer(strict: Server, before: int) -> None:
    responses = answers(exchange(strict, post(GOOD) * before + b"\x00garbage\r\n\r\n"))
    assert [response.status_code for response in responses] == [200] * before


def test_no_connection_may_ask_endlessly_ahead(strict: Server) -> None:
    responses = answers(exchange(strict, post(GOOD) + LIVE * 200))
    assert {response.status_code for response in responses} == {200}
    assert 2 < len(responses) < 50


def test_a_body_that_ends_early_holds_nothing(strict: Server) -> None:
    with connected(strict) as connection:
        connection.sendall(post(GOOD)[:-100])
        connection.shutdown(1)
        assert everything(connection) == b""
    strict.wait_for_log("POST /classify client left")


def test_answers_that_nobody_reads_are_dropped(strict: Server) -> None:
    def answered() -> int:
        return strict.log.count("GET (no route) 200")

    started = sent = answered()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # the rest waits at the server
        connection.settimeout(30)
        connection.connect(("127.0.0.1", strict.port))
        while answered() == sent:  # until it cannot send any more
            connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 8)
            sent += 8
            stuck_s = time.monotonic() + 5
            while answered() < sent and time.monotonic() < stuck_s:
                time.sleep(0.02)
        received = b""
        with contextlib.suppress(ConnectionResetError):
            received = everything(connection)
    assert received.count(b"HTTP/1.1 200 OK") < sent - started  # only what the system had already taken


def test_more_connections_than_allowed_are_told_so() -> None:
    with running_service(max_connections=5, header_timeout_s=60) as server:
        with contextlib.ExitStack() as stack:
            held = [stack.enter_context(connected(server)) for _ in range(5)]
            refused = [stack.enter_context(connected(server)) for _ in range(3)]
            for connection in refused:
                connection.sendall(LIVE)
                (response,) = answers(everything(connection))
                assert_problem(response, 503, "too_many_connections")
            for connection in held:
                connection.sendall(LIVE)
                assert connection.recv(12) == b"HTTP/1.1 200"
        deadline = time.monotonic() + 60
        while answers(exchange(server, LAST))[0].status_code != 200:
            assert time.monotonic() < deadline


def test_refusals_are_counted_by_their_reason(strict: Server) -> None:
    exchange(strict, b"GET\r\n\r\n")
    counted = strict.client.get("/metrics").text
    assert 'audiocnn_rejected_total{reason="malformed_request"}' in counted
    assert "Traceback" not in strict.log, strict.log[strict.log.index("Traceback") - 200 :][:6000]


def test_the_deadline_counts_from_the_first_byte() -> None:
    song = wav_bytes(noise(1.0))
    with running_service(classify_timeout_s=3) as server:
        with connected(server) as connection:
            connection.sendall(post(song, "Connection: close")[:10])
            time.sleep(1.6)
            connection.sendall(post(song, "Connection: close")[10:-1])
            time.sleep(1.6)
            connection.sendall(song[-1:])
            (response,) = answers(everything(connection))
        assert_problem(response, 504, "deadline_exceeded")
        assert server.classify(song).status_code == 200
