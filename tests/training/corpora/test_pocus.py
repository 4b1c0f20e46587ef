"""POCUS from clips and clips.csv, tiny ones and, where they are, the real ones."""

import csv
import itertools
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from audiocnn.errors import ConfigError
from training.cli.corpus import corpus
from training.corpora.pocus import convert, group_clips
from training.corpora.video import write_video

Rows = Callable[[Path], list[dict[str, str]]]
COLUMNS = ["path", "label", "probe", "licence", "patient_id", "source_id", "sec"]


def table() -> list[list[str]]:
    """Clips of 6 healthy and 6 ill patients, two each, a session with two patient ids, and clips of other kinds."""
    rows = []
    for label, first in (("regular", 0), ("bacterial_pneumonia", 6)):
        for patient, clip in itertools.product(range(first, first + 6), range(2)):
            name = f"{label[:3]}_{patient}-{clip}"
            rows.append([f"{label}/{name}.mp4", label, "convex", "CC BY 4.0", str(patient), "1", "2.5"])
    for label, patient in (("regular", "20"), ("bacterial_pneumonia", "21")):
        rows.append([f"{label}/X_clinic_set1_vid{patient}.mp4", label, "convex", "CC BY 2.0", patient, "2", "3"])
    rows.append(["covid/c.mp4", "covid", "convex", "CC BY-NC 4.0", "30", "2", "3"])
    rows.append(["regular/l.mp4", "regular", "linear", "CC BY-NC 4.0", "31", "2", "3"])
    return rows


def write_table(folder: Path, rows: list[list[str]]) -> None:
    with (folder / "clips.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    video = tmp_path / "clip.mp4"
    write_video(video, np.zeros((2, 32, 32), np.uint8), 15)
    for row in table():
        (folder / row[0]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(video, folder / row[0])
    write_table(folder, table())
    video.unlink()
    return folder


def test_chosen_clips_with_all_columns(source: Path, tmp_path: Path, rows_of: Rows) -> None:
    answer = CliRunner().invoke(corpus, ["pocus", str(source), str(tmp_path / "pocus")])
    assert answer.exit_code == 0, answer.output
    rows = rows_of(tmp_path / "pocus")
    assert [[row[column] for column in COLUMNS] for row in rows] == table()[:-2]
    assert all((tmp_path / "pocus" / row["path"]).is_file() for row in rows)


def test_folds_hold_whole_groups_and_every_label(source: Path, tmp_path: Path, rows_of: Rows) -> None:
    convert(source, tmp_path / "pocus")
    rows = rows_of(tmp_path / "pocus")
    folds: dict[str, set[str]] = {}
    for row in rows:
        folds.setdefault(row["group"], set()).add(row["fold"])
    assert len(folds) == 13
    assert all(len(of_group) == 1 for of_group in folds.values())
    labels = {fold: {row["label"] for row in rows if row["fold"] == fold} for fold in "12345"}
    assert set(map(frozenset, labels.values())) == {frozenset({"regular", "bacterial_pneumonia"})}


def test_folds_are_always_the_same(source: Path, tmp_path: Path, rows_of: Rows) -> None:
    convert(source, tmp_path / "one")
    convert(source, tmp_path / "two")
    assert rows_of(tmp_path / "one") == rows_of(tmp_path / "two")


def test_groups_join_patients_that_share_a_session() -> None:
    clips = [
        ("a/Pneu_clinic_0409_set3_vid1.mp4", "1"),
        ("b/Reg_clinic_0409_set3_vid2.mp4", "2"),
        ("b/Reg_clinic_0409_set1_vid2.mp4", "3"),
        ("a/Pneu_other.mp4", "4"),
        ("b/Reg_more.mp4", "4"),
        ("b/Reg_more_vid7.mp4", "2"),
        ("a/Pneu_Avi_Video_001.mp4", "5"),
        ("b/Reg_Avi_Video_001.mp4", "6"),
    ]
    groups = group_clips(clips)
    assert groups[0] == groups[1] == groups[5]
    assert groups[3] == groups[4]
    assert len(set(groups)) == 5


def test_a_clip_can_join_groups_made_before() -> None:
    clips = [("a/Pneu_s_vid1.mp4", "8"), ("a/Pneu_s_vid2.mp4", "9"), ("a/Pneu_t_vid1.mp4", "1")]
    assert len(set(group_clips(clips))) == 2
    assert len(set(group_clips([*clips, ("a/Pneu_t_vid2.mp4", "9")]))) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": ["regular"]}, "classes must be at least two of regular, bacterial_pneumonia, covid.* got regular"),
        ({"classes": ["regular", "flu"]}, "classes must be .* got regular, flu"),
        ({"classes": ["regular", "regular"]}, "classes must be"),
        ({"probe": "phased"}, "probe must be convex or linear, got 'phased'"),
        ({"probe": "linear"}, r"clips\.csv has no linear clips of bacterial_pneumonia; choose another probe"),
        ({"folds": 8}, "folds must be from 2 to 7, the patients of the rarest class, got 8"),
        ({"folds": 1}, "folds must be from 2 to 7"),
    ],
)
def test_wrong_options(source: Path, tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        convert(source, tmp_path / "pocus", **options)  # type: ignore[arg-type]
    assert not (tmp_path / "pocus").exists()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["../x.mp4", *table()[0][1:]], r"row 1 of .*clips\.csv leads out of its folder: \.\./x\.mp4"),
        ([*table()[0][:4], "", "1", "2"], r"row 1 of .*clips\.csv has no patient_id; fetch the file again"),
        ([*table()[0], "more"], "row 1 of .* has not as many values as there are columns"),
        (table()[0][:-1], "row 1 of .* has not as many values as there are columns"),
        (["regular/gone.mp4", *table()[0][1:]], r"gone\.mp4 cannot be used, fetch it again: cannot read gone\.mp4"),
    ],
)
def test_a_wrong_row_is_named(source: Path, tmp_path: Path, row: list[str], message: str) -> None:
    write_table(source, [row, *table()[1:]])
    with pytest.raises(ConfigError, match=message):
        convert(source, tmp_path / "pocus")
    assert not (tmp_path / "pocus").exists()


def test_without_its_table(source: Path, tmp_path: Path) -> None:
    (source / "clips.csv").unlink()
    with pytest.raises(ConfigError, match=r"clips\.csv does not exist; expected clips\.csv and the clips it lists"):
        convert(source, tmp_path / "pocus")


@pytest.mark.slow
def test_the_real_clips(tmp_path: Path, rows_of: Rows, real: Callable[[str], Path]) -> None:
    convert(real("pocus"), tmp_path / "pocus")
    rows = rows_of(tmp_path / "pocus")
    assert Counter(row["label"] for row in rows) == {"regular": 56, "bacterial_pneumonia": 36}
    assert len({row["group"] for row in rows}) == 40
