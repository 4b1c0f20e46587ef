"""The door for encoded audio: formats told by their bytes, limits, and nothing but `AudioError` for bad input."""

import io
import os
import struct
import sys
import time
from contextlib import suppress

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiocnn.audio.decode import MAX_AMPLITUDE, checked_blocks, decode, open_audio
from audiocnn.audio.reader import BLOCK
from audiocnn.audio.sndfile import SndfileReader
from audiocnn.errors import (
    AudioError,
    AudioTooLargeError,
    ConfigError,
    EmptyAudioError,
    FileTooLargeError,
    NonFiniteAudioError,
    UndecodableAudioError,
    UnreadableFileError,
    UnsupportedAudioError,
)
from audiocnn.limits import DecodeLimits
from tests.audio_files import (
    as_decoded_by_libsndfile,
    encoded,
    format_body,
    music,
    noise,
    tone,
    wav_bytes,
)
from tests.hostile import ANSWER, LIMITS, damaged, hostile_sounds, truncations

CODECS = [
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", None),
    ("AIFF", "PCM_24"),
    ("AIFF", "FLOAT"),
    ("AU", "PCM_16"),
    ("CAF", "ALAC_16"),
]


def format_of(data):
    with open_audio(data) as reader:
        return reader.format


@pytest.mark.parametrize(("format", "subtype"), CODECS)
class TestEveryCodec:
    def test_blocks_join_to_what_libsndfile_reads_at_once(self, format, subtype):
        sound = np.concatenate([music(2, 48_000), noise(2, 48_000)])
        data = encoded(sound, 48_000, format, subtype)
        theirs, sample_rate = as_decoded_by_libsndfile(data)
        ours = decode(data)
        assert ours.sample_rate == sample_rate
        assert ours.num_samples > BLOCK
        np.testing.assert_array_equal(ours.samples, theirs)
        assert format_of(data) == format.lower()

    def test_sine_in_sine_out(self, format, subtype):
        waveform = decode(encoded(tone(1000, 1.0, 48_000), 48_000, format, subtype))
        middle = waveform.samples[0, 8000:40_000]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
        assert np.argmax(spectrum) * 48_000 / len(middle) == pytest.approx(1000, abs=2)
        assert np.sqrt(2 * np.mean(middle**2)) == pytest.approx(0.5, rel=0.03)

    def test_cut_short_gives_audio_or_an_audio_error(self, format, subtype):
        data = encoded(tone(seconds=0.2, sample_rate=48_000), 48_000, format, subtype)
        whole = decode(data).num_samples
        lengths = [*range(1, min(len(data), 300), 7), *np.linspace(300, len(data) - 1, 40, dtype=int)]
        heard = []
        for length in lengths:
            try:
                heard.append(decode(data[:length]).num_samples)
            except AudioError:
                heard.append(0)
        assert heard[0] == 0
        assert max(heard) <= whole

    def test_random_damage_gives_audio_or_an_audio_error(self, format, subtype):
        random = np.random.default_rng(0)
        data = encoded(tone(seconds=0.05, sample_rate=48_000), 48_000, format, subtype)
        for _ in range(60):
            damaged = bytearray(data)
            for at in random.integers(0, min(len(data), 300), random.integers(1, 6)):
                damaged[at : at + 4] = random.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80"])
            with suppress(AudioError):
                decode(bytes(damaged), DecodeLimits(max_decoded_bytes=10_000_000))


class TestId3Tags:
    """A tag may come before anything; libsndfile must not be the one to skip it."""

    @staticmethod
    def tag(size, footer=False):
        head = struct.pack("4B", size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127)
        flags = b"\x10" if footer else b"\0"
        return b"ID3\x04\0" + flags + head + bytes(size) + (b"3DI\x04\0\x10" + head if footer else b"")

    @pytest.mark.parametrize("format", ["WAV", "RF64", "FLAC", "OGG", "MP3", "AIFF", "AU"])
    def test_is_skipped_before_every_format(self, format):
        plain = encoded(tone(seconds=0.2), format=format)
        expected = decode(plain)
        for tags in (self.tag(0), self.tag(200), self.tag(200, footer=True), self.tag(5) + self.tag(70_000)):
            np.testing.assert_array_equal(decode(tags + plain).samples, expected.samples)
            assert format_of(tags + plain) == format_of(plain)

    def test_wav_behind_it_meets_our_parser(self, monkeypatch):
        monkeypatch.setattr(soundfile, "SoundFile", lambda *_: pytest.fail("libsndfile was asked"))
        assert decode(self.tag(100) + wav_bytes(tone())).num_samples == 16_000

    def test_behind_it_lies_nothing(self):
        with pytest.raises(EmptyAudioError):
            decode(self.tag(100))
        with pytest.raises(EmptyAudioError):
            decode(b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(500))
        with pytest.raises(UndecodableAudioError, match="not audio of a known format"):
            decode(self.tag(100) + bytes(100))

    def test_ten_thousand_of_them_are_refused(self):
        with pytest.raises(UndecodableAudioError, match="not audio of a known format"):
            decode(self.tag(0) * 10_000 + wav_bytes(tone()))


def outcome(data: bytes) -> str:
    """The error code of a sound under the limits of the service, or `ANSWER`."""
    try:
        with open_audio(data, LIMITS) as reader:
            for _ in checked_blocks(reader, LIMITS):
                pass
    except AudioError as error:
        return error.code
    return ANSWER


class TestRefusals:
    @pytest.mark.parametrize("file", hostile_sounds(), ids=lambda file: file.name)
    def test_hostile_files_are_answered_quickly(self, file):
        started = time.thread_time()
        assert outcome(file.data) in file.expected
        assert time.thread_time() - started < 5

    def test_files_cut_at_any_byte_and_files_with_damage(self):
        for file in (*truncations(step=7), *damaged(500)):
            assert outcome(file.data) in file.expected, file.name

    @pytest.mark.parametrize(
        ("data", "error", "text"),
        [
            (b"", EmptyAudioError, "got no bytes; check that the upload or the file is complete"),
            (b"hello, this is text", UndecodableAudioError, "send WAV, FLAC, Ogg, MP3, AIFF, AU or CAF"),
            (b"\x89PNG\r\n\x1a\n" + bytes(100), UndecodableAudioError, "not audio of a known format"),
            (b"\0\0\0\x20ftypM4A " + bytes(100), UnsupportedAudioError, "MP4 files are not read; convert it to WAV"),
            (b"\x1aE\xdf\xa3" + bytes(100), UnsupportedAudioError, "WebM or Matroska files are not read"),
            (b"0&\xb2u" + bytes(100), UnsupportedAudioError, "WMA files are not read"),
            (b"riff.\x91\xcf\x11" + bytes(100), UnsupportedAudioError, "Wave64 files are not read"),
            (b"fLaC" + bytes(100), UndecodableAudioError, "starts like flac and cannot be decoded"),
            (b"OggS" + bytes(100), UndecodableAudioError, "starts like ogg and cannot be decoded"),
            (b"\xff\xfb" + bytes(100), UndecodableAudioError, "starts like mp3 and cannot be decoded"),
            (b"FORM\0\0\0\0AIFF" + bytes(100), UndecodableAudioError, "starts like aiff and cannot be decoded"),
        ],
    )
    def test_each_kind_of_bytes_has_its_error(self, data, error, text):
        with pytest.raises(error, match=text):
            decode(data)

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.01 * MAX_AMPLITUDE, 1e38])
    @pytest.mark.parametrize("position", [0, 70_000, -1])
    def test_samples_that_are_no_sound(self, value, position):
        sound = tone(seconds=5, channels=2)
        sound[1, position] = value
        with pytest.raises(NonFiniteAudioError, match="samples must be finite numbers near the range -1 to 1"):
            decode(wav_bytes(sound, subtype="FLOAT"))

    @pytest.mark.parametrize("value", [1e300, -1e39])
    def test_doubles_that_no_float32_holds(self, value):
        with pytest.raises(NonFiniteAudioError):
            decode(wav_bytes(np.full((1, 10), value), subtype="DOUBLE"))

    def test_loud_but_plausible_floats_pass(self):
        loud = np.full((1, 10), MAX_AMPLITUDE)
        np.testing.assert_array_equal(decode(wav_bytes(loud, subtype="FLOAT")).samples, loud)

    @settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data())
    def test_random_bytes_raise_nothing_but_audio_errors(self, data):
        magic = data.draw(
            st.sampled_from(
                [b"", b"RIFF\0\0\0\0WAVE", b"RIFX\xff\xff\xff\xffWAVE", b"RF64\0\0\0\0WAVE", b"ID3\x04\0\0"]
            )
        )
        head = data.draw(
            st.sampled_from([b"", b"fmt \x10\0\0\0", b"fmt \x10\0\0\0" + format_body(), b"fmt \x28\0\0\0\xfe\xff"])
        )
        try:
            waveform = decode(magic + head + data.draw(st.binary(max_size=200)))
        except AudioError:
            return
        assert np.isfinite(waveform.samples).all()
        assert waveform.num_samples >= 1


class TestLimits:
    def test_bytes(self):
        data = wav_bytes(tone())
        decode(data, DecodeLimits(max_bytes=len(data)))
        with pytest.raises(FileTooLargeError, match=rf"^at most {len(data) - 1} bytes are accepted, got {len(data)};"):
            decode(data, DecodeLimits(max_bytes=len(data) - 1))

    def test_bytes_of_a_file_on_disk(self, tmp_path):
        path = tmp_path / "x.wav"
        path.write_bytes(wav_bytes(tone()))
        with pytest.raises(FileTooLargeError, match="at most 100 bytes"):
            decode(path, DecodeLimits(max_bytes=100))

    def test_seconds(self):
        data = wav_bytes(tone(seconds=1.0))
        assert decode(data, DecodeLimits(max_duration_s=1.0)).num_samples == 16_000
        with pytest.raises(AudioTooLargeError, match=r"^at most 0\.9 s of audio are accepted"):
            decode(data, DecodeLimits(max_duration_s=0.9))

    def test_decoded_size_counts_all_channels(self):
        data = encoded(np.zeros((8, 16_000)), format="FLAC")
        assert len(data) < 10_000
        decode(data, DecodeLimits(max_decoded_bytes=4 * 8 * 16_000))
        with pytest.raises(AudioTooLargeError, match=r"decoded audio are accepted \(8 channels at 16000 Hz\)"):
            decode(data, DecodeLimits(max_decoded_bytes=4 * 8 * 16_000 - 1))

    def test_stop_at_the_limit_and_not_at_the_end(self):
        with open_audio(encoded(np.zeros((1, 100 * BLOCK)), format="FLAC")) as reader:
            with pytest.raises(AudioTooLargeError):
                list(checked_blocks(reader, DecodeLimits(max_duration_s=1.0)))
            assert reader.num_samples == BLOCK

    @pytest.mark.parametrize("format", ["FLAC", "MP3", "AU"])
    def test_header_limits_hold_for_every_format(self, format):
        data = encoded(tone(sample_rate=8000, channels=2), 8000, format)
        with pytest.raises(UndecodableAudioError, match="between 16000 and 384000 Hz, the header says 8000"):
            decode(data, DecodeLimits(min_sample_rate=16_000))
        with pytest.raises(UndecodableAudioError, match="expected 1 to 1 channels, the header says 2"):
            decode(data, DecodeLimits(max_channels=1))


class TestPaths:
    def test_path_string_and_bytes_agree_and_the_name_does_not_matter(self, tmp_path):
        data = encoded(tone(), format="FLAC")
        path = tmp_path / "größe \n 音楽.wav"
        path.write_bytes(data)
        expected = decode(data).samples
        np.testing.assert_array_equal(decode(path).samples, expected)
        np.testing.assert_array_equal(decode(str(path)).samples, expected)

    def test_missing_file(self, tmp_path):
        with pytest.raises(UnreadableFileError, match=r"^cannot read no\.wav: No such file or directory$"):
            decode(tmp_path / "no.wav")

    @pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="a file that cannot be read is a thing of Linux")
    def test_a_disk_that_fails(self):
        with pytest.raises(UnreadableFileError, match=r"^cannot read mem: Input/output error$"):
            decode("/proc/self/mem")

    @pytest.mark.parametrize(("format", "subtype"), [("FLAC", None), ("OGG", "VORBIS"), ("MP3", None), ("AIFF", None)])
    def test_a_disk_that_fails_in_the_middle_does_not_cut_the_sound_short(self, format, subtype):
        class Failing(io.BytesIO):
            def readinto(self, buffer):
                if self.tell() > len(self.getvalue()) // 2:
                    raise UnreadableFileError("cannot read a: Input/output error")
                return super().readinto(buffer)

        data = encoded(noise(seconds=20), format=format, subtype=subtype)
        with pytest.raises(UnreadableFileError, match="Input/output error"):
            list(SndfileReader(Failing(data), format.lower(), DecodeLimits()).blocks())

    def test_folder(self, tmp_path):
        with pytest.raises(UnreadableFileError, match="is not a regular file"):
            decode(tmp_path)
        with pytest.raises(UnreadableFileError, match=r"^'' is not a regular file"):
            decode("")

    @pytest.mark.skipif(sys.platform == "win32", reason="no named pipes")
    def test_named_pipe_does_not_wait_for_a_writer(self, tmp_path):
        os.mkfifo(tmp_path / "pipe.wav")
        with pytest.raises(UnreadableFileError, match="is not a regular file"):
            decode(tmp_path / "pipe.wav")

    @pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open files through /proc")
    def test_every_outcome_closes_its_file(self, tmp_path):
        before = len(os.listdir("/proc/self/fd"))
        files = {
            **{str(number): file.data for number, file in enumerate(hostile_sounds()) if len(file.data) < 10_000},
            "wav": wav_bytes(tone()),
            "flac": encoded(tone()),
            "slow flac": encoded(tone(sample_rate=1000), 1000),
        }
        kept = []
        for name, data in files.items():
            path = tmp_path / name
            path.write_bytes(data)
            try:
                decode(path, LIMITS)
            except AudioError as error:
                kept.append(error)  # its traceback keeps the frames alive, and must not keep the file open
        assert len(kept) > 10
        assert len(os.listdir("/proc/self/fd")) == before

    def test_a_caller_that_stops_half_way_closes_the_file(self, tmp_path):
        path = tmp_path / "x.flac"
        path.write_bytes(encoded(noise(10)))
        with open_audio(path) as reader:
            blocks = reader.blocks()
            next(blocks)
        with pytest.raises(StopIteration):
            next(blocks)


class TestFlac:
    """Of the formats that libsndfile reads, the one it tells damage in."""

    def test_of_unknown_length_as_written_to_a_pipe(self):
        whole = encoded(noise(10), format="FLAC")
        streamed = whole[:21] + bytes([whole[21] & 0xF0, 0, 0, 0, 0]) + whole[26:]  # total samples, 36 bits
        np.testing.assert_array_equal(decode(streamed).samples, decode(whole).samples)

    def test_cut_short_is_read_as_far_as_it_goes(self):
        whole = encoded(noise(10), format="FLAC")
        with open_audio(whole[: len(whole) // 2]) as reader:
            samples = np.concatenate(list(checked_blocks(reader)), axis=1)
            (warning,) = reader.warnings
        assert 4 * 16_000 < samples.shape[1] < 6 * 16_000
        np.testing.assert_array_equal(samples, decode(whole).samples[:, : samples.shape[1]])
        assert warning == f"the file is damaged behind {samples.shape[1] / 16_000:.3f} s; the rest is lost"


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_all_kinds_of_bytes_are_read(kind):
    assert decode(kind(wav_bytes(tone()))).num_samples == 16_000


def test_anything_else_is_refused():
    with pytest.raises(ConfigError, match="expected the path of a file or its bytes, got BytesIO"):
        decode(io.BytesIO())


def test_damage_prints_no_traceback(capfd):
    for format in ("MP3", "OGG", "AIFF", "FLAC", "CAF"):
        with suppress(AudioError):
            decode(encoded(tone(), format=format)[:60])
    assert "Traceback" not in capfd.readouterr().err
