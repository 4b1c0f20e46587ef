"""MagnaTagATune from a tiny table of the published form and excerpts in its folders."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from audiocnn.errors import ConfigError
from tests.audio_files import noise, wav_bytes
from training.cli.corpus import corpus
from training.config import DataConfig
from training.corpora.magnatagatune import BROKEN, TAGS, convert
from training.data.manifest import read_clips
from training.data.split import split_clips
from training.data.targets import targets_of, task_of

Rows = Callable[[Path], list[dict[str, str]]]
COLUMNS = ("clip_id", "bongos", *reversed(TAGS), "mp3_path")
LONG_S, SHORT_S = 29.12, 29.0
CLIPS = (
    ("0/a-b-01-c-0-29.mp3", {"guitar", "no vocals"}, LONG_S),
    ("b/a-b-01-c-29-58.mp3", {"choral"}, LONG_S),
    ("b/short-0-29.mp3", {"choral"}, SHORT_S),
    ("c/d-0-29.mp3", {"guitar"}, LONG_S),
    ("c/untagged-0-29.mp3", {"bongos"}, LONG_S),
    ("d/e-0-29.mp3", {"guitar"}, LONG_S),
    ("f/e-29-58.mp3", {"choral", "guitar"}, LONG_S),
    (f"6/{BROKEN[0]}.mp3", {"guitar"}, LONG_S),
)


def write_table(folder: Path, rows: list[list[str]]) -> None:
    lines = ["\t".join(f'"{value}"' for value in row) for row in rows]
    (folder / "annotations_final.csv").write_text("\n".join(lines) + "\n")


def table() -> list[list[str]]:
    rows = [list(COLUMNS)]
    for number, (path, tags, _) in enumerate(CLIPS, start=2):
        rows.append([str(number), *(str(int(tag in tags)) for tag in COLUMNS[1:-1]), path])
    return rows


@pytest.fixture(scope="module")
def excerpts() -> dict[float, bytes]:
    """WAV at a low rate, quick to write and to read; the decoder goes by the bytes and not by the name."""
    return {seconds: wav_bytes(noise(seconds, 4_000), 4_000) for seconds in (LONG_S, SHORT_S)}


@pytest.fixture
def source(tmp_path: Path, excerpts: dict[float, bytes]) -> Path:
    folder = tmp_path / "mtat"
    for path, _, seconds in CLIPS:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"" if BROKEN[0] in path else excerpts[seconds])
    write_table(folder, table())
    return folder


def test_the_clean_version_has_tags_and_29_seconds(source: Path, tmp_path: Path, rows_of: Rows) -> None:
    answer = CliRunner().invoke(corpus, ["magnatagatune", str(source), str(tmp_path / "clean"), "--link"])
    assert answer.exit_code == 0, answer.output
    assert "5 files; train 2, validation 1, test 2; left out as they cannot be read: 1, norine_braun" in answer.output
    rows = rows_of(tmp_path / "clean")
    assert rows[0] == {"path": CLIPS[0][0], "label": "guitar|no vocals", "split": "train", "clip_id": "2"}
    assert {row["path"] for row in rows}.isdisjoint({"b/short-0-29.mp3", "c/untagged-0-29.mp3"})


def test_the_full_version_has_all_and_trains(source: Path, tmp_path: Path, rows_of: Rows) -> None:
    summary = convert(source, tmp_path / "full", version="full", link=True)
    assert summary.startswith("7 files; train 3, validation 2, test 2; left out")
    assert [row["label"] for row in rows_of(tmp_path / "full") if "untagged" in row["path"]] == [""]
    config = DataConfig(manifest="manifest.csv", split="split", kind="multi_label")
    clips = read_clips(tmp_path / "full", config)
    task = task_of(config, clips, clips)
    split = split_clips(clips, test_fold=None, validation=0, seed=0)
    assert task.labels == ("choral", "guitar", "no vocals")
    assert targets_of(split.test, task).tolist() == [[0, 1, 0], [1, 1, 0]]


def test_there_are_fifty_tags() -> None:
    assert len(set(TAGS)) == 50


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["9", *"0" * 50, "2", "0/x.mp3"], r"^row 1 of .* must have 0 or 1 as guitar, it has '2'; fetch it again$"),
        (["9", *"0" * 51, "g/x.mp3"], r"^row 1 of .* has the folder 'g', expected one of 0123456789abcdef; fetch it"),
        (["9", *"0" * 51, "0/../../x.mp3"], r"row 1 of .* leads out of its folder: 0/\.\./\.\./x\.mp3"),
        (["9", *"0" * 51, "0/x.mp3"], r"annotations_final\.csv has no excerpt of the clean version; fetch it again"),
    ],
)
def test_a_wrong_row_is_named(source: Path, tmp_path: Path, row: list[str], message: str) -> None:
    write_table(source, [list(COLUMNS), row])
    with pytest.raises(ConfigError, match=message):
        convert(source, tmp_path / "clean")
    assert not (tmp_path / "clean").exists()


def test_other_versions_tables_and_damaged_files_are_named(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="version must be clean or full, got 'dirty'"):
        convert(source, tmp_path / "x", version="dirty")
    (source / CLIPS[3][0]).write_bytes(b"damaged")
    with pytest.raises(ConfigError, match=r"d-0-29\.mp3 cannot be used, fetch it again: "):
        convert(source, tmp_path / "x")
    assert "left out as they cannot be read: 2, d-0" in convert(source, tmp_path / "x", skip_broken=True)
    write_table(source, [[value for value in row if value != "choral"] for row in table()[:1]] + [["1"] * 52])
    with pytest.raises(ConfigError, match=r"annotations_final\.csv has no columns choral; fetch it again"):
        convert(source, tmp_path / "y")
