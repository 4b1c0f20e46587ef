"""Every container and codec, timing, orientation, windows, and what is refused."""

import io
import struct
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from PIL import Image

from audiocnn.errors import (
    EmptyVisualError,
    UndecodableVisualError,
    UnsupportedVisualError,
    VisualTooLargeError,
)
from audiocnn.limits import DecodeLimits
from audiocnn.media import open_media
from audiocnn.prediction import VideoInfo
from audiocnn.spec import VideoSpec
from audiocnn.visual import container as container_module
from audiocnn.visual import video as video_module
from audiocnn.visual.video import open_video, windows
from audiocnn.waveform import Segment
from tests.audio_files import tone, wav_bytes
from tests.visual_files import VIDEO_KINDS, grey_frames, image_bytes, noise_picture, video_bytes

LEVELS = tuple(range(20, 240, 20))
"""The greys of 11 frames."""


def spec(**fields):
    return VideoSpec(**{"frames": 4, "height": 32, "width": 48, "frame_rate": 10, "hop": 4, "fit": "stretch", **fields})


def read(source, limits=None, **fields):
    """The frames `(channels, frames, height, width)` at the model's rate, the facts and the warnings."""
    with open_video(source, spec(**fields), limits) as video:
        frames = np.concatenate(list(video.blocks()), axis=1)
        return frames, video.info, video.warnings


def levels(source, **fields):
    """The mean grey of each frame, in steps of 20."""
    frames = read(source, **fields)[0]
    assert frames.std(axis=(2, 3)).max() < 3
    return np.round(frames[0].mean(axis=(1, 2)) / 20).astype(int).tolist()


class TestFormats:
    @pytest.mark.parametrize("kind", VIDEO_KINDS)
    def test_every_frame_arrives_in_order(self, kind):
        source = video_bytes(grey_frames(LEVELS), kind, rate=25)
        frames, info, warnings = read(source, frame_rate=25)
        assert frames.shape == (1, 11, 32, 48)
        assert frames.dtype == np.uint8
        assert np.abs(frames.mean(axis=(0, 2, 3)) - LEVELS).max() < 4
        assert (info.num_frames, info.width, info.height) == (11, 48, 32)
        assert info.duration_s == pytest.approx(11 / 25, abs=0.02)
        assert warnings == []

    @pytest.mark.parametrize(
        ("kind", "format", "codec"),
        [("mp4 h264", "mp4", "h264"), ("webm vp9", "matroska", "vp9"), ("avi mpeg4", "avi", "mpeg4"), ("gif",) * 3],
    )
    def test_the_facts(self, kind, format, codec):
        info = read(video_bytes(grey_frames(LEVELS), kind, rate=10))[1]
        assert info == VideoInfo(pytest.approx(1.1, abs=0.01), 11, 48, 32, codec, format)

    def test_lossless_frames_keep_their_pixels(self):
        pictures = [np.repeat(noise_picture(32, 48, 1, seed)[..., np.newaxis], 3, axis=2) for seed in range(5)]
        grey = [picture // 2 + 60 for picture in pictures]
        frames = read(video_bytes(grey, "mkv ffv1"))[0]
        assert np.abs(frames[0].astype(int) - [picture[..., 0] for picture in grey]).max() <= 2  # by way of YUV

    def test_colours(self):
        colours = [np.full((32, 48, 3), colour, np.uint8) for colour in ([200, 40, 40], [40, 200, 40], [40, 40, 200])]
        frames = read(video_bytes(colours, "mp4 h264"), channels=3)[0]
        assert np.abs(frames.mean(axis=(2, 3)).T - [[200, 40, 40], [40, 200, 40], [40, 40, 200]]).max() < 6

    @pytest.mark.parametrize(
        ("kind", "codec"), [("mp4 h264", "aac"), ("mov prores", "pcm_s16le"), ("mov raw", "pcm_u8")]
    )
    def test_sound_beside_the_picture_is_ignored(self, kind, codec):
        frames, info, warnings = read(video_bytes(grey_frames(LEVELS), kind, sound=codec))
        assert frames.shape[1] == info.num_frames == 11
        assert warnings == []

    def test_from_a_path_whatever_its_name(self, tmp_path):
        path = tmp_path / "clip.txt"
        path.write_bytes(video_bytes(grey_frames(LEVELS), "mp4 h264"))
        assert read(path)[1].num_frames == 11

    def test_transparent_frames_are_laid_on_black(self):
        picture = np.full((32, 48, 4), 200, np.uint8)
        picture[..., 3] = np.where(np.arange(32) < 16, 0, 255)[:, np.newaxis]
        frames = read(video_bytes([picture] * 2, "mkv ffv1"))[0]
        assert np.abs(frames[0, 0, [4, 28], 0].astype(int) - [0, 200]).max() < 5


class TestTiming:
    @pytest.mark.parametrize("kind", ["mp4 h264", "webm vp9", "avi mpeg4", "ts mpeg2", "flv"])
    def test_half_and_double_rate(self, kind):
        source = video_bytes(grey_frames(LEVELS), kind, rate=20)
        assert levels(source, frame_rate=10) == [1, 3, 5, 7, 9, 11]
        doubled = levels(source, frame_rate=40)
        assert doubled[::2] == list(range(1, 12))
        assert len(doubled) == 22

    @pytest.mark.parametrize("kind", ["mp4 h264", "mkv ffv1"])
    def test_variable_frame_rate(self, kind):
        """Frames at 0, 0.1, 0.5, 0.6 and 1 s: each stays until half way to the next."""
        source = video_bytes(grey_frames([20, 40, 60, 80, 100]), kind, times=[0, 1, 5, 6, 10])
        got = levels(source)
        assert got[:10] == [1, 2, 2, 2, 3, 3, 4, 4, 4, 5]
        assert set(got[10:]) == {5}

    def test_a_video_that_starts_late_starts_at_once(self):
        source = video_bytes(grey_frames([20, 40, 60]), "mkv ffv1", times=[100, 101, 102])
        assert levels(source) == [1, 2, 3]

    def test_a_clock_that_jumps_ahead_leaves_no_gap(self):
        source = video_bytes(grey_frames([20, 40, 60, 80]), "mkv ffv1", times=[0, 1, 100_000, 100_001])
        frames, info, warnings = read(source)
        assert frames.shape[1] == 4
        assert info.duration_s == pytest.approx(0.4)
        assert any("the clock of the video jumps" in warning for warning in warnings)

    def test_frames_without_a_time_follow_one_another(self, monkeypatch):
        source = video_bytes(grey_frames(LEVELS), "mp4 h264")
        timed = container_module.VideoFile._decoded

        def timeless(self):
            for frame in timed(self):
                frame.pts = None
                yield frame

        monkeypatch.setattr(container_module.VideoFile, "_decoded", timeless)
        assert levels(source) == list(range(1, 12))

    def test_two_frames_at_one_time_are_one(self, monkeypatch):
        source = video_bytes(grey_frames(LEVELS), "mp4 h264")
        timed = container_module.VideoFile._decoded

        def doubled(self):
            for frame in timed(self):
                yield frame
                yield frame

        monkeypatch.setattr(container_module.VideoFile, "_decoded", doubled)
        assert levels(source) == list(range(1, 12))
        with container_module.open_container(io.BytesIO(source), "mp4", DecodeLimits()) as video:
            starts = [start for start, _, _ in video.frames()]
        assert starts == [Fraction(index, 10) for index in range(11)]

    def test_frames_that_are_not_shown_are_not_converted(self, monkeypatch):
        seen = []
        fit = video_module.fit_picture
        monkeypatch.setattr(video_module, "fit_picture", lambda *args: seen.append(1) or fit(*args))
        source = video_bytes(grey_frames(LEVELS), "mp4 h264", rate=20)
        assert read(source, frame_rate=5)[0].shape[1] == 3
        assert len(seen) == 3
        assert read(source, frame_rate=60)[0].shape[1] == 33
        assert len(seen) == 3 + 11


class TestShape:
    @pytest.mark.parametrize("mirrored", [False, True])
    @pytest.mark.parametrize("degrees", [0, 90, 180, -90, 3])
    def test_the_camera_held_in_any_way(self, degrees, mirrored):
        stored = np.kron(np.array([[20, 220, 120], [90, 160, 250]], np.uint8), np.ones((16, 16), np.uint8))
        picture = np.repeat(stored[..., np.newaxis], 3, axis=2)
        upright = np.rot90(stored, round(degrees / 90))  # counterclockwise, and then mirrored
        upright = upright[:, ::-1] if mirrored else upright
        height, width = upright.shape
        source = video_bytes([picture] * 2, "mp4 h264", rotation=(degrees, mirrored))
        frames, info, _ = read(source, height=height, width=width)
        assert np.abs(frames[0, 0].astype(int) - upright).mean() < 3
        assert (info.height, info.width) == upright.shape

    def test_pixels_that_are_not_square(self):
        """32 x 48 pixels twice as wide as high are three times as wide as high: padded, a third of the square."""
        source = video_bytes(grey_frames([200]), "mp4 h264", pixel_aspect=Fraction(2))
        frames = read(source, height=30, width=30, fit="pad")[0]
        assert (frames[0, 0].mean(axis=1) > 100).sum() == 10
        assert (frames[0, 0, 15] > 100).all()

    @pytest.mark.parametrize("aspect", [Fraction(1, 5000), Fraction(5000)])
    def test_absurd_pixels_are_taken_as_square(self, aspect):
        source = video_bytes(grey_frames([200]), "mp4 h264", pixel_aspect=aspect)
        frames = read(source, height=30, width=30, fit="pad")[0]
        assert (frames > 100).sum() == 20 * 30

    def test_frames_are_fitted_like_pictures(self):
        picture = np.repeat(noise_picture(32, 48, 1)[..., np.newaxis], 3, axis=2)
        frames = read(video_bytes([picture], "mkv ffv1"), height=20, width=20, fit="crop")[0]
        expected = np.asarray(
            Image.fromarray(picture[..., 0]).resize((20, 20), Image.Resampling.BILINEAR, (8, 0, 40, 32))
        )
        assert np.abs(frames[0, 0].astype(int) - expected).max() <= 3


class TestWindows:
    def prepared(self, num_frames=11, **fields):
        source = video_bytes(grey_frames(LEVELS[:num_frames]), "mp4 h264")
        with open_video(source, spec(**fields)) as video:
            return list(video.windows()), video.info

    def test_windows_and_their_segments(self):
        got, info = self.prepared(frames=4, hop=2)
        assert [window.segment for window in got] == [Segment(a, a + 4, 10) for a in (0, 2, 4, 6, 7)]
        for window in got:
            assert window.values.shape == (1, 4, 32, 48)
            assert window.values.dtype == np.float32
            assert not window.silent
        first = got[0].values.mean(axis=(0, 2, 3)) * 0.25 + 0.5
        assert np.abs(255 * first - LEVELS[:4]).max() < 4
        assert info.duration_s == pytest.approx(1.1)

    @pytest.mark.parametrize(("tail", "black"), [("shift", 0), ("drop", 0), ("pad", 2)])
    def test_shorter_than_a_window(self, tail, black):
        got, _ = self.prepared(2, tail=tail)
        assert [window.segment for window in got] == [Segment(0, 2, 10)]
        brightness = got[0].values[0, :, 0, 0] * 0.25 + 0.5
        assert (brightness < 0.01).sum() == black
        if not black:
            assert np.abs(255 * brightness - [20, 40, 20, 40]).max() < 4

    def test_what_training_caches_gives_the_same_windows(self):
        source = video_bytes(grey_frames(LEVELS), "mp4 h264")
        model = spec(hop=3, mean=0.3, deviation=0.1)
        cached = list(windows([read(source)[0]], model))
        with open_media(source, model) as video:
            streamed = list(video.windows())
        assert len(cached) == len(streamed) == 4
        for a, b in zip(cached, streamed, strict=True):
            np.testing.assert_array_equal(a.values, b.values)
            assert a.segment == b.segment

    def test_memory_does_not_grow_with_the_video(self, monkeypatch):
        """While one window is looked at, the decoder has read only what that window needs and the frame after it."""
        source = video_bytes(grey_frames(LEVELS * 10), "mkv ffv1")
        with open_video(source, spec()) as video:
            seen = []
            for window in video.windows():
                seen.append(video.info.num_frames - window.segment.end)
        assert max(seen[:-1]) <= 2


class TestDamage:
    @pytest.mark.parametrize("kind", ["webm vp9", "avi mpeg4", "ts mpeg2", "flv", "mkv ffv1"])
    def test_cut_short_gives_what_there_is(self, kind):
        source = video_bytes(grey_frames(LEVELS * 9), kind, rate=25)
        frames, info, warnings = read(source[: len(source) * 2 // 3], frame_rate=25)
        assert 20 < info.num_frames < 95
        assert frames.shape[1] == info.num_frames
        if kind not in ("ts mpeg2", "flv"):  # those headers promise no length
            assert any("promises 3.960 s" in warning for warning in warnings)

    def test_an_mp4_whose_index_comes_first(self, tmp_path):
        source = video_bytes(
            grey_frames(LEVELS * 9), "mp4 h264", rate=25, options={"movflags": "faststart"}, path=tmp_path / "clip.mp4"
        )
        assert source.index(b"moov") < source.index(b"mdat")
        frames, _, warnings = read(source[: len(source) * 2 // 3], frame_rate=25)
        assert 5 < frames.shape[1] < 95
        assert any("promises 3.960 s" in warning for warning in warnings)

    def test_an_mp4_whose_index_came_last_and_is_lost(self):
        source = video_bytes(grey_frames(LEVELS), "mp4 h264")
        with pytest.raises(UndecodableVisualError, match="starts like mp4 and cannot be opened; it is damaged or cut"):
            read(source[: source.index(b"moov") - 4])

    def test_a_damaged_stretch_is_skipped_with_a_warning(self):
        source = bytearray(video_bytes(grey_frames(LEVELS * 3), "avi mjpeg"))
        middle = source.index(b"movi") + len(source) // 2
        source[middle : middle + 700] = bytes(700)
        frames, _, warnings = read(bytes(source))
        assert 20 <= frames.shape[1] <= 33
        assert any("damaged" in warning for warning in warnings)

    def test_a_header_without_frames(self):
        source = video_bytes(grey_frames(LEVELS), "webm vp9")
        cluster = source.index(b"\x1f\x43\xb6\x75")
        with pytest.raises(EmptyVisualError, match="the video has no frames, or they are cut off"):
            read(source[: cluster + 20])


class TestLimits:
    def test_pixels_are_refused_before_a_frame_is_decoded(self, monkeypatch):
        source = video_bytes(grey_frames(LEVELS), "mp4 h264")
        monkeypatch.setattr(container_module.VideoFile, "_decoded", None)
        with pytest.raises(VisualTooLargeError, match="at most 1000 pixels are accepted, the header says 48 x 32"):
            read(source, DecodeLimits(max_pixels=1000))

    def test_as_many_pixels_as_allowed_are_read(self):
        source = video_bytes(grey_frames(LEVELS, 50, 70), "mp4 h264")  # coded as 64 x 80
        assert read(source, DecodeLimits(max_pixels=50 * 70))[1].num_frames == 11

    def test_seconds(self):
        source = video_bytes(grey_frames(LEVELS), "mp4 h264")
        with pytest.raises(VisualTooLargeError, match="at most 1 s of video are accepted"):
            read(source, DecodeLimits(max_duration_s=1))
        assert read(source, DecodeLimits(max_duration_s=1.1))[1].num_frames == 11

    def test_pixels_of_all_frames_together(self):
        source = video_bytes(grey_frames(LEVELS), "mp4 h264")
        with pytest.raises(VisualTooLargeError, match="at most 16000 pixels in all frames together"):
            read(source, DecodeLimits(max_video_pixels=16_000))
        assert read(source, DecodeLimits(max_video_pixels=16_896, max_decoded_bytes=100))[1].num_frames == 11


def forged(source, name, at, *numbers):
    """An MP4 file with other 32-bit numbers in the table of that name, from that byte on."""
    place = source.index(name) + 4 + at
    return source[:place] + struct.pack(f">{len(numbers)}I", *numbers) + source[place + 4 * len(numbers) :]


class TestForgedTables:
    """Of a kilobyte, that would become gigabytes in FFmpeg."""

    MANY = 2_000_000_000
    REFUSED = "the header announces 2000000000 samples, a file of [0-9]+ bytes cannot hold them"

    @pytest.fixture
    def never_opened(self, monkeypatch):
        monkeypatch.setattr(container_module, "av", None)

    @pytest.mark.parametrize("holder", [b"stbl", b"udta", b"sinf"])
    def test_samples_of_one_size(self, holder, never_opened):
        source = forged(video_bytes(grey_frames(LEVELS), "mp4 h264"), b"stsz", 4, 1, self.MANY)
        with pytest.raises(VisualTooLargeError, match=self.REFUSED):
            read(source.replace(b"stbl", holder))

    def test_amplitudes(self, never_opened):
        source = forged(video_bytes(grey_frames(LEVELS), "mp4 h264"), b"stsz", 4, 1, self.MANY)
        with pytest.raises(VisualTooLargeError, match=self.REFUSED):
            read(forged(source, b"stts", 4, 1, self.MANY, 1))

    def test_fragments(self, never_opened):
        options = {"movflags": "frag_keyframe+empty_moov"}
        source = video_bytes(grey_frames(LEVELS), "mp4 h264", options=options)
        with pytest.raises(VisualTooLargeError, match=self.REFUSED):
            read(forged(source, b"trun", 0, 1, self.MANY))

    def test_fragments_that_are_not_forged_are_read(self):
        options = {"movflags": "frag_keyframe+empty_moov"}
        frames, _, warnings = read(video_bytes(grey_frames(LEVELS), "mp4 h264", options=options))
        assert frames.shape[1] == 11
        assert warnings == []

    def test_a_compressed_header(self, never_opened):
        source = video_bytes(grey_frames(LEVELS), "mp4 h264").replace(b"mvhd", b"cmov")
        with pytest.raises(UnsupportedVisualError, match="compressed header are not read; convert it to MP4"):
            read(source)


class TestRefused:
    def test_no_bytes(self):
        with pytest.raises(EmptyVisualError, match="expected a video, got no bytes"):
            read(b"")

    @pytest.mark.parametrize(
        ("source", "name"),
        [(wav_bytes(tone()), "wav"), (image_bytes(noise_picture(6, 8)), "png"), (b"#EXTM3U\n", "playlist")],
    )
    def test_other_formats_are_named(self, source, name):
        with pytest.raises(UnsupportedVisualError, match=f"expected a video, got a file of format {name}; send mp4"):
            read(source)

    def test_sound_alone(self):
        file = io.BytesIO()
        with av.open(file, "w", format="mp4") as container:
            stream = container.add_stream("aac", rate=8000, layout="mono")
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), "fltp", "mono")
            silence.sample_rate = 8000
            container.mux(stream.encode(silence))
            container.mux(stream.encode(None))
        with pytest.raises(UnsupportedVisualError, match="has no moving picture"):
            read(file.getvalue())

    def test_codecs_that_nobody_writes(self):
        file = io.BytesIO()
        with av.open(file, "w", format="avi") as container:
            stream = container.add_stream("cinepak", rate=10)
            stream.width, stream.height, stream.pix_fmt = 48, 32, "rgb24"
            frame = av.VideoFrame.from_ndarray(noise_picture(32, 48), "rgb24")
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        with pytest.raises(UnsupportedVisualError, match="codec cinepak is not read; convert it to H"):
            read(file.getvalue())

    @pytest.mark.parametrize(
        "text",
        [
            "#EXTM3U\n#EXTINF:1,\nfile://{path}\n",
            "ffconcat version 1.0\nfile '{path}'\n",
            "{path}\n",
            "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
            "<?xml version='1.0'?><MPD><Period><BaseURL>file://{path}</BaseURL></Period></MPD>",
        ],
        ids=["m3u8", "concat", "name", "sdp", "dash"],
    )
    def test_texts_that_point_to_other_files_open_nothing(self, text, tmp_path, monkeypatch):
        path = tmp_path / "secret.mp4"
        path.write_bytes(video_bytes(grey_frames(LEVELS), "mp4 h264"))
        monkeypatch.setattr(av, "open", None)  # FFmpeg may not even be asked
        playlist = tmp_path / "upload.m3u8"
        playlist.write_text(text.format(path=path))
        for source in (playlist, playlist.read_bytes()):
            with pytest.raises((UnsupportedVisualError, UndecodableVisualError)):
                read(source)

    @pytest.mark.parametrize("format", sorted(container_module.DEMUXERS))
    def test_no_demuxer_we_ask_for_follows_a_playlist(self, format, tmp_path):
        """Even if the first bytes lied."""
        path = tmp_path / "secret.mp4"
        path.write_bytes(video_bytes(grey_frames(LEVELS), "mp4 h264"))
        for text in (f"#EXTM3U\n#EXTINF:1,\nfile://{path}\n", f"ffconcat version 1.0\nfile '{path}'\n"):
            with (
                pytest.raises((UnsupportedVisualError, UndecodableVisualError)),
                container_module.open_container(io.BytesIO(text.encode()), format, DecodeLimits()),
            ):
                pass


def test_frames_never_go_back_in_time():
    source = video_bytes(grey_frames(LEVELS), "avi mpeg4")
    with container_module.open_container(io.BytesIO(source), "avi", DecodeLimits()) as video:
        times = [(start, end) for start, end, _ in video.frames()]
    assert all(a[0] < b[0] for a, b in pairwise(times))
    assert times[0][0] == 0
