"""UrbanSound8K from a tiny tree of the published shape."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from audiocnn.errors import ConfigError
from tests.audio_files import noise, wav_bytes
from training.cli.corpus import corpus
from training.config import DataConfig
from training.corpora.urbansound8k import convert
from training.data.manifest import read_clips
from training.data.split import folds_of, split_clips

Rows = Callable[[Path], list[dict[str, str]]]
HEADER = "slice_file_name,fsID,start,end,salience,fold,classID,class\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two slices of one recording for each of two classes in each of ten folds, in the formats that are found there."""
    folder = tmp_path / "UrbanSound8K"
    (folder / "metadata").mkdir(parents=True)
    lines = []
    for fold in range(1, 11):
        (folder / "audio" / f"fold{fold}").mkdir(parents=True)
        for number, label in ((3, "dog_bark"), (8, "siren")):
            for index in range(2):
                name = f"{fold}0{number}-{number}-0-{index}.wav"
                content = wav_bytes(noise(0.01, 8000, 2), 8000, "PCM_24" if index else "PCM_16")
                (folder / "audio" / f"fold{fold}" / name).write_bytes(content)
                lines.append(f"{name},{fold}0{number},0.0,0.01,{index + 1},{fold},{number},{label}\n")
    (folder / "metadata" / "UrbanSound8K.csv").write_text(HEADER + "".join(lines))
    return folder


def test_folds_recordings_and_salience_are_those_of_the_table(source: Path, tmp_path: Path, rows_of: Rows) -> None:
    answer = CliRunner().invoke(corpus, ["urbansound8k", str(source), str(tmp_path / "urban"), "--link"])
    assert answer.exit_code == 0, answer.output
    rows = rows_of(tmp_path / "urban")
    assert len(rows) == 40
    assert rows[-1] == {
        "path": "siren/1008-8-0-1.wav",
        "label": "siren",
        "fold": "10",
        "group": "1008",
        "salience": "2",
    }
    original = source / "audio" / "fold10" / "1008-8-0-1.wav"
    assert (tmp_path / "urban" / rows[-1]["path"]).samefile(original)


def test_training_takes_the_folds_and_sees_no_leak(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "urban")
    config = DataConfig(manifest="manifest.csv", fold="fold", group="group")
    clips = read_clips(tmp_path / "urban", config)
    assert len(folds_of(clips)) == 10
    split = split_clips(clips, test_fold="10", validation=0.1, seed=0)
    assert Counter(clip.fold for clip in split.test) == {"10": 4}
    assert len(split.train) + len(split.validation) == 36


def test_a_damaged_or_missing_slice_is_named_and_nothing_written(source: Path, tmp_path: Path) -> None:
    recording = source / "audio" / "fold7" / "708-8-0-0.wav"
    for content in (b"", recording.read_bytes()[:-60]):
        recording.write_bytes(content)
        with pytest.raises(ConfigError, match=r"fold7/708-8-0-0\.wav cannot be used, fetch it again: "):
            convert(source, tmp_path / "urban")
    recording.unlink()
    with pytest.raises(ConfigError, match=r"fold7/708-8-0-0\.wav cannot be used, fetch it again: "):
        convert(source, tmp_path / "urban")
    assert not (tmp_path / "urban").exists()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "x.wav,103,0,4,1,2,3,dog_bark",
            "has recording 103 in the folds 1 and 2; fetch .* folds must stay as published",
        ),
        ("../x.wav,999,0,4,1,2,3,dog_bark", r"leads out of its folder: \.\./x\.wav"),
        ("x.wav,,0,4,1,2,3,dog_bark", "has no fsID; fetch the file again"),
    ],
)
def test_a_wrong_row_is_named(source: Path, tmp_path: Path, row: str, message: str) -> None:
    with (source / "metadata" / "UrbanSound8K.csv").open("a") as file:
        file.write(row)
    with pytest.raises(ConfigError, match=message):
        convert(source, tmp_path / "urban")


def test_without_its_table(source: Path, tmp_path: Path) -> None:
    (source / "metadata" / "UrbanSound8K.csv").unlink()
    with pytest.raises(ConfigError, match=r"UrbanSound8K\.csv does not exist; expected metadata/UrbanSound8K\.csv and"):
        convert(source, tmp_path / "urban")


@pytest.mark.slow
def test_the_real_slices(tmp_path: Path, rows_of: Rows, real: Callable[[str], Path]) -> None:
    convert(real("urbansound8k"), tmp_path / "urban", link=True)
    rows = rows_of(tmp_path / "urban")
    assert len(rows) == 8732
    assert len({row["fold"] for row in rows}) == len({row["label"] for row in rows}) == 10
