"""Recordings to learn from, in parts that share no speaker and no fold."""

import shutil

import numpy as np
import pytest

from audiocnn.errors import ConfigError, EmptyAudioError, UndecodableAudioError
from tests.audio_files import noise, wav_bytes
from tests.training.small_corpora import write_corpora
from training.recordings import read_recordings


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpora")
    write_corpora(root)
    return root


def test_parts_share_no_speaker_and_no_fold(corpora):
    found = read_recordings(corpora, ["fsdd", "esc10"], 16_000)
    assert {part: len(recordings) for part, recordings in found.items()} == {
        "train": 8 + 3,
        "validation": 2 + 1,
        "test": 2 + 1,
    }
    for part, hz in (("validation", 600), ("test", 700)):
        power = np.abs(np.fft.rfft(found[part][0], 16_000))
        assert power.argmax() == pytest.approx(hz, abs=2)
    assert len(found["validation"][-1]) == 16_000
    assert len(found["test"][-1]) == 32_000


def test_recordings_are_mono_without_offset_and_at_most_15_s(corpora):
    found = read_recordings(corpora, ["fsdd", "esc10"], 16_000)
    assert all(r.ndim == 1 and abs(r.mean()) < 1e-4 for part in found.values() for r in part)
    assert len(found["test"][0]) == 8000
    assert sorted(len(r) for r in found["train"][8:]) == [16_000, 16_000, 15 * 16_000]


def test_of_a_long_recording_the_middle_is_kept(corpora):
    (whole,), (kept,) = (
        [r for r in read_recordings(corpora, ["esc10"], 16_000, longest_s)["train"] if len(r) == longest_s * 16_000]
        for longest_s in (20, 4)
    )
    middle = whole[8 * 16_000 : 12 * 16_000]
    np.testing.assert_allclose(kept, middle - middle.mean(), atol=1e-6)


def test_what_cannot_be_read(corpora, tmp_path):
    for names in (["fsdd", "speech"], []):
        with pytest.raises(ConfigError, match=r"^corpora must be some of fsdd, esc10, emotify, got"):
            read_recordings(corpora, names, 16_000)
    with pytest.raises(ConfigError, match=r"found no recordings for train, validation, test in .*fsdd; is it fsdd"):
        read_recordings(tmp_path, ["fsdd"], 16_000)
    with pytest.raises(ConfigError, match=r"expected .*clips\.csv with columns path and fold"):
        read_recordings(tmp_path, ["esc10"], 16_000)


def test_a_speaker_or_a_fold_that_belongs_to_no_part_is_named(corpora, tmp_path):
    shutil.copytree(corpora, tmp_path, dirs_exist_ok=True)
    newcomer = tmp_path / "fsdd/0_newcomer_0.wav"
    newcomer.write_bytes((tmp_path / "fsdd/0_theo_0.wav").read_bytes())
    with pytest.raises(ConfigError, match=f"^{newcomer} has the speaker 'newcomer'; leave it out, expected "):
        read_recordings(tmp_path, ["fsdd"], 16_000)
    table = tmp_path / "esc10/clips.csv"
    table.write_text(table.read_text() + "1.wav,rain,6\n")
    with pytest.raises(ConfigError, match=f"^{table} has the fold '6'; leave it out, expected 1, 2, 3, 4, 5$"):
        read_recordings(tmp_path, ["esc10"], 16_000)


@pytest.mark.parametrize(
    ("file", "error", "message"),
    [
        (
            wav_bytes(noise(1)[:, :1], 48_000),
            EmptyAudioError,
            "the audio is shorter than one sample",
        ),
        (b"no sound", UndecodableAudioError, "the bytes are not audio"),
    ],
    ids=["one sample", "no sound"],
)
def test_a_file_without_sound_is_named(corpora, tmp_path, file, error, message):
    shutil.copytree(corpora, tmp_path, dirs_exist_ok=True)
    (tmp_path / "esc10/3.wav").write_bytes(file)
    with pytest.raises(error, match=rf"^{tmp_path}/esc10/3\.wav: {message}"):
        read_recordings(tmp_path, ["esc10"], 16_000)
