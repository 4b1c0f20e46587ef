"""The one path from encoded audio to model input."""

import tracemalloc

import numpy as np
import pytest

from audiocnn.audio.decode import decode, open_audio
from audiocnn.audio.prepare import mono_samples, open_prepared
from audiocnn.audio.resample import resample
from audiocnn.errors import AudioTooLargeError, EmptyAudioError, NonFiniteAudioError
from audiocnn.limits import DecodeLimits
from audiocnn.spec import AudioSpec
from tests.audio_files import encoded, music, noise, silence, tone, wav_bytes

SPEC = AudioSpec(sample_rate=16_000, window=8000, hop=4000)


def prepared(data, spec=SPEC):
    with open_prepared(data, spec) as sound:
        return list(sound.windows())


@pytest.mark.parametrize("num_samples", [*range(1, 12), 3999, 4000, 4001, 7999, 8000, 8001, 12_345, 100_000])
@pytest.mark.parametrize("tail", ["shift", "pad", "drop"])
def test_any_length_from_one_sample(num_samples, tail):
    spec = AudioSpec(16_000, 8000, 4000, tail=tail)
    windows = prepared(wav_bytes(noise(10, seed=1)[:, :num_samples]), spec)
    assert windows
    for window in windows:
        assert window.values.shape == (1, 8000)
        assert window.values.dtype == np.float32
        assert np.sqrt(np.mean(window.values**2)) == pytest.approx(1, rel=1e-3)
        assert window.silent == (num_samples == 1)  # one sample is a constant, which cannot be heard
    ends = windows[-1].segment.end
    assert ends == num_samples if tail != "drop" or num_samples < 8000 else num_samples - ends < 4000


@pytest.mark.parametrize("sample_rate", [8000, 44_100, 48_000])
def test_equals_the_steps_taken_one_by_one(sample_rate):
    sound = music(3.3, sample_rate, channels=2)
    sound[1] *= 0.3
    data = encoded(sound, sample_rate)
    waveform = decode(data)
    mono = type(waveform)(waveform.samples.mean(0, keepdims=True), sample_rate)
    whole = resample(mono, 16_000).samples
    windows = prepared(data)
    assert len(windows) == -(-(whole.shape[1] - 8000) // 4000) + 1
    for window in windows:
        cut = whole[:, window.segment.start : window.segment.end]
        np.testing.assert_allclose(window.values, cut / np.sqrt(np.mean(cut**2)), atol=1e-4)


@pytest.mark.parametrize("normalisation", ["peak", "rms", "standardise"])
@pytest.mark.parametrize("gain", [0.01, 1.9])
def test_the_level_of_a_recording_does_not_change_what_the_model_hears(normalisation, gain):
    spec = AudioSpec(16_000, 8000, 4000, normalisation=normalisation)
    plain, louder = (prepared(wav_bytes(g * music(2), subtype="FLOAT"), spec) for g in (1, gain))
    for a, b in zip(plain, louder, strict=True):
        np.testing.assert_allclose(a.values, b.values, atol=1e-4)


def test_silence_is_marked_where_it_is():
    sound = np.concatenate([tone(seconds=1), silence(1), 1e-4 * tone(seconds=1), tone(seconds=1)], axis=1)
    marks = [window.silent for window in prepared(wav_bytes(sound, subtype="FLOAT"), AudioSpec(16_000, 16_000, 16_000))]
    assert marks == [False, True, True, False]


@pytest.mark.parametrize("silence_db", [-40.0, -20.0])
def test_the_threshold_of_silence_is_the_model_s(silence_db):
    spec = AudioSpec(16_000, 8000, 8000, silence_db=silence_db)
    above, below = (np.sqrt(2) * 10 ** ((silence_db + d) / 20) for d in (0.1, -0.1))
    for peak, silent in ((above, False), (below, True)):
        windows = prepared(wav_bytes(tone(peak=peak), subtype="FLOAT"), spec)
        assert {window.silent for window in windows} == {silent}


@pytest.mark.parametrize("num_samples", [10, 8004])
def test_padding_does_not_make_a_short_sound_silent(num_samples):
    spec = AudioSpec(16_000, 8000, 8000, tail="pad", silence_db=-30)
    windows = prepared(wav_bytes(0.1 * (-1.0) ** np.arange(num_samples)[np.newaxis]), spec)
    assert not windows[-1].silent


@pytest.mark.parametrize("num_samples", [1, 8000])
def test_a_constant_cannot_be_heard(num_samples):
    (window,) = prepared(wav_bytes(np.full((1, num_samples), 0.5)), AudioSpec(16_000, 8000, 8000))
    assert window.silent


@pytest.mark.parametrize("num_samples", [1, 2])
def test_too_short_to_survive_resampling_says_so(num_samples):
    tiny = wav_bytes(np.ones((1, num_samples)), 384_000)
    with pytest.raises(EmptyAudioError, match="shorter than one sample at the model's 16000 Hz"):
        prepared(tiny)
    assert len(prepared(wav_bytes(np.ones((1, num_samples)), 8000))) == 1
    with open_audio(tiny) as reader, pytest.raises(EmptyAudioError, match="shorter than one sample at the"):
        mono_samples(reader, 16_000)


def test_the_whole_sound_is_its_channels_in_the_mean_at_the_rate_asked_for():
    sound = music(0.5, 44_100, channels=2)
    sound[1] *= 0.3
    data = encoded(sound, 44_100)
    with open_audio(data) as reader:
        samples = mono_samples(reader, 16_000)
    waveform = decode(data)
    mono = type(waveform)(waveform.samples.mean(0, keepdims=True), 44_100)
    assert samples.shape == (8000,)
    np.testing.assert_allclose(samples, resample(mono, 16_000).samples[0], atol=1e-5)


def test_a_limit_holds_for_the_whole_sound():
    limits = DecodeLimits(max_duration_s=1)
    with open_audio(wav_bytes(noise(2), data_size=0xFFFFFFFF)) as reader, pytest.raises(AudioTooLargeError):
        mono_samples(reader, 16_000, limits)


def test_damage_in_the_middle_is_an_error_and_not_a_shorter_answer():
    sound = noise(20)
    sound[0, -1000] = np.nan
    with pytest.raises(NonFiniteAudioError):
        prepared(wav_bytes(sound, subtype="FLOAT"))


def test_memory_does_not_grow_with_the_file(tmp_path):
    """Ten minutes of 44.1 kHz stereo are 212 MB of float32."""
    path = tmp_path / "long.wav"
    minute = wav_bytes(noise(60, 44_100, channels=2), 44_100, data_size=0xFFFFFFFF)
    path.write_bytes(minute + minute[44:] * 9)
    tracemalloc.start()
    try:
        with open_prepared(path, AudioSpec(16_000, 64_000, 32_000)) as sound:
            count = sum(1 for _ in sound.windows())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 299
    assert peak < 6_000_000
