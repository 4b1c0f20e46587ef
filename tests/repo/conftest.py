"""The checkout's root, and a recording that the repository tests share."""

from pathlib import Path

import pytest

from tests.audio_files import music, wav_bytes


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).parents[2]


@pytest.fixture(scope="session")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`song.wav`: ten seconds of stereo at 44.1 kHz."""
    path = tmp_path_factory.mktemp("songs") / "song.wav"
    path.write_bytes(wav_bytes(music(10, 44_100, channels=2), 44_100))
    return path
