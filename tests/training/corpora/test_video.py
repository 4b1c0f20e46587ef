"""Only clips that training can read to their end become part of a corpus."""

from pathlib import Path

import av
import numpy as np
import pytest

from audiocnn.errors import ConfigError
from training.corpora.video import check_video, write_video


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.avi"
    with av.open(path, "w") as container:
        stream = container.add_stream("mjpeg", rate=15)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuvj420p"
        for level in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32), 10 * level, np.uint8), format="gray")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_whole_videos_pass(clip: Path, tmp_path: Path) -> None:
    check_video(clip)
    write_video(tmp_path / "other.mp4", np.zeros((3, 32, 48), np.uint8), 15)
    check_video(tmp_path / "other.mp4")


def test_a_video_cut_short_is_refused(clip: Path) -> None:
    content = clip.read_bytes()
    clip.write_bytes(content[: content.index(b"movi") + 2000])
    with pytest.raises(ConfigError, match=r"clip\.avi cannot be used, fetch it again: .*(cut short|damaged)"):
        check_video(clip)


def test_a_missing_video_and_sound_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.mp4 cannot be used, fetch it again: cannot read none\.mp4"):
        check_video(tmp_path / "none.mp4")
    with av.open(tmp_path / "sound.mp4", "w") as container:
        stream = container.add_stream("aac", rate=16000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 16000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(ConfigError, match=r"sound\.mp4 cannot be used, .* the file has no moving picture"):
        check_video(tmp_path / "sound.mp4")
