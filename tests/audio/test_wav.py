"""Our WAV parser against libsndfile's reading of the same bytes, and against files made to break it."""

import struct

import numpy as np
import pytest

from audiocnn.audio.decode import decode, open_audio
from audiocnn.errors import AudioError, EmptyAudioError, UndecodableAudioError, UnsupportedAudioError
from audiocnn.limits import DecodeLimits
from tests.audio_files import (
    WAV_SUBTYPES,
    as_decoded_by_libsndfile,
    chunk,
    format_body,
    noise,
    sample_bytes,
    tone,
    wav_bytes,
)

FULL_SCALE = np.array([[-1.0, 1.0, 0.0, -0.5, 0.25, 1.0 - 2**-23, -(2**-15)]])


def assert_read_like_libsndfile(data):
    ours = decode(data)
    theirs, sample_rate = as_decoded_by_libsndfile(data)
    assert ours.sample_rate == sample_rate
    np.testing.assert_array_equal(ours.samples, theirs)


@pytest.mark.parametrize("subtype", WAV_SUBTYPES)
class TestEverySubtype:
    @pytest.mark.parametrize("magic", [b"RIFF", b"RIFX", b"RF64"])
    @pytest.mark.parametrize("channels", [1, 2, 5])
    def test_samples_equal_libsndfile(self, subtype, magic, channels):
        sound = np.concatenate([noise(0.01, channels=channels), np.repeat(FULL_SCALE, channels, 0)], axis=1)
        assert_read_like_libsndfile(wav_bytes(sound, 44_100, subtype, magic=magic))

    def test_extensible_header(self, subtype):
        assert_read_like_libsndfile(wav_bytes(noise(0.01, channels=6), 48_000, subtype, extensible=True))

    def test_bw64_is_rf64_by_another_name(self, subtype):
        rf64, bw64 = (wav_bytes(noise(0.01), subtype=subtype, magic=magic) for magic in (b"RF64", b"BW64"))
        np.testing.assert_array_equal(decode(bw64).samples, decode(rf64).samples)

    def test_odd_number_of_data_bytes_and_chunks_after_them(self, subtype):
        data = wav_bytes(noise(0.01)[:, :33], subtype=subtype)
        assert_read_like_libsndfile(data + chunk(b"LIST", b"INFOISFT\x05\x00\x00\x00made\x00\x00"))


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW"])
def test_every_code_of_the_companded_subtypes(subtype):
    header = wav_bytes(np.zeros((1, 256)), 8000, subtype)[:-256]
    data = header + bytes(range(256))
    assert_read_like_libsndfile(data)
    assert len(set(decode(data).samples[0].tolist())) >= 255


@pytest.mark.parametrize(
    ("bits", "subtype"), [(20, "PCM_24"), (12, "PCM_16"), (24, "PCM_32"), (7, "PCM_U8")], ids=lambda x: str(x)
)
def test_fewer_bits_than_their_container_lie_in_its_upper_end(bits, subtype):
    sound = noise(0.01)
    plain = decode(wav_bytes(sound, subtype=subtype)).samples
    odd = decode(wav_bytes(sound, subtype=subtype, format_chunk=format_body(subtype, bits=bits))).samples
    np.testing.assert_array_equal(odd, plain)


@pytest.mark.parametrize("extra", [b"\0\0", b"\x02\0ab", bytes(2 + 40)], ids=["cbSize 0", "cbSize 2", "long"])
def test_format_chunk_with_a_size_field(extra):
    sound = noise(0.01)
    data = wav_bytes(sound, format_chunk=format_body() + extra)
    np.testing.assert_array_equal(decode(data).samples, decode(wav_bytes(sound)).samples)


def test_chunks_before_the_samples_are_skipped_with_their_padding():
    before = [(b"LIST", b"INFO" + b"odd"), (b"JUNK", b""), (b"bext", bytes(603)), (b"data"[::-1], b"x")]
    assert_read_like_libsndfile(wav_bytes(noise(0.01), chunks=before))


@pytest.mark.parametrize("channels", [1, 2, 8, 32])
def test_up_to_32_channels(channels):
    sound = noise(0.01, channels=channels)
    assert_read_like_libsndfile(wav_bytes(sound, subtype="FLOAT"))


@pytest.mark.parametrize("channels", [0, 33, 65535])
def test_other_numbers_of_channels_are_refused(channels):
    header = format_body(channels=channels, block_align=2 * channels & 0xFFFF or 2)
    with pytest.raises(UndecodableAudioError):
        decode(wav_bytes(tone(seconds=0.1), format_chunk=header))


def test_33_channels_say_what_to_do():
    with pytest.raises(
        UndecodableAudioError, match=r"^expected 1 to 32 channels, .* says 33; mix the file down first$"
    ):
        decode(wav_bytes(noise(0.01, channels=33)))
    wide = DecodeLimits(max_channels=33)
    assert decode(wav_bytes(noise(0.01, channels=33)), wide).channels == 33


@pytest.mark.parametrize("sample_rate", [4000, 8000, 44_100, 384_000])
def test_sample_rates_up_to_the_limits(sample_rate):
    assert decode(wav_bytes(tone(seconds=0.01, sample_rate=sample_rate), sample_rate)).sample_rate == sample_rate


@pytest.mark.parametrize("sample_rate", [0, 1, 3999, 384_001, 2**31 - 1, 2**32 - 1])
def test_sample_rates_beyond_the_limits(sample_rate):
    with pytest.raises(UndecodableAudioError, match=f"between 4000 and 384000 Hz, the header says {sample_rate}"):
        decode(wav_bytes(tone(seconds=0.01), sample_rate))


class TestLengthsThatLie:
    SOUND = noise(0.1)

    def test_unknown_size_reads_to_the_end(self):
        assert decode(wav_bytes(self.SOUND, data_size=0xFFFFFFFF)).num_samples == 1600

    @pytest.mark.parametrize("magic", [b"RIFF", b"RF64"])
    def test_recorder_that_died_before_writing_the_sizes(self, magic):
        data = bytearray(wav_bytes(self.SOUND, magic=magic))
        if magic == b"RF64":
            data[20:48] = bytes(28)
        else:
            data[4:8] = data[40:44] = bytes(4)
        assert decode(bytes(data)).num_samples == 1600

    def test_no_samples_and_a_chunk_after_them_is_empty(self):
        with pytest.raises(EmptyAudioError, match="the audio has no samples"):
            decode(wav_bytes(self.SOUND[:, :0], chunks=[(b"LIST", b"INFO")]))
        body = wav_bytes(self.SOUND[:, :0])[8:] + chunk(b"LIST", b"INFOICMT\x04\0\0\0text")
        with pytest.raises(EmptyAudioError, match="a header and no samples"):
            decode(b"RIFF" + struct.pack("<I", len(body)) + body)

    @pytest.mark.parametrize(
        ("claimed", "seconds"), [(6400, "0.200"), (0xFFFFFFFE, "134217.728"), (2**31, "67108.864")]
    )
    def test_promise_of_more_gives_what_is_there_and_a_warning(self, claimed, seconds):
        with open_audio(wav_bytes(self.SOUND, data_size=claimed)) as reader:
            assert sum(block.shape[1] for block in reader.blocks()) == 1600
            assert reader.warnings == [f"the file is cut short: its header promises {seconds} s, it holds 0.100 s"]

    def test_promise_of_less_is_kept(self):
        with open_audio(wav_bytes(self.SOUND, data_size=100)) as reader:
            assert sum(block.shape[1] for block in reader.blocks()) == 50
            assert not reader.warnings

    def test_last_partial_frame_is_left_out(self):
        stereo = wav_bytes(noise(0.1, channels=2), data_size=6399)
        assert decode(stereo).num_samples == 1599

    def test_rf64_promise_of_two_to_the_63(self):
        data = wav_bytes(self.SOUND, magic=b"RF64")
        lying = data[:20] + struct.pack("<QQQ", 2**63, 2**63, 2**63) + data[44:]
        assert decode(lying).num_samples == 1600


@pytest.mark.parametrize("subtype", ["PCM_24", "ULAW"])
@pytest.mark.parametrize("magic", [b"RIFF", b"RF64"])
def test_cut_at_every_byte(subtype, magic):
    sound = noise(0.002, channels=2)
    data = wav_bytes(sound, subtype=subtype, magic=magic, extensible=True, chunks=[(b"LIST", b"INFOx")])
    whole = decode(data).samples
    for length in range(len(data)):
        try:
            cut = decode(data[:length]).samples
        except AudioError:
            continue
        np.testing.assert_array_equal(cut, whole[:, : cut.shape[1]])
        assert cut.shape[1] <= (length - 44) // 2


class TestRefusals:
    def refused(self, error, text, **header):
        subtype = header.pop("subtype", "PCM_16")
        with pytest.raises(error, match=text):
            decode(wav_bytes(tone(seconds=0.1), subtype=subtype, format_chunk=format_body(subtype, **header)))

    def test_other_codecs(self):
        self.refused(UnsupportedAudioError, r"^WAV codec 0x0002 is not supported; convert the file to PCM", tag=2)
        self.refused(UnsupportedAudioError, r"^WAV codec 0x0055 is", tag=0x55)
        self.refused(UnsupportedAudioError, r"^WAV codec 0x0011 is", tag=0x11, extensible=True)
        self.refused(UnsupportedAudioError, "unknown sub-format", extensible=True, guid_tail=bytes(14))

    def test_illegal_sample_sizes(self):
        self.refused(UndecodableAudioError, r"0 bits in 16 is not legal .* 8, 16, 24, 32 bits$", bits=0)
        self.refused(UndecodableAudioError, "17 bits in 16 is not legal", bits=17)
        self.refused(UndecodableAudioError, "16 bits in 64 is not legal", block_align=8)
        self.refused(UndecodableAudioError, "legal sizes are 32, 64 bits", subtype="PCM_16", tag=3)

    def test_chunks_missing_or_in_the_wrong_order(self):
        good = wav_bytes(tone(seconds=0.1))
        samples = chunk(b"data", sample_bytes(tone(seconds=0.1)))
        for data, text in (
            (good[:12] + samples + good[12:36], "no 'fmt ' chunk before its samples"),
            (good[:36], "no 'data' chunk"),
            (good[:12] + chunk(b"junk", b"") * 10_001 + good[12:], "no 'data' chunk"),
            (good[:12] + b"junk" + struct.pack("<I", 0xFFFFFFFF) + good[12:], "no 'data' chunk"),
            (wav_bytes(tone(seconds=0.1), format_chunk=format_body()[:14]), "at least 16 bytes, got 14"),
            (good[:8] + b"AVI " + good[12:], "expected 'WAVE'"),
        ):
            with pytest.raises(UndecodableAudioError, match=text):
                decode(data)


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_signalling_nan_is_refused_without_a_warning(subtype):
    code = struct.pack("<I", 0x7F800001) if subtype == "FLOAT" else struct.pack("<Q", 0x7FF0000000000001)
    data = wav_bytes(np.zeros((1, 8)), subtype=subtype)
    with pytest.raises(AudioError, match="samples must be finite"):
        decode(data[: -8 * len(code)] + code * 8)
