"""Our WAV parser against anything: round trips through libsndfile, cuts at every byte, and soups of chunks."""

import io
import struct
import time
import tracemalloc

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocnn.audio.decode import checked_blocks, open_audio
from audiocnn.audio.reader import BLOCK
from audiocnn.errors import AudioError
from audiocnn.limits import DecodeLimits
from tests.audio_files import WAV_SUBTYPES, as_decoded_by_libsndfile, chunk, format_body, wav_bytes

MAGICS = (b"RIFF", b"RIFX", b"RF64", b"BW64")
LIMITS = DecodeLimits(max_duration_s=600, max_decoded_bytes=2**24)
BOUND_MB = 20
"""A megabyte for each of the few blocks of 32 channels that are alive at one time, and as much again."""

codes = st.integers(0, 2**16 - 1)
sizes = st.one_of(
    st.integers(0, 64), st.sampled_from([2**16, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1]), st.integers(0, 2**32 - 1)
)
names = st.sampled_from(
    [b"fmt ", b"fmt ", b"data", b"ds64", b"LIST", b"INFO", b"fact", b"JUNK", b"exif", b"wavl", b"RIFF", b"\0\0\0\0"]
)
formats = st.builds(
    struct.pack,
    st.just("<HHIIHH"),
    st.one_of(st.sampled_from([1, 3, 6, 7, 0xFFFE]), codes),
    st.one_of(st.integers(0, 33), codes),
    st.one_of(st.sampled_from([0, 1, 4000, 44_100, 384_000, 2**31 - 1]), st.integers(0, 2**32 - 1)),
    st.integers(0, 2**32 - 1),
    st.one_of(st.integers(0, 16), codes),
    st.one_of(st.sampled_from([0, 8, 16, 24, 32, 64]), codes),
)
bodies = st.one_of(st.binary(max_size=80), formats, st.builds(bytes.__add__, formats, st.binary(max_size=40)))


@st.composite
def soups(draw):
    """Chunks in any order, of which some say the truth about their length."""
    soup = (
        draw(st.sampled_from(MAGICS))
        + struct.pack("<I", draw(sizes))
        + draw(st.sampled_from([b"WAVE", b"WAVE", b"AVI "]))
    )
    for _ in range(draw(st.integers(0, 8))):
        name, body = draw(names), draw(bodies)
        size = len(body) if draw(st.booleans()) else draw(sizes)
        soup += name + struct.pack("<I", size) + body + b"\0" * (draw(st.booleans()) and len(body) % 2)
    return soup


def outcome(data, limits=LIMITS):
    """The samples, or None for a refusal. Nothing but `AudioError` comes out, in bounded time and memory."""
    tracemalloc.start()
    started = time.thread_time()
    try:
        with open_audio(data, limits) as reader:
            blocks = []
            for block in checked_blocks(reader, limits):
                assert block.dtype == np.float32
                assert block.shape[0] == reader.channels
                assert 1 <= block.shape[1] <= BLOCK
                blocks.append(block)
            assert len(reader.warnings) <= 1
            return np.concatenate(blocks, axis=1)
    except AudioError:
        return None
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert time.thread_time() - started < 2
        assert peak < BOUND_MB * 2**20 + 30 * len(data)


@settings(max_examples=100, deadline=None)
@given(
    subtype=st.sampled_from(WAV_SUBTYPES),
    container=st.sampled_from(["WAV", "WAVEX", "RF64"]),
    endian=st.sampled_from(["LITTLE", "BIG"]),
    channels=st.integers(1, 32),
    sample_rate=st.integers(4000, 384_000),
    num_samples=st.integers(1, 300),
    seed=st.integers(0, 2**32 - 1),
)
def test_what_libsndfile_writes_is_read_as_libsndfile_reads_it(
    subtype, container, endian, channels, sample_rate, num_samples, seed
):
    sound = np.random.default_rng(seed).uniform(-1, 1, (num_samples, channels))
    file = io.BytesIO()
    endian = endian if container == "WAV" else "FILE"
    soundfile.write(file, sound, sample_rate, format=container, subtype=subtype, endian=endian)
    theirs, rate = as_decoded_by_libsndfile(file.getvalue())
    assert rate == sample_rate
    np.testing.assert_array_equal(outcome(file.getvalue()), theirs)


@settings(max_examples=30, deadline=None)
@given(
    subtype=st.sampled_from(WAV_SUBTYPES),
    magic=st.sampled_from(MAGICS),
    extensible=st.booleans(),
    channels=st.integers(1, 3),
    before=st.lists(st.tuples(st.sampled_from([b"LIST", b"JUNK", b"bext"]), st.binary(max_size=9)), max_size=2),
)
def test_cut_at_every_byte(subtype, magic, extensible, channels, before):
    sound = np.random.default_rng(0).uniform(-1, 1, (channels, 6))
    data = wav_bytes(sound, 8000, subtype, magic=magic, extensible=extensible, chunks=before)
    whole = outcome(data)
    assert whole.shape == sound.shape
    read = 0
    for length in range(len(data)):
        cut = outcome(data[:length])
        if cut is not None:
            np.testing.assert_array_equal(cut, whole[:, : cut.shape[1]])
            assert cut.shape[1] >= read  # more bytes never give less sound
            read = cut.shape[1]


@settings(max_examples=200, deadline=None)
@given(soup=soups())
def test_soup_of_chunks(soup):
    outcome(soup)


@settings(max_examples=100, deadline=None)
@given(format_chunk=bodies, size=sizes, magic=st.sampled_from(MAGICS), sound=st.binary(max_size=200))
def test_any_format_before_any_bytes(format_chunk, size, magic, sound):
    order = ">" if magic == b"RIFX" else "<"
    samples = b"data" + struct.pack(order + "I", size) + sound
    body = b"WAVE" + chunk(b"ds64", struct.pack("<QQQI", size, size, size, 0), order)
    found = outcome(magic + struct.pack(order + "I", size) + body + chunk(b"fmt ", format_chunk, order) + samples)
    if found is not None:
        assert found.size <= len(sound)


@pytest.mark.parametrize("magic", MAGICS)
@pytest.mark.parametrize("promised", [2**31, 2**32 - 2, 2**32 - 1])
def test_memory_is_taken_for_what_is_there_and_not_for_what_is_promised(magic, promised):
    assert outcome(wav_bytes(np.zeros((32, 10)), magic=magic, data_size=promised)).shape == (32, 10)


def test_a_long_file_is_read_in_blocks():
    header = wav_bytes(np.zeros((2, 0)), format_chunk=format_body(channels=2), data_size=2**32 - 1)
    data = header + bytes(40_000_000)
    tracemalloc.start()
    with open_audio(data) as reader:
        assert sum(block.shape[1] for block in reader.blocks()) == 10_000_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000
