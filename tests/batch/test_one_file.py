"""One file of a batch: a second try for what killed its decoder, and errors that end the batch."""

import os
import signal
import threading
import time

import pytest

from audiocnn import Classifier, DecoderPool
from audiocnn.audio import isolated
from audiocnn.batch.one_file import CHILD_LIMITS, FileClassifier, StoppedError, loaded
from audiocnn.errors import DecoderPoolError, EmptyAudioError, MissingExtraError, WindowError
from audiocnn.isolation.pool import ChildLimits
from tests.audio_files import encoded, music, noise
from tests.batch.misbehaving import CRASHES, HANGS, install


@pytest.fixture
def misbehaving(monkeypatch):
    monkeypatch.setattr(isolated, "decode_sound", isolated.decode_sound)  # to be put back
    install()


@pytest.fixture
def flac(tmp_path):
    path = tmp_path / "good.flac"
    path.write_bytes(encoded(music(seconds=1)))
    return str(path)


def classified(path, tiny_model, block_s=30.0):
    with DecoderPool(1, ChildLimits(block_s=block_s)) as pool:
        classify = FileClassifier(Classifier.load(tiny_model, decoders=pool))
        return classify(str(path)), pool.restarts


@pytest.mark.parametrize(
    ("data", "reason"),
    [(CRASHES, "the decoder crashed"), (HANGS, "decoding took longer than 1 s")],
    ids=["crash", "hang"],
)
def test_a_file_that_kills_its_decoder_is_tried_twice_and_given_up(misbehaving, tmp_path, tiny_model, data, reason):
    (tmp_path / "bad.flac").write_bytes(data)
    file, restarts = classified(tmp_path / "bad.flac", tiny_model, 30 if data == CRASHES else 1)
    assert file.outcome.code == "undecodable_audio"
    assert file.outcome.detail.startswith(reason)
    assert restarts == 2


def test_a_damaged_file_is_tried_once(tmp_path, tiny_model, monkeypatch):
    (tmp_path / "bad.flac").write_bytes(b"fLaC" + bytes(60))
    calls = []
    classify = Classifier.classify
    monkeypatch.setattr(Classifier, "classify", lambda *a, **k: (calls.append(1), classify(*a, **k))[1])
    file, restarts = classified(tmp_path / "bad.flac", tiny_model)
    assert file.outcome.code == "undecodable_audio"
    assert (len(calls), restarts) == (1, 0)


def test_bad_luck_is_no_failure(misbehaving, tmp_path, tiny_model, flac):
    """A decoder that dies the first time, and not the second."""
    with loaded(tiny_model, 1) as classify:
        tries = []
        whole = Classifier.classify

        def first_crashes(self, path, *arguments, **options):
            tries.append(path)
            (tmp_path / "crash.flac").write_bytes(CRASHES)
            return whole(self, tmp_path / "crash.flac" if len(tries) == 1 else path, *arguments, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Classifier, "classify", first_crashes)
            assert classify(flac).ok
        assert len(tries) == 2


class Raises:
    def __init__(self, error):
        self._error = error

    def classify(self, *_, **__):
        raise self._error


@pytest.mark.parametrize("error", [DecoderPoolError("no child"), MissingExtraError("no av"), WindowError("no window")])
def test_what_every_file_would_fail_with_ends_the_batch(error):
    with pytest.raises(type(error)):
        FileClassifier(Raises(error))("a.wav")


@pytest.mark.parametrize("error", [EmptyAudioError("x"), MemoryError(), ValueError("x")])
def test_what_one_file_fails_with_does_not(error):
    assert not FileClassifier(Raises(error))("a.wav").ok


@pytest.mark.parametrize("kind", ["WAV", "FLAC"])
def test_a_stop_ends_what_is_at_work_and_is_no_failure_of_the_file(tmp_path, tiny_model, kind, monkeypatch):
    path = tmp_path / "song"
    path.write_bytes(encoded(music(seconds=2), format=kind))
    at_work, stopped = threading.Event(), threading.Event()
    whole = Classifier.classify

    def until_stopped(self, path, limits, *, progress, **options):
        def held(heard_s=0.0):
            at_work.set()
            assert stopped.wait(timeout=60)
            progress(heard_s)

        return whole(self, path, limits, progress=held, **options)

    monkeypatch.setattr(Classifier, "classify", until_stopped)
    ended = []
    with loaded(tiny_model, 1) as classify:
        thread = classify_in_thread(classify, path, ended)
        assert at_work.wait(timeout=60)
    stopped.set()
    since = time.monotonic()
    thread.join(timeout=60)
    assert ended == ["stopped"]
    assert time.monotonic() - since < 10


def test_a_stop_ends_a_decoder_that_hangs(misbehaving, tmp_path, tiny_model):
    (tmp_path / "bad.flac").write_bytes(HANGS)
    ended = []
    with loaded(tiny_model, 1) as classify:
        thread = classify_in_thread(classify, tmp_path / "bad.flac", ended)
        time.sleep(0.5)
    thread.join(timeout=30)  # half of what a decoder may take for a block
    assert ended == ["stopped"]


def classify_in_thread(classify, path, ended):
    def work():
        try:
            ended.append(classify(str(path)))
        except StoppedError:
            ended.append("stopped")

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_child_killed_from_outside_costs_nothing(tiny_model, tmp_path, monkeypatch):
    path = tmp_path / "long.flac"
    path.write_bytes(encoded(noise(seconds=120)))
    with DecoderPool(1, CHILD_LIMITS) as pool:
        classify = FileClassifier(Classifier.load(tiny_model, decoders=pool))
        whole = classify(str(path))

        def killing(self, path, limits, *, progress, **options):
            def kill_once(heard_s=0.0):
                if pool.restarts == 0:
                    os.kill(pool.pids[0], signal.SIGKILL)
                progress(heard_s)

            return classify_whole(self, path, limits, progress=kill_once, **options)

        classify_whole = Classifier.classify
        monkeypatch.setattr(Classifier, "classify", killing)
        file = classify(str(path))
        assert pool.restarts == 1
    assert file.ok
    assert file.to_json()["predictions"] == whole.to_json()["predictions"]
