"""Ten times what the service can do, and an hour of it in ten minutes."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.audio_files import encoded, music, noise, wav_bytes
from tests.service.load import Load
from tests.service.server import Server, assert_problem, running_service

DEADLINE_S = 20.0
MINUTE = wav_bytes(noise(60.0))
SHORT = wav_bytes(music(1))
SOAK_S = float(os.environ.get("SOAK_S", "600"))


def test_overload_ends_in_answers_or_503_and_is_over_at_once() -> None:
    # One worker and one that waits: 20 clients are ten times what fits.
    with running_service(workers=1, max_queue=1, classify_timeout_s=DEADLINE_S) as server:
        with Load(server.client, MINUTE, clients=20, pause_s=0.05) as load:
            load.wait_for(120)
        assert set(load.outcomes) == {"200", "503"}
        for response in load.refused:
            assert_problem(response, 503, "overloaded")
        assert max(load.took_s) < DEADLINE_S + 5  # and the time that a busy machine takes to tell
        assert len(load.answers) == 1
        recover(server)
        assert "Traceback" not in server.log


def recover(server: Server) -> None:
    """The next good request is answered, two seconds after the flood at the latest."""
    deadline = time.monotonic() + 2
    while (response := server.classify(SHORT)).status_code != 200:
        assert_problem(response, 503, "overloaded")
        assert time.monotonic() < deadline
        time.sleep(0.1)


def rss_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@pytest.mark.slow
def test_memory_goes_back_after_many_uploads() -> None:
    upload = wav_bytes(noise(30.0, 22_050), 22_050)
    with running_service(workers=2, max_queue=64) as server:

        def at_once(count: int) -> int:
            with ThreadPoolExecutor(count) as pool:
                responses = list(pool.map(server.classify_form, [upload] * count))
            assert {response.status_code for response in responses} == {200}
            return rss_kib(server.process.pid)

        before = at_once(8)
        assert at_once(64) < before + 20 * 1024


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@pytest.mark.slow
def test_a_soak_does_not_grow() -> None:
    """Files of many lengths, good and bad, for ten minutes (SOAK_S seconds): memory stays within 5 %."""
    flac = encoded(music(7), format="FLAC")
    files = [SHORT, MINUTE, wav_bytes(music(7)), MINUTE[:100_000], flac, flac[:9000], b"not audio", b""]
    with running_service(workers=2) as server:

        def round_of_files(seconds: float) -> None:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                for file in files:
                    with Load(server.client, file, clients=4) as load:
                        load.wait_for(12)
                    assert set(load.outcomes) <= {"200", "400", "415", "503"}, load.outcomes

        round_of_files(SOAK_S / 10)  # every buffer has its size after that
        before, files_before = rss_kib(server.process.pid), open_files(server.process.pid)
        round_of_files(SOAK_S)
        assert rss_kib(server.process.pid) < 1.05 * before
        assert open_files(server.process.pid) <= files_before + 8  # connections that are closing
        assert "Traceback" not in server.log
