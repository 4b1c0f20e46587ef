"""Children that hang, crash, eat, babble or are killed: each costs one file at most, and nothing is left behind."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from audiocnn.errors import ConfigError, DecoderPoolError, UndecodableAudioError, UnreadableFileError
from audiocnn.isolation.pool import ChildLimits, DecoderPool
from tests.isolation import misbehaviour

ROOT = Path(__file__).parents[2]
QUICK = ChildLimits(memory_bytes=2**28, cpu_s=20, block_s=20, file_s=20)
FILE = io.BytesIO(b"0123456789")

linux = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")


@pytest.fixture
def pool():
    with DecoderPool(1, QUICK) as pool:
        yield pool


def stream(pool, decode, *arguments, largest=1000):
    return closing(pool.stream(decode, FILE, *arguments, failure=UndecodableAudioError, largest=largest))


def messages(pool, decode, *arguments, largest=1000):
    with stream(pool, decode, *arguments, largest=largest) as found:
        return list(found)


def assert_healthy(pool, restarts):
    assert [message.fields["at"] for message in messages(pool, misbehaviour.count, 3)] == [0, 1, 2]
    assert pool.restarts == restarts


def gone(pid: int) -> bool:
    """Whether a process has ended; who inherited it may not have buried it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class TestMessages:
    def test_arrive_in_order_with_their_arrays(self, pool):
        for at, message in enumerate(messages(pool, misbehaviour.count, 5)):
            assert message.fields == {"at": at}
            assert message.array.dtype == "float32"
            assert message.array.tolist() == [[at] * 3] * 2

    @pytest.mark.parametrize("start", [0, 4, 10])
    def test_files_on_disk_and_in_memory(self, pool, tmp_path, start):
        (tmp_path / "x").write_bytes(FILE.getvalue())
        with (tmp_path / "x").open("rb") as on_disk:
            on_disk.read(3)  # wherever its present position is
            for file in (FILE, on_disk):
                _, array = pool.single(misbehaviour.echo, file, start, failure=UndecodableAudioError, largest=10)
                assert array.tobytes() == FILE.getvalue()[start:]

    def test_a_child_stays_for_the_next_file(self, pool):
        assert pool.pids == []
        messages(pool, misbehaviour.count, 1)
        before = pool.pids
        for _ in range(20):
            messages(pool, misbehaviour.count, 1)
        assert pool.pids == before
        assert pool.restarts == 0

    @pytest.mark.parametrize("read", [0, 1, 5])
    def test_a_caller_that_stops_half_way_leaves_the_child_usable(self, pool, read):
        with stream(pool, misbehaviour.count, 10_000) as found:
            for _ in range(read):
                next(found)
        assert_healthy(pool, restarts=0)

    def test_a_caller_that_stops_at_the_very_end(self, pool):
        for number in range(1, 30):
            with stream(pool, misbehaviour.count, number) as found:
                for _ in range(number):
                    next(found)
        assert_healthy(pool, restarts=0)


@linux
def test_a_disk_that_fails_is_no_fault_of_the_decoder(pool):
    with open("/proc/self/mem", "rb") as unreadable:  # its first bytes are an I/O error
        found = pool.stream(misbehaviour.echo, unreadable, 0, failure=UndecodableAudioError, largest=1000)
        with closing(found), pytest.raises(UnreadableFileError, match="cannot read the file: Input/output error"):
            next(found)
    assert_healthy(pool, restarts=0)


@linux
class TestChild:
    def test_sees_no_secrets_and_imports_little(self, pool, monkeypatch):
        monkeypatch.setenv("AUDIOCNN_ADMIN_TOKEN", "secret")
        (message,) = messages(pool, misbehaviour.surroundings)
        assert "secret" not in str(message.fields["environment"])
        assert not {"torch", "onnxruntime", "fastapi", "soundfile", "PIL", "av", "soxr"} & set(
            message.fields["modules"]
        )

    def test_keeps_no_file_open(self, pool):
        counts = [messages(pool, misbehaviour.surroundings)[0].fields["files"] for _ in range(5)]
        assert counts == counts[:1] * 5

    def test_writes_no_file(self, pool, tmp_path):
        with pytest.raises(UndecodableAudioError):
            messages(pool, misbehaviour.write, str(tmp_path / "x"))
        assert (tmp_path / "x").stat().st_size == 0

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_leaves_signals_for_all_to_its_parent(self, pool, number):
        messages(pool, misbehaviour.count, 1)
        os.kill(pool.pids[0], number)
        assert_healthy(pool, restarts=0)


class TestLimits:
    @pytest.mark.parametrize(
        ("decode", "arguments", "limits", "text"),
        [
            (misbehaviour.sleep, (), ChildLimits(block_s=0.5), r"^decoding took longer than 0\.5 s"),
            (misbehaviour.spin, (), ChildLimits(block_s=0.5), r"^decoding took longer than 0\.5 s"),
            (misbehaviour.count, (100, 0.1), ChildLimits(file_s=0.55), "^decoding took longer than"),
            (
                misbehaviour.spin,
                (),
                ChildLimits(cpu_s=0.1, block_s=60),
                r"^decoding took more than 0\.1 s of processor time",
            ),
            (misbehaviour.crash, (), QUICK, "^the decoder crashed"),
            (misbehaviour.leave, (), QUICK, "^the decoder crashed"),
            (misbehaviour.kill_itself, (), QUICK, "^the decoder crashed"),
            (misbehaviour.babble, ("ff" * 64,), QUICK, "^the decoder crashed"),
            (misbehaviour.babble, ("02000000000000005b5d",), QUICK, "^the decoder crashed"),
            (misbehaviour.allocate, (1001,), QUICK, "^the decoder crashed"),
        ],
    )
    def test_a_child_that_breaks_them_is_replaced(self, decode, arguments, limits, text):
        with DecoderPool(1, limits) as pool:
            started = time.monotonic()
            with pytest.raises(UndecodableAudioError, match=text + ".*; the file is damaged or made to do harm"):
                messages(pool, decode, *arguments)
            assert time.monotonic() - started < 60
            assert pool.restarts == (3 if decode is misbehaviour.kill_itself else 1)
            pids = pool.pids
            pool.limits = QUICK  # a good file on a busy machine may take longer than those
            assert_healthy(pool, restarts=pool.restarts)
            assert pids == []

    @linux
    @pytest.mark.parametrize("in_python", [True, False])
    def test_memory(self, pool, in_python):
        with pytest.raises(UndecodableAudioError, match=r"^decoding needs more than 256 MiB of memory"):
            messages(pool, misbehaviour.eat, in_python)
        assert_healthy(pool, restarts=0)

    def test_other_errors_show_nothing_of_the_library(self, pool):
        with pytest.raises(UndecodableAudioError) as caught:
            messages(pool, misbehaviour.fail)
        assert "secret" not in str(caught.value)
        assert "ZeroDivisionError: a secret of the library" in str(caught.value.__cause__)
        assert_healthy(pool, restarts=0)

    def test_processor_time_counts_for_each_file_anew(self):
        with DecoderPool(1, ChildLimits(cpu_s=1)) as pool:
            for _ in range(12):
                messages(pool, misbehaviour.work, 0.2)
            assert pool.restarts == 0

    @pytest.mark.parametrize("name", ["memory_bytes", "cpu_s", "block_s", "file_s"])
    def test_must_be_above_zero(self, name):
        with pytest.raises(ConfigError, match=f"{name} must be above 0, got 0"):
            ChildLimits(**{name: 0})
        with pytest.raises(ConfigError, match="size must be at least 1, got 0"):
            DecoderPool(0)


class TestKilledFromOutside:
    def test_between_files(self, pool):
        messages(pool, misbehaviour.count, 1)
        os.kill(pool.pids[0], signal.SIGKILL)
        assert_healthy(pool, restarts=1)

    @pytest.mark.parametrize("read", [0, 1, 20])
    def test_in_a_file_goes_on_where_it_stopped(self, pool, read):
        with stream(pool, misbehaviour.count, 30, 0.01) as found:
            seen = [next(found).fields["at"] for _ in range(read)]
            os.kill(pool.pids[0], signal.SIGKILL)
            seen += [message.fields["at"] for message in found]
        assert seen == list(range(30))
        assert_healthy(pool, restarts=1)

    def test_three_times_is_enough(self, pool):
        with stream(pool, misbehaviour.count, 1000, 0.01) as found:
            next(found)
            for killed in range(3):
                while pool.restarts < killed:  # what the last one had sent ahead comes first
                    next(found)
                os.kill(pool.pids[0], signal.SIGKILL)
            with pytest.raises(UndecodableAudioError, match="the decoder crashed"):
                list(found)
        assert_healthy(pool, restarts=3)


class TestThreads:
    def test_share_the_children(self):
        with DecoderPool(2, QUICK) as pool, ThreadPoolExecutor(8) as threads:
            work = [threads.submit(messages, pool, misbehaviour.count, number % 7) for number in range(200)]
            assert [len(job.result()) for job in work] == [number % 7 for number in range(200)]
            assert 1 <= len(pool.pids) <= 2

    def test_a_hanging_file_holds_up_one_child(self):
        with ThreadPoolExecutor(1) as threads, DecoderPool(2, ChildLimits(block_s=60)) as pool:
            hanging = threads.submit(messages, pool, misbehaviour.sleep)
            wait_until(lambda: len(pool.pids) == 1)
            assert len(messages(pool, misbehaviour.count, 3)) == 3
            assert not hanging.done()
        assert isinstance(hanging.exception(), DecoderPoolError)


class TestEnd:
    def test_closing_ends_children_at_work_and_who_waits(self):
        pool = DecoderPool(1, QUICK)
        with ThreadPoolExecutor(2) as threads:
            jobs = [threads.submit(messages, pool, misbehaviour.sleep) for _ in range(2)]
            wait_until(lambda: len(pool.pids) == 1)
            (pid,) = pool.pids
            pool.close()
            assert gone(pid)
            for job in jobs:
                assert isinstance(job.exception(), DecoderPoolError)
        with pytest.raises(DecoderPoolError, match="the decoder pool is closed; open a new one"):
            messages(pool, misbehaviour.count, 1)
        pool.close()
        assert pool.pids == []

    @linux
    @pytest.mark.parametrize("decode", ["sleep", "spin", "count", "open_with_libsndfile"])
    def test_no_orphan_of_a_parent_killed_with_9(self, decode):
        code = f"""
import io
import time
from audiocnn.errors import MediaError
from audiocnn.isolation.pool import DecoderPool
from tests.hostile import SNDFILE_HANG
from tests.isolation import misbehaviour
pool = DecoderPool(2)
arguments = (10**9, 1) if {decode!r} == "count" else ()
found = pool.stream(misbehaviour.{decode}, io.BytesIO(SNDFILE_HANG), *arguments, failure=MediaError, largest=1000)
next(found)
time.sleep(0.5)
print(*pool.pids, flush=True)
time.sleep(100)
"""
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=_environment()) as parent:
            pids = [int(pid) for pid in parent.stdout.readline().split()]
            assert pids
            assert not any(gone(pid) for pid in pids)
            parent.kill()
        wait_until(lambda: all(gone(pid) for pid in pids))

    @linux
    def test_nothing_is_left_after_many_bad_files(self):
        def descriptors():
            return len(os.listdir("/proc/self/fd"))

        def dead_children():
            mine = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
            return [pid for pid in mine if gone(int(pid))]

        before = descriptors()
        with DecoderPool(1, QUICK) as pool:
            for decode in (misbehaviour.crash, misbehaviour.leave, misbehaviour.fail, misbehaviour.kill_itself) * 2:
                with pytest.raises(UndecodableAudioError):
                    messages(pool, decode)
                assert dead_children() == []
            assert_healthy(pool, restarts=2 * 5)
            assert descriptors() < before + 5
        assert descriptors() == before


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}
