"""`WS /v1/stream`: what comes live is answered as a file would be, within limits."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from audiocnn import Classifier
from service.schemas import StreamMessage
from tests.audio_files import music, noise, silence, wav_bytes
from tests.service.server import Server, running_service

SOUND = np.concatenate([music(8), silence(5), noise(5)], axis=1)[0].astype(np.float32)
MESSAGE: TypeAdapter[Any] = TypeAdapter(StreamMessage)


@contextmanager
def streaming(server: Server, **query: Any) -> Iterator[ClientConnection]:
    text = "&".join(f"{name}={value}" for name, value in ({"sample_rate": 16_000} | query).items())
    with connect(f"{server.url.replace('http', 'ws')}/v1/stream?{text}", open_timeout=20) as connection:
        yield connection


@contextmanager
def with_room(server: Server) -> Iterator[ClientConnection]:
    """A stream that is ready. A place is given back a moment after its client has gone, so this tries for a while."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with streaming(server) as connection:
            if message(connection)["type"] == "ready":
                yield connection
                return
        time.sleep(0.05)
    raise AssertionError("no place was given back in 60 s")


def message(connection: ClientConnection) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(connection.recv(timeout=30))
    assert MESSAGE.validate_python(body).model_dump(exclude_unset=True) == body
    return body


def everything(connection: ClientConnection) -> tuple[list[dict[str, Any]], int]:
    """All messages until the server closes, and its close code."""
    messages = []
    try:
        while True:
            messages.append(message(connection))
    except ConnectionClosed as closed:
        return messages, closed.rcvd.code if closed.rcvd else 1006


def send(connection: ClientConnection, data: bytes, size: int = 7001) -> None:
    for start in range(0, len(data), size):
        connection.send(data[start : start + size])


def drip(connection: ClientConnection, data: bytes, times: int) -> None:
    """The same message again and again, until the server closes."""
    with suppress(ConnectionClosed):
        for _ in range(times):
            connection.send(data)
            time.sleep(0.02)


def refusal(connection: ClientConnection) -> tuple[str, int]:
    messages, code = everything(connection)
    problem = messages[-1]["problem"]
    assert messages[-1]["type"] == "problem"
    assert problem["instance"] == "/v1/stream"
    return problem["code"], code


def counted(server: Server, name: str) -> float:
    lines = server.client.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def test_streams_are_counted(server: Server) -> None:
    heard_s, windows = counted(server, "audiocnn_audio_seconds_total"), counted(server, "audiocnn_stream_windows_total")
    with streaming(server) as connection:
        assert message(connection)["type"] == "ready"
        send(connection, SOUND[: 6 * 16_000].astype("<i2").tobytes())
        assert message(connection)["type"] == "prediction"
        assert counted(server, "audiocnn_active_streams") == 1
        connection.send('{"type": "end"}')
        messages, code = everything(connection)
    assert (messages[-1], code) == ({"type": "end", "duration_s": 6.0, "windows": 2}, 1000)
    assert counted(server, "audiocnn_active_streams") == 0
    assert counted(server, "audiocnn_audio_seconds_total") - heard_s == 6.0
    assert counted(server, "audiocnn_stream_windows_total") - windows == 2


@pytest.mark.parametrize("format", ["f32le", "s16le"])
def test_answers_are_those_of_a_file(server: Server, classifier: Classifier, format: str) -> None:
    pcm = SOUND if format == "f32le" else np.round(SOUND * 32_768).clip(-32_768, 32_767).astype("<i2")
    wav = wav_bytes(SOUND[np.newaxis], subtype="FLOAT" if format == "f32le" else "PCM_16")
    with streaming(server, format=format, top_k=4) as connection:
        send(connection, pcm.tobytes())
        connection.send('{"type": "end"}')
        messages, code = everything(connection)
    ready, *predictions, end = messages
    assert code == 1000
    assert (ready["type"], ready["window_s"], ready["hop_s"]) == ("ready", 4.0, 2.0)
    assert end == {"type": "end", "duration_s": 18.0, "windows": len(predictions)}
    expected = classifier.classify(wav).to_json(segments=True)["segments"]
    found = [p["segment"] for p in predictions]
    spans = [(s["start_s"], s["end_s"]) for s in expected]
    assert [(s["start_s"], s["end_s"]) for s in found] == spans
    # A file knows its loudest window only at its end: what is background noise may differ, the silence may not.
    for one, other in zip(found, expected, strict=True):
        if one["predictions"] and other["predictions"]:
            for p, q in zip(one["predictions"], other["predictions"], strict=True):
                assert (p["label"], p["score"]) == (q["label"], pytest.approx(q["score"], abs=1e-3))
    assert found[0]["predictions"]
    assert predictions[-1]["predictions"]


def test_answers_come_while_the_sound_goes_on(server: Server) -> None:
    with streaming(server, format="f32le", hop_s=1) as connection:
        assert message(connection)["type"] == "ready"
        for second in range(8):
            connection.send(SOUND[16_000 * second : 16_000 * (second + 1)].tobytes())
            if second >= 3:
                prediction = message(connection)
                assert prediction["segment"]["end_s"] == second + 1


@pytest.mark.parametrize(
    ("query", "code", "close"),
    [
        ({"sample_rate": 1}, "invalid_parameter", 1007),
        ({"sample_rate": "many"}, "invalid_parameter", 1007),
        ({"format": "mp3"}, "invalid_parameter", 1007),
        ({"topk": 1}, "invalid_parameter", 1007),
        ({"hop_s": 99}, "invalid_window", 1007),
        ({"hop_s": "nan"}, "invalid_parameter", 1007),
        ({"top_k": "1&top_k=2"}, "invalid_parameter", 1007),
        ({"model": "nothing"}, "unknown_model", 1008),
    ],
)
def test_bad_parameters(server: Server, query: dict[str, Any], code: str, close: int) -> None:
    with streaming(server, **query) as connection:
        assert refusal(connection) == (code, close)


def test_bad_messages(server: Server) -> None:
    with streaming(server) as connection:
        connection.send("hello")
        assert refusal(connection) == ("unsupported_media_type", 1003)
    with streaming(server, format="f32le") as connection:
        connection.send(np.full(1000, np.nan, np.float32).tobytes())
        assert refusal(connection) == ("non_finite_audio", 1007)
    with streaming(server) as connection:
        connection.send('{"type": "end"}')
        assert refusal(connection) == ("empty_audio", 1007)
    for garbage in (b"\x81\x82" + bytes(4) + b"\xff\xfe", b"\x83\x80" + bytes(4), b"GET / HTTP/1.1\r\n\r\n"):
        with streaming(server) as connection:
            message(connection)
            connection.socket.sendall(garbage)
            assert everything(connection)[1] in (1002, 1007)
    assert "Traceback" not in server.log
    with streaming(server) as connection:
        message(connection)
        # Its header only: whoever still sends when the server closes may lose the close code.
        masked, eight_bytes, mask = 0x80, 127, bytes(4)
        connection.socket.sendall(bytes([0x82, masked | eight_bytes]) + (2_000_000).to_bytes(8) + mask)
        assert everything(connection)[1] == 1009


def test_a_limit_on_length() -> None:
    with running_service(max_stream_s=10) as server, streaming(server) as connection:
        send(connection, bytes(32_000 * 11), 32_000)
        assert refusal(connection) == ("stream_too_long", 1009)
        assert "Traceback" not in server.log


def test_a_limit_on_silence() -> None:
    with running_service(stream_idle_s=1) as server:
        started = time.monotonic()
        with streaming(server) as connection:
            assert message(connection)["type"] == "ready"
            assert refusal(connection) == ("slow_stream", 1008)
            assert 0.9 < time.monotonic() - started < 10
        with streaming(server) as connection:  # messages without sound are no sound
            assert message(connection)["type"] == "ready"
            drip(connection, b"", times=500)
            assert refusal(connection) == ("slow_stream", 1008)
        assert "Traceback" not in server.log


def test_only_so_many_streams_at_a_time() -> None:
    with running_service(max_streams=2) as server:
        with streaming(server) as first, streaming(server) as second:
            assert [message(connection)["type"] for connection in (first, second)] == ["ready"] * 2
            with streaming(server) as third:
                assert refusal(third) == ("overloaded", 1013)
        # Their places are given back, also of those whose client just went.
        for _ in range(5):
            with with_room(server) as connection:
                connection.send(bytes(1000))
        assert "Traceback" not in server.log


def test_a_trickle_of_sound_ends_too() -> None:
    with running_service(max_stream_s=1, stream_idle_s=3) as server, streaming(server) as connection:
        assert message(connection)["type"] == "ready"
        drip(connection, bytes(2), times=500)
        assert refusal(connection) == ("stream_too_long", 1009)


def test_plain_http_is_told_nothing_is_there(server: Server) -> None:
    assert server.client.get("/v1/stream").status_code == 404


def test_a_stop_ends_streams(server: Server) -> None:
    with running_service() as stopping, streaming(stopping) as connection:
        assert message(connection)["type"] == "ready"
        stopping.process.send_signal(signal.SIGTERM)
        assert everything(connection) == ([], 1012)
        assert stopping.process.wait(60) == 0
        assert "Traceback" not in stopping.log


def test_memory_does_not_grow(server: Server) -> None:
    def rss_kib() -> int:
        with open(f"/proc/{server.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    with streaming(server, hop_s=4) as connection:
        message(connection)
        second = bytes(32_000)
        for i in range(400):
            connection.send(second)
            if i == 100:
                before = rss_kib()
            while i > 4 and i % 4 == 0:
                message(connection)
                break
        assert rss_kib() - before < 10_000
