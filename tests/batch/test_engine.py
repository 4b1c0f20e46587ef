"""The pipeline: order, bounds, and one outcome for every file whatever happens in it."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from audiocnn import Classifier, DecodeLimits, Result
from audiocnn.batch.engine import AHEAD, classify_files, default_workers, pipeline
from audiocnn.batch.result import FileError
from audiocnn.errors import ConfigError, EmptyAudioError
from audiocnn.spec import MAIN, TaskSpec
from tests.audio_files import music, wav_bytes
from tests.batch.answers import LABELS, answered, failed

ANSWER = answered().outcome
TASKS = {MAIN: TaskSpec("single_label", LABELS)}


class Stub:
    """A classifier that does as it is told: real ones cannot be made to stumble on demand."""

    info = ANSWER.model
    spec = SimpleNamespace(tasks=TASKS)

    def __init__(self, behaviour: Callable[[str], object] = lambda path: None) -> None:
        self.begun: list[str] = []
        self._behaviour = behaviour

    def classify(self, path: str, limits: DecodeLimits | None = None, **options: object) -> Result:
        self.begun.append(path)
        self._behaviour(path)
        return ANSWER


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_results_keep_the_order_of_the_paths():
    pauses = random.Random(0)
    stub = Stub(lambda path: time.sleep(pauses.choice([0, 0, 0.003])))
    paths = [str(i) for i in range(300)]
    assert [file.path for file in classify_files(paths, stub, workers=8)] == paths
    assert sorted(stub.begun) == sorted(paths)


def test_workers_run_at_the_same_time():
    meeting = threading.Barrier(3)
    stub = Stub(lambda path: meeting.wait(timeout=60))
    assert all(file.ok for file in classify_files("abc", stub, workers=3))


def test_a_slow_file_does_not_let_the_rest_pile_up():
    pulled = yielded = 0
    workers = 2

    def paths() -> Iterator[str]:
        nonlocal pulled
        for i in range(500):
            pulled += 1
            yield str(i)

    def first_is_slow(path: str) -> None:
        if path == "0":
            wait_until(lambda: pulled == AHEAD * workers)
            time.sleep(0.05)  # time for more to be pulled, were there no bound

    for _ in classify_files(paths(), Stub(first_is_slow), workers=workers):
        assert pulled - yielded <= AHEAD * workers
        yielded += 1
    assert yielded == 500


def test_finished_files_come_out_while_paths_are_still_being_found():
    first_is_out = threading.Event()

    def slow_walk() -> Iterator[str]:
        yield "0"
        assert first_is_out.wait(timeout=60)
        yield "1"

    files = classify_files(slow_walk(), Stub(), workers=1)
    assert next(files).path == "0"
    first_is_out.set()
    assert [file.path for file in files] == ["1"]


def test_without_order_what_is_done_comes_first():
    held = threading.Event()
    answers = pipeline(range(50), lambda number: held.wait(60) and number if number == 0 else number, 2, ordered=False)
    early = [next(answers) for _ in range(49)]
    assert sorted(early) == list(range(1, 50))
    held.set()
    assert list(answers) == [0]


@pytest.mark.parametrize("ordered", [True, False])
def test_what_the_work_or_the_items_raise_ends_it(ordered):
    def stumble(number: int) -> int:
        return 10 // (5 - number)

    def broken() -> Iterator[int]:
        yield 1
        raise OSError("the list is gone")

    with pytest.raises(ZeroDivisionError):
        list(pipeline(range(1000), stumble, 2, ordered=ordered))
    with pytest.raises(OSError, match="the list is gone"):
        list(pipeline(broken(), stumble, 2, ordered=ordered))


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (EmptyAudioError("no bytes"), FileError("empty_audio", "no bytes")),
        (RuntimeError("boom"), FileError("internal_error", "RuntimeError: boom")),
        (MemoryError(), FileError("internal_error", "MemoryError: ")),
        (RecursionError("too deep"), FileError("internal_error", "RecursionError: too deep")),
    ],
)
def test_an_error_stays_with_its_file(raised, expected):
    def stumble(path: str) -> None:
        if path == "b":
            raise raised

    a, b, c = classify_files("abc", Stub(stumble), workers=2)
    assert (a.ok, b.outcome, c.ok) == (True, expected, True)


def test_failures_of_discovery_are_passed_on_in_their_place():
    folder = failed("locked", "unreadable_folder")
    assert list(classify_files(["a", folder], Stub()))[1] == folder


def test_closing_early_begins_no_more_files():
    closed = threading.Event()
    stub = Stub(lambda path: path == "0" or closed.wait(timeout=60))
    files = classify_files(map(str, range(1000)), stub, workers=2)
    next(files)
    wait_until(lambda: len(stub.begun) == 3)  # and both workers are held
    files.close()
    closed.set()
    wait_until(lambda: not any(thread.name.startswith("classify") for thread in threading.enumerate()))
    assert sorted(stub.begun) == ["0", "1", "2"]


def test_fewer_than_one_worker_is_refused_at_the_call():
    with pytest.raises(ConfigError, match="workers must be at least 1, got 0"):
        classify_files(["a"], Stub(), workers=0)
    assert default_workers() >= 1


def test_the_batch_says_what_the_library_says(tmp_path):
    classifier = Classifier.load("genre")
    paths = []
    for i in range(6):
        paths.append(tmp_path / f"{i}.wav")
        paths[-1].write_bytes(wav_bytes(music(seconds=1 + i, seed=i)))
    for path, file in zip(paths, classify_files(paths, classifier, workers=4), strict=True):
        alone = classifier.classify(path)
        assert file.path == str(path)
        kept, said = file.outcome.to_json(segments=True), alone.to_json(segments=True)
        assert kept | {"timing_ms": 0} == said | {"timing_ms": 0}


def test_limits_reach_the_decoder(tmp_path):
    path = tmp_path / "long.wav"
    path.write_bytes(wav_bytes(music(seconds=2)))
    (file,) = classify_files([path], Classifier.load("genre"), limits=DecodeLimits(max_duration_s=1))
    assert file.outcome.code == "audio_too_large"
