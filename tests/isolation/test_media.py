"""Sound, images, video and volumes through a decoder child: the same as here, and no file that hangs or grows."""

import io
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from audiocnn.audio.decode import checked_blocks, decode, open_audio
from audiocnn.audio.isolated import ChildReader
from audiocnn.errors import AudioError, MediaError, UndecodableAudioError, UndecodableVisualError
from audiocnn.inference.classifier import Classifier
from audiocnn.isolation.pool import ChildLimits, DecoderPool
from audiocnn.limits import DecodeLimits
from audiocnn.media import open_media
from audiocnn.spec import AudioSpec, ImageSpec, VideoSpec, VolumeSpec
from tests.audio_files import encoded, music, noise, wav_bytes
from tests.hostile import ANSWER, SNDFILE_HANG, damaged, hostile_pictures, hostile_sounds
from tests.hostile.bombs import flac_bomb
from tests.visual_files import grey_frames, image_bytes, noise_picture, npz_bytes, video_bytes

SMALL = DecodeLimits(max_duration_s=20, max_decoded_bytes=2_000_000)
SPECS = {
    "audio": AudioSpec(16_000, 8000, 4000),
    "image": ImageSpec(8, 9, 3),
    "video": VideoSpec(4, 8, 9, 25, 4),
    "volume": VolumeSpec(4, 5, 6),
}


@pytest.fixture(scope="module")
def pool():
    with DecoderPool(2, ChildLimits(block_s=60, file_s=120)) as pool:
        yield pool


def read(data, medium, decoders):
    """All that can be seen of a file: its windows, what is known of it, or the error."""
    try:
        with open_media(data, SPECS[medium], SMALL, decoders) as media:
            windows = [(window.values.tobytes(), window.segment) for window in media.windows()]
            return windows, media.info, media.warnings
    except MediaError as error:
        return type(error), str(error)


class TestSameAsHere:
    @pytest.mark.parametrize("format", ["FLAC", "OGG", "MP3", "AIFF", "AU", "CAF"])
    @pytest.mark.parametrize("channels", [1, 2])
    def test_sound(self, pool, tmp_path, format, channels):
        data = encoded(music(9, 22_050, channels), 22_050, format)
        (tmp_path / "x").write_bytes(data)
        here = decode(data)
        for source in (data, tmp_path / "x", b"ID3\4\0\0\0\0\0\5" + bytes(5) + data):
            with open_audio(source, None, pool) as reader:
                samples = np.concatenate(list(checked_blocks(reader)), axis=1)
            assert (reader.sample_rate, reader.channels, reader.format) == (22_050, channels, format.lower())
            np.testing.assert_array_equal(samples, here.samples)

    def test_warnings_of_damage(self, pool):
        data = encoded(noise(10), format="FLAC")
        assert read(data[: len(data) // 2], "audio", pool) == read(data[: len(data) // 2], "audio", None)
        assert "is damaged behind" in read(data[: len(data) // 2], "audio", pool)[2][0]

    @pytest.mark.parametrize("file", hostile_sounds(), ids=lambda file: file.name)
    def test_hostile_sounds(self, pool, file):
        assert read(file.data, "audio", pool) == read(file.data, "audio", None)

    def test_damaged_sounds(self, pool):
        for file in damaged(200, seed=1):
            assert read(file.data, "audio", pool) == read(file.data, "audio", None), file.name

    @pytest.mark.filterwarnings("ignore::UserWarning:PIL")
    @pytest.mark.parametrize("file", hostile_pictures(), ids=lambda file: file.name)
    def test_hostile_pictures(self, pool, file):
        outcome = read(file.data, file.medium, pool)
        assert outcome == read(file.data, file.medium, None)
        assert (outcome[0].code if isinstance(outcome[0], type) else ANSWER) in file.expected

    @pytest.mark.parametrize(
        ("medium", "data"),
        [
            ("image", image_bytes(noise_picture(20, 30))),
            ("image", image_bytes(noise_picture(20, 30), "JPEG")),
            ("video", video_bytes(grey_frames(range(0, 250, 10)), rate=25)),
            ("video", video_bytes(grey_frames(range(0, 250, 10)), "mp4 h264", rate=25)[:-300]),
            ("volume", npz_bytes(volume=np.random.default_rng(0).normal(size=(5, 6, 7)))),
        ],
    )
    def test_pictures(self, pool, medium, data):
        assert read(data, medium, pool) == read(data, medium, None)
        assert len(read(data, medium, pool)) == 3 or medium == "video"

    def test_a_classifier(self, pool, tiny_model):
        data = encoded(music(3), format="OGG")
        here, there = (Classifier.load(tiny_model, decoders=decoders).classify(data) for decoders in (None, pool))
        assert (there.predictions, there.segments, there.media) == (here.predictions, here.segments, here.media)

    def test_a_classifier_with_other_windows_decodes_in_the_child_too(self, tiny_model):
        with DecoderPool(1) as decoders:
            Classifier.load(tiny_model, decoders=decoders).classify(encoded(music(1), format="OGG"), window_s=1)
            assert len(decoders.pids) == 1

    def test_no_child_was_lost_over_all_of_this(self, pool):
        assert pool.restarts == 0


def test_plain_wav_needs_no_child():
    with DecoderPool(1) as pool:
        with open_audio(wav_bytes(noise()), None, pool) as reader:
            assert list(reader.blocks())
        assert pool.pids == []


def test_the_header_that_libsndfile_opens_for_ever():
    """Our own parser refuses it. Where it reaches libsndfile, the child dies and the next file works."""
    with DecoderPool(1, ChildLimits(block_s=1)) as pool:
        with pytest.raises(UndecodableAudioError, match="no 'data' chunk"), open_audio(SNDFILE_HANG, None, pool):
            pass
        assert pool.restarts == 0
        with pytest.raises(UndecodableAudioError, match=r"^decoding took longer than 1 s; the file is damaged"):
            ChildReader(pool, io.BytesIO(SNDFILE_HANG), "flac", DecodeLimits())
        assert pool.restarts == 1
        data = encoded(noise(2))
        with open_audio(data, None, pool) as reader:
            np.testing.assert_array_equal(np.concatenate(list(reader.blocks()), axis=1), decode(data).samples)


def test_a_child_killed_in_the_middle_of_a_sound(tmp_path):
    data = encoded(noise(60, 22_050), 22_050)
    here = decode(data).samples
    (tmp_path / "x.flac").write_bytes(data)
    with DecoderPool(1) as pool:
        for source in (data, tmp_path / "x.flac"):
            with open_audio(source, None, pool) as reader:
                blocks = reader.blocks()
                seen = [next(blocks), next(blocks)]
                os.kill(pool.pids[0], signal.SIGKILL)
                np.testing.assert_array_equal(np.concatenate([*seen, *blocks], axis=1), here)
        assert pool.restarts == 2


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
class TestMemory:
    def peak_mb(self, pid: int | str) -> float:
        text = Path(f"/proc/{pid}/status").read_text()
        return int(text.split("VmHWM:")[1].split()[0]) / 1024

    def test_does_not_grow_over_eight_hours_of_sound(self):
        with DecoderPool(1) as pool, open_audio(flac_bomb(8 * 3600 * 4000, 1, 4000), None, pool) as reader:
            blocks = checked_blocks(reader)
            next(blocks)
            here, there = self.peak_mb("self"), self.peak_mb(pool.pids[0])
            assert sum(block.shape[1] for block in blocks) / 4000 + 17 >= 8 * 3600
            assert self.peak_mb("self") < here + 20
            assert self.peak_mb(pool.pids[0]) < there + 20

    def test_of_an_image_that_unfolds_beyond_the_limit(self):
        bomb = image_bytes(np.zeros((9000, 9000), np.uint8))
        assert len(bomb) < 1_000_000
        with DecoderPool(1, ChildLimits(memory_bytes=2**25)) as pool:
            no_limit = DecodeLimits(max_pixels=10**9)
            with (
                pytest.raises(UndecodableVisualError),
                open_media(bomb, SPECS["image"], no_limit, pool),
            ):
                pass
            assert self.peak_mb(pool.pids[0]) < 200
            small = image_bytes(noise_picture(20, 30))
            with open_media(small, SPECS["image"], no_limit, pool) as image:
                assert image.info.width == 30


def test_two_hundred_hostile_files_in_a_row():
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    files = [*hostile_sounds(), *damaged(200, seed=2)]
    good = encoded(noise(1))
    with DecoderPool(2, ChildLimits(block_s=30)) as pool:
        for number, file in enumerate(files):
            try:
                with open_audio(file.data, SMALL, pool) as reader:
                    for _ in checked_blocks(reader, SMALL):
                        pass
            except AudioError:
                pass
            if number % 60 == 0 and pool.pids:
                os.kill(pool.pids[0], signal.SIGKILL)
        with open_audio(good, None, pool) as reader:
            assert sum(block.shape[1] for block in reader.blocks()) == 16_000
        assert len(pool.pids) == 1
    assert pool.pids == []
    if before:
        assert len(os.listdir("/proc/self/fd")) == before
