"""Speech Commands from a tiny tree of the published shape."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from audiocnn.errors import ConfigError
from tests.audio_files import noise, wav_bytes
from training.cli.corpus import corpus
from training.config import DataConfig
from training.corpora.speech_commands import convert
from training.data.manifest import read_clips
from training.data.split import split_clips

Rows = Callable[[Path], list[dict[str, str]]]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "speech_commands_v0.02"
    for word in ("no", "yes"):
        (folder / word).mkdir(parents=True)
        for speaker in ("aa11", "bb22", "cc33"):
            for index in range(2):
                (folder / word / f"{speaker}_nohash_{index}.wav").write_bytes(wav_bytes(noise(0.01), 16_000))
    (folder / "_background_noise_").mkdir()
    (folder / "_background_noise_" / "pink_nohash_0.wav").write_bytes(wav_bytes(noise(0.01), 16_000))
    for name, speaker in (("validation_list.txt", "bb22"), ("testing_list.txt", "cc33")):
        lines = [f"{word}/{speaker}_nohash_{index}.wav" for word in ("no", "yes") for index in range(2)]
        (folder / name).write_text("\n".join(lines) + "\n")
    return folder


def test_lists_make_the_split_and_names_the_speakers(source: Path, tmp_path: Path, rows_of: Rows) -> None:
    answer = CliRunner().invoke(corpus, ["speech-commands", str(source), str(tmp_path / "words"), "--link"])
    assert answer.exit_code == 0, answer.output
    assert "12 files; test 4, train 4, validation 4; no 6, yes 6" in answer.output
    rows = rows_of(tmp_path / "words")
    assert rows[3] == {"path": "no/bb22_nohash_1.wav", "label": "no", "split": "validation", "group": "bb22"}
    assert (tmp_path / "words" / rows[3]["path"]).samefile(source / rows[3]["path"])


def test_training_takes_the_official_split(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "words")
    config = DataConfig(manifest="manifest.csv", split="split", group="group")
    split = split_clips(read_clips(tmp_path / "words", config), test_fold=None, validation=0, seed=0)
    assert {clip.group for clip in split.train} == {"aa11"}
    assert {clip.group for clip in split.validation} == {"bb22"}
    assert {clip.group for clip in split.test} == {"cc33"}


def test_what_is_missing_or_damaged_is_named(source: Path, tmp_path: Path) -> None:
    recording = source / "yes" / "cc33_nohash_1.wav"
    recording.write_bytes(b"RIFF")
    with pytest.raises(ConfigError, match=r"cc33_nohash_1\.wav cannot be used, fetch it again: "):
        convert(source, tmp_path / "words")
    recording.unlink()
    with pytest.raises(ConfigError, match=r"lacks 1 of the listed recordings, the first is yes/cc33_nohash_1\.wav"):
        convert(source, tmp_path / "words")
    assert not (tmp_path / "words").exists()


def test_wrong_lists_are_named(source: Path, tmp_path: Path) -> None:
    lists = source / "testing_list.txt"
    lists.write_text("yes/bb22_nohash_0.wav\n")
    with pytest.raises(ConfigError, match=r"yes/bb22_nohash_0\.wav is in both validation_list\.txt and testing_list"):
        convert(source, tmp_path / "words")
    lists.write_text("\n")
    with pytest.raises(ConfigError, match=r"testing_list\.txt is empty; fetch it again"):
        convert(source, tmp_path / "words")
    lists.unlink()
    with pytest.raises(ConfigError, match=r"testing_list\.txt does not exist; expected a folder for each word"):
        convert(source, tmp_path / "words")


@pytest.mark.slow
def test_the_real_recordings(tmp_path: Path, rows_of: Rows, real: Callable[[str], Path]) -> None:
    convert(real("speech_commands"), tmp_path / "words", link=True)
    rows = rows_of(tmp_path / "words")
    assert len(rows) == 105_829
    side_of: dict[str, str] = {}
    assert all(side_of.setdefault(row["group"], row["split"]) == row["split"] for row in rows)
