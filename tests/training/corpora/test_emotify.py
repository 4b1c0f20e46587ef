"""Emotify from a tiny table and recordings and, where they are, the real ones."""

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from audiocnn.errors import ConfigError
from tests.audio_files import encoded, noise
from training.cli.corpus import corpus
from training.config import DataConfig, QuantityConfig
from training.corpora.emotify import EMOTIONS, RANGES, convert
from training.data.manifest import read_clips

Rows = Callable[[Path], list[dict[str, str]]]


def table() -> list[dict[str, str]]:
    rows = []
    for index, genre in enumerate(("classical", "rock", "classical", "rock")):
        numbers = dict.fromkeys(RANGES, "0.25") | {"mood": "3.5", "liked": "0.6" if index < 2 else "0.5"}
        path = f"{genre}/{index}.ogg"
        rows.append({"path": path, "genre": genre, "fold": str(index % 2), "artist": f"Artist {index}", **numbers})
    return rows


def write_table(folder: Path, rows: list[dict[str, str]]) -> None:
    with (folder / "clips.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    sound = encoded(noise(0.1, 22_050), 22_050, "OGG")
    for row in table():
        (folder / row["path"]).parent.mkdir(parents=True, exist_ok=True)
        (folder / row["path"]).write_bytes(sound)
    write_table(folder, table())
    return folder


def test_genre_artist_and_all_columns(source: Path, tmp_path: Path, rows_of: Rows) -> None:
    answer = CliRunner().invoke(corpus, ["emotify", str(source), str(tmp_path / "emotify"), "--link"])
    assert answer.exit_code == 0, answer.output
    rows = rows_of(tmp_path / "emotify")
    assert [{name: row[name] for name in table()[0]} for row in rows] == table()
    assert [(row["label"], row["group"], row["liked_by"]) for row in rows] == [
        ("classical", "Artist 0", "most"),
        ("rock", "Artist 1", "most"),
        ("classical", "Artist 2", "few"),
        ("rock", "Artist 3", "few"),
    ]
    assert (tmp_path / "emotify" / "rock" / "3.ogg").samefile(source / "rock" / "3.ogg")


def test_training_reads_genres_likes_and_emotions(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "emotify")
    genres = read_clips(tmp_path / "emotify", DataConfig(manifest="manifest.csv", fold="fold", group="group"))
    assert [clip.labels for clip in genres] == [("classical",), ("classical",), ("rock",), ("rock",)]
    binary = DataConfig(manifest="manifest.csv", label="liked_by", kind="binary", positive="most")
    assert Counter(clip.labels for clip in read_clips(tmp_path / "emotify", binary)) == {("most",): 2, ("few",): 2}
    quantities = {name: QuantityConfig(range=RANGES[name]) for name in (*EMOTIONS, "mood", "liked")}
    regression = DataConfig(manifest="manifest.csv", kind="regression", quantities=quantities)
    assert read_clips(tmp_path / "emotify", regression)[0].values["mood"] == 3.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mood": "0.5"}, r"row 3 of .*clips\.csv must have a number from 1 to 5 as mood, it has '0\.5'; fetch"),
        ({"power": "nan"}, "must have a number from 0 to 1 as power, it has 'nan'"),
        ({"liked": "very"}, "must have a number from 0 to 1 as liked, it has 'very'"),
        ({"artist": "Artist 1"}, "has Artist 1 in the folds 1 and 0; an artist must be in one"),
        ({"artist": ""}, "row 3 of .* has no artist; fetch the file again"),
        ({"path": "gone.ogg"}, r"gone\.ogg cannot be used, fetch it again: "),
    ],
)
def test_a_wrong_row_is_named(source: Path, tmp_path: Path, change: dict[str, str], message: str) -> None:
    rows = table()
    rows[2].update(change)
    write_table(source, rows)
    with pytest.raises(ConfigError, match=message):
        convert(source, tmp_path / "emotify")
    assert not (tmp_path / "emotify").exists()


@pytest.mark.slow
def test_the_real_recordings(tmp_path: Path, rows_of: Rows, real: Callable[[str], Path]) -> None:
    convert(real("emotify"), tmp_path / "emotify", link=True)
    rows = rows_of(tmp_path / "emotify")
    assert set(Counter((row["label"], row["fold"]) for row in rows).values()) == {20}
    assert len({row["group"] for row in rows}) == 138
    assert Counter(row["liked_by"] for row in rows) == {"few": 328, "most": 72}
