"""Spoken digits from files named as published, tiny ones and, where they are, the real ones."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from audiocnn.errors import ConfigError
from tests.audio_files import noise, wav_bytes
from training.cli.corpus import corpus
from training.config import DataConfig
from training.corpora.fsdd import convert
from training.data.manifest import read_clips
from training.data.split import folds_of, split_clips

Rows = Callable[[Path], list[dict[str, str]]]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "fsdd"
    (folder / "recordings").mkdir(parents=True)
    for digit in range(10):
        for speaker in ("ann", "bob", "cem"):
            for index in (4, 5):
                path = folder / "recordings" / f"{digit}_{speaker}_{index}.wav"
                path.write_bytes(wav_bytes(noise(0.01, 8000), 8000))
    (folder / "README.md").write_text("not a recording")
    return folder


def test_names_say_digit_speaker_and_official_split(source: Path, tmp_path: Path, rows_of: Rows) -> None:
    answer = CliRunner().invoke(corpus, ["fsdd", str(source), str(tmp_path / "digits")])
    assert answer.exit_code == 0, answer.output
    rows = rows_of(tmp_path / "digits")
    assert len(rows) == 60
    assert rows[2] == {
        "path": "0/0_bob_4.wav",
        "label": "0",
        "fold": "bob",
        "group": "bob",
        "official": "test",
    }
    assert rows[3]["official"] == "train"


def test_training_leaves_one_speaker_out(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "digits", link=True)
    config = DataConfig(manifest="manifest.csv", fold="fold", group="group")
    clips = read_clips(tmp_path / "digits", config)
    assert folds_of(clips) == ["ann", "bob", "cem"]
    split = split_clips(clips, test_fold="bob", validation=0, seed=0)
    assert {clip.group for clip in split.train} == {"ann", "cem"}
    assert {clip.group for clip in split.test} == {"bob"}


def test_training_refuses_the_official_split_with_its_speakers(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "digits")
    config = DataConfig(manifest="manifest.csv", split="official", group="group")
    with pytest.raises(ConfigError, match="group 'ann' is in train and in test"):
        split_clips(read_clips(tmp_path / "digits", config), test_fold=None, validation=0, seed=0)


def test_what_is_missing_damaged_or_there_twice_is_named(source: Path, tmp_path: Path) -> None:
    recording = source / "recordings" / "3_bob_4.wav"
    shutil.copyfile(recording, source / "3_bob_4.wav")
    with pytest.raises(ConfigError, match=r"recordings/3_bob_4\.wav and .*3_bob_4\.wav are the same recording"):
        convert(source, tmp_path / "digits")
    (source / "3_bob_4.wav").unlink()
    recording.write_bytes(recording.read_bytes()[:-50])
    with pytest.raises(ConfigError, match=r"3_bob_4\.wav cannot be used, fetch it again: .*cut short"):
        convert(source, tmp_path / "digits")
    recording.unlink()
    (source / "recordings" / "3_bob_5.wav").unlink()
    with pytest.raises(ConfigError, match=r"has no 3 by bob; fetch the recordings again"):
        convert(source, tmp_path / "digits")
    assert not (tmp_path / "digits").exists()


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has recordings of 0 speakers, files named DIGIT_SPEAKER_INDEX"):
        convert(tmp_path, tmp_path / "digits")
    with pytest.raises(ConfigError, match="nowhere is not a folder; expected one with files named DIGIT_SPEAKER"):
        convert(tmp_path / "nowhere", tmp_path / "digits")


@pytest.mark.slow
def test_the_real_recordings(tmp_path: Path, rows_of: Rows, real: Callable[[str], Path]) -> None:
    convert(real("fsdd"), tmp_path / "digits", link=True)
    rows = rows_of(tmp_path / "digits")
    assert set(Counter((row["label"], row["fold"]) for row in rows).values()) == {50}
    assert Counter(row["official"] for row in rows) == {"train": 2700, "test": 300}
