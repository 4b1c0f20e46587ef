"""`POST /classify` on good input: the library's answer, whatever the form of the upload."""

import json
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from audiocnn import Classifier
from service.schemas import ClassifyResponse
from tests.audio_files import WAV_SUBTYPES, encoded, music, silence, wav_bytes
from tests.service.server import Server

SONG = wav_bytes(music(6.5, 44_100, channels=2), 44_100)


def comparable(body: dict[str, Any]) -> dict[str, Any]:
    """The answer without what differs from call to call."""
    return {name: value for name, value in body.items() if name not in ("request_id", "timing_ms")}


def answer(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    body: dict[str, Any] = response.json()
    assert ClassifyResponse.model_validate(body).model_dump(exclude_unset=True) == body
    assert body["request_id"] == response.headers["x-request-id"]
    return body


def test_raw_and_form_give_the_answer_of_the_library(server: Server, classifier: Classifier) -> None:
    expected = comparable(classifier.classify(SONG).to_json(top_k=5, segments=True))
    assert len(expected["segments"]) == 3
    assert comparable(answer(server.classify(SONG, segments=True))) == expected
    assert comparable(answer(server.classify(SONG, "application/octet-stream", segments=True))) == expected
    assert comparable(answer(server.classify_form(SONG, segments=True))) == expected


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_lines_of_the_readme(server: Server, classifier: Classifier, tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(SONG)

    def curl(*arguments: str) -> dict[str, Any]:
        command = ["curl", "-sS", "--fail-with-body", "-m", "30", *arguments, f"{server.url}/classify"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        body: dict[str, Any] = json.loads(done.stdout)
        return body

    expected = comparable(classifier.classify(SONG).to_json(top_k=5))
    assert comparable(curl("-F", "file=@x.wav")) == expected
    assert comparable(curl("--data-binary", "@x.wav", "-H", "Content-Type: audio/wav")) == expected


def test_body_has_the_documented_shape(server: Server) -> None:
    plain, detailed = answer(server.classify(SONG)), answer(server.classify(SONG, segments="true"))
    first = ["request_id", "model", "audio", "predictions", "side", "labels", "side_labels"]
    last = ["warnings", "timing_ms"]
    assert list(plain) == [*first, *last]
    assert list(detailed) == [*first, "segments", *last]
    assert plain["audio"] == {"duration_s": 6.5, "sample_rate": 44100, "channels": 2, "format": "wav"}
    assert list(detailed["segments"][0]) == ["start_s", "end_s", "silent", "predictions", "side"]


def test_timing_adds_up(server: Server) -> None:
    timing = answer(server.classify(SONG))["timing_ms"]
    assert list(timing) == ["queue", "decode", "infer", "total"]
    assert min(timing.values()) > 0
    assert timing["total"] == pytest.approx(timing["queue"] + timing["decode"] + timing["infer"], abs=0.01)


def test_top_k_and_threshold_choose_from_the_full_answer(server: Server) -> None:
    everything = answer(server.classify(SONG))["predictions"]
    assert len(everything) == 4
    assert sum(p["score"] for p in everything) == pytest.approx(1, abs=1e-5)
    assert everything == sorted(everything, key=lambda p: -p["score"])
    assert answer(server.classify(SONG, top_k=2))["predictions"] == everything[:2]
    assert answer(server.classify_form(SONG, top_k=1))["predictions"] == everything[:1]
    between = (everything[1]["score"] + everything[2]["score"]) / 2
    assert answer(server.classify(SONG, threshold=between))["predictions"] == everything[:2]
    assert answer(server.classify(SONG, threshold=1))["predictions"] == []


@pytest.mark.parametrize("subtype", WAV_SUBTYPES)
def test_every_sample_format(server: Server, classifier: Classifier, subtype: str) -> None:
    data = wav_bytes(music(1.0), subtype=subtype)
    assert comparable(answer(server.classify_form(data))) == comparable(classifier.classify(data).to_json(top_k=5))


@pytest.mark.parametrize("sample_rate", [4_000, 8_000, 11_025, 22_050, 48_000, 96_000, 192_000, 384_000])
def test_every_sample_rate(server: Server, sample_rate: int) -> None:
    body = answer(server.classify(wav_bytes(music(1.0, sample_rate), sample_rate)))
    assert body["audio"]["sample_rate"] == sample_rate
    assert body["audio"]["duration_s"] == 1.0
    assert len(body["predictions"]) == 4


def test_eight_channels(server: Server) -> None:
    assert answer(server.classify(wav_bytes(music(1.0, channels=8))))["audio"]["channels"] == 8


@pytest.mark.parametrize("format", ["FLAC", "OGG", "MP3", "AIFF"])
def test_content_counts_and_neither_name_nor_type(server: Server, format: str) -> None:
    data = encoded(music(2.0), format=format)
    for response in (server.classify_form(data, name="song.wav"), server.classify(data, "audio/wav")):
        assert answer(response)["audio"]["format"] == format.lower()


def test_no_content_type_is_taken_as_bytes(server: Server) -> None:
    response = server.client.post("/classify", content=iter([SONG]), timeout=30)
    assert "content-type" not in response.request.headers
    assert len(answer(response)["predictions"]) == 4


@pytest.mark.parametrize(
    "disposition", [b"filename*=utf-8''%E2%82%AC.wav", 'filename="€ é.wav"'.encode(), b'filename=""']
)
def test_any_file_name_in_the_form(server: Server, disposition: bytes) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="file"; ' + disposition + b"\r\n\r\n"
    assert answer(server.classify(head + SONG + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"))["predictions"]


def test_one_sample_is_silence(server: Server) -> None:
    body = answer(server.classify(wav_bytes(music(1.0)[:, 5000:5001])))
    assert body["audio"]["duration_s"] == pytest.approx(1 / 16_000, abs=1e-6)
    assert body["predictions"] == []
    assert "silence" in body["warnings"][0]


def test_a_few_samples_are_answered_with_a_warning(server: Server) -> None:
    body = answer(server.classify(wav_bytes(music(1.0)[:, 5000:5005])))
    assert len(body["predictions"]) == 4
    assert "do not rely on this answer" in body["warnings"][0]


def test_silence_has_no_label(server: Server) -> None:
    body = answer(server.classify(wav_bytes(silence(5.0)), segments=True))
    assert body["predictions"] == []
    assert all(segment["silent"] for segment in body["segments"])
    assert "silence" in body["warnings"][0]


def test_a_file_cut_short_is_answered_with_a_warning(server: Server) -> None:
    body = answer(server.classify(SONG[: len(SONG) // 2]))
    assert len(body["predictions"]) == 4
    assert "cut short" in body["warnings"][0]


def test_concurrent_answers_equal_serial_ones(server: Server) -> None:
    songs = [wav_bytes(music(3.0, seed=seed)) for seed in range(6)]
    serial = [comparable(answer(server.classify(song))) for song in songs]
    with ThreadPoolExecutor(12) as pool:
        concurrent = list(pool.map(lambda song: comparable(answer(server.classify(song))), songs * 2))
    assert concurrent == serial * 2
    assert len({json.dumps(body) for body in serial}) == 6
