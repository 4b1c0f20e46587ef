"""What the journal keeps says the same as what it was made from."""

import json
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocnn.batch.record import Records
from audiocnn.batch.result import FileError, FileResult
from audiocnn.errors import JournalError
from audiocnn.prediction import (
    AudioInfo,
    Estimate,
    ImageInfo,
    ModelInfo,
    Prediction,
    Result,
    SegmentResult,
    Timing,
    VideoInfo,
    VolumeInfo,
)
from audiocnn.spec import MAIN, Quantity, TaskSpec
from audiocnn.waveform import Segment
from tests.batch.answers import answered, failed

MODEL = ModelInfo("genre", "1.0.0", "ab" * 32)
TASKS = {
    MAIN: TaskSpec("single_label", ("rock", "pop", "jazz")),
    "mood": TaskSpec("multi_label", ("calm", "glad")),
    "tempo": TaskSpec("regression", ("tempo", "swing"), (Quantity("BPM"), Quantity(""))),
}
RECORDS = Records(MODEL, TASKS)

scores = st.floats(0, 1)
numbers = st.floats(allow_nan=False, allow_infinity=False)
seconds = st.floats(0, 1e6)
counts = st.integers(0, 2**40)
media = st.one_of(
    st.builds(AudioInfo, seconds, counts, counts, st.text()),
    st.builds(ImageInfo, counts, counts, st.text(), st.text()),
    st.builds(VideoInfo, seconds, counts, counts, counts, st.text(), st.text()),
    st.builds(VolumeInfo, st.lists(counts).map(tuple), st.text(), st.text()),
)


@st.composite
def answers(draw):
    """For each task, the answers for all labels, best first."""
    found = {}
    for name, task in TASKS.items():
        if task.kind == "regression":
            found[name] = tuple(
                Estimate(label, draw(numbers), quantity.unit)
                for label, quantity in zip(task.labels, task.quantities, strict=True)
            )
        else:
            named = [Prediction(label, draw(scores)) for label in task.labels]
            found[name] = tuple(sorted(named, key=lambda prediction: -round(prediction.score, 6)))
    return found


@st.composite
def results(draw):
    sounding = draw(st.booleans())
    whole = draw(answers()) if sounding else dict.fromkeys(TASKS, ())
    segments, start, rate = [], 0, draw(st.integers(1, 384_000))
    for _ in range(draw(st.integers(0, 4))):
        start += draw(st.integers(-1000, 2**31))
        silent = not sounding or draw(st.booleans())
        said = dict.fromkeys(TASKS, ()) if silent else draw(answers())
        segment = Segment(start, start + draw(st.integers(1, 2**31)), rate)
        segments.append(SegmentResult(segment, silent, said.pop(MAIN), said))
    labels = {name: tuple(draw(st.lists(st.sampled_from(task.labels), unique=True))) for name, task in TASKS.items()}
    return Result(
        MODEL,
        draw(media),
        whole.pop(MAIN),
        tuple(segments),
        tuple(draw(st.lists(st.text(), max_size=2))),
        Timing(draw(seconds), draw(seconds), draw(seconds)),
        whole,
        labels.pop(MAIN),
        labels,
    )


@given(results(), st.integers(1, 4))
def test_a_result_comes_back_as_the_same_rows(result, top_k):
    file = FileResult("a/ü.wav", result)
    back = RECORDS.unpack(file.path, RECORDS.pack(file))
    for options in ({}, {"segments": True}, {"segments": True, "top_k": top_k}):
        assert back.to_json(**options) == file.to_json(**options)
    assert [part.segment for part in back.outcome.segments] == [part.segment for part in result.segments]
    without = RECORDS.unpack(file.path, RECORDS.pack(file), segments=False)
    assert without.outcome.segments == ()
    assert without.to_json(top_k=top_k) == file.to_json(top_k=top_k)


@given(st.text(), st.text())
def test_an_error_comes_back(code, detail):
    file = FileResult("\udce9.wav", FileError(code, detail))
    back = RECORDS.unpack(file.path, RECORDS.pack(file))
    assert (back, back.request_id) == (file, file.request_id)


def test_eight_hours_take_three_bytes_a_score():
    records = Records(MODEL, {MAIN: TASKS[MAIN]})
    file = answered()
    segments = tuple(
        SegmentResult(
            Segment(32_000 * i, 32_000 * i + 64_000, 16_000),
            False,
            tuple(
                Prediction(label, i * step % 1)
                for label, step in zip(TASKS[MAIN].labels, (0.17, 0.71, 0.37), strict=True)
            ),
        )
        for i in range(14_400)
    )
    packed = records.pack(FileResult("long.wav", replace(file.outcome, segments=segments)))
    assert len(packed) < 14_400 * 3 * 3.5


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"no record",
        zlib.compress(b"[]"),
        zlib.compress(json.dumps({"id": "x", "error": ["only a code"]}).encode()),
        zlib.compress(RECORDS.pack(failed())),
    ],
    ids=["empty", "text", "a list", "half an error", "packed twice"],
)
def test_what_is_no_record_is_refused(record):
    with pytest.raises(JournalError, match=r"the record of a\.wav is damaged"):
        RECORDS.unpack("a.wav", record)


def test_scores_of_another_model_are_refused():
    record = Records(MODEL, {MAIN: TASKS[MAIN]}).pack(answered())
    for labels in (("rock", "pop"), ("rock", "pop", "jazz", "folk")):
        with pytest.raises(JournalError):
            Records(MODEL, {MAIN: TaskSpec("single_label", labels)}).unpack("a.wav", record)
