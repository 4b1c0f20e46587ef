"""UT-Interaction from clips named as published, tiny ones and, where they are, the real ones."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from audiocnn.errors import ConfigError
from training.cli.corpus import corpus
from training.corpora.ut_interaction import convert
from training.corpora.video import write_video

Rows = Callable[[Path], list[dict[str, str]]]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Both sets in two folders; every clip is the same little video."""
    folder = tmp_path / "source"
    video = tmp_path / "clip.mp4"
    write_video(video, np.zeros((2, 32, 32), np.uint8), 15)
    for name, first in (("segmented_set1", 1), ("segmented_set2", 11)):
        (folder / name).mkdir(parents=True)
        for sample in range(60):
            suffix = "avi" if sample % 2 else "mp4"
            shutil.copyfile(video, folder / name / f"{sample}_{first + sample // 6}_{sample % 6}.{suffix}")
    (folder / "segmented_set1" / "readme.txt").write_text("not a clip")
    video.unlink()
    return folder


@pytest.mark.parametrize(("subset", "first"), [("set1", 1), ("set2", 11)])
def test_label_and_fold_are_what_names_say(
    source: Path, tmp_path: Path, rows_of: Rows, subset: str, first: int
) -> None:
    answer = CliRunner().invoke(corpus, ["ut-interaction", str(source), str(tmp_path / "ut"), "--set", subset])
    assert answer.exit_code == 0, answer.output
    rows = rows_of(tmp_path / "ut")
    assert len(rows) == 60
    assert rows[10] == {
        "path": f"punch/10_{first + 1}_4.mp4",
        "label": "punch",
        "fold": str(first + 1),
        "group": f"sequence {first + 1}",
        "set": subset,
    }
    assert Counter(row["label"] for row in rows) == dict.fromkeys(
        ("handshake", "hug", "kick", "point", "punch", "push"), 10
    )
    assert (tmp_path / "ut" / "hug" / f"1_{first}_1.avi").is_file()


def test_another_set_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="set must be one of set1, set2, got 'set3'"):
        convert(source, tmp_path / "ut", subset="set3")


def test_a_missing_clip_and_one_that_is_there_twice_are_errors(source: Path, tmp_path: Path) -> None:
    clip = source / "segmented_set1" / "0_1_0.mp4"
    shutil.copyfile(clip, source / "0_1_0.avi")
    with pytest.raises(ConfigError, match=r"0_1_0\.mp4 and .*0_1_0\.avi are the same sample; keep one"):
        convert(source, tmp_path / "ut", subset="set1")
    clip.unlink()
    (source / "0_1_0.avi").unlink()
    with pytest.raises(ConfigError, match=r"has 59 of the 60 clips of set1.*sequences 1 to 10; fetch"):
        convert(source, tmp_path / "ut", subset="set1")
    with pytest.raises(ConfigError, match="nowhere is not a folder; expected one with clips named SAMPLE"):
        convert(tmp_path / "nowhere", tmp_path / "ut", subset="set1")


@pytest.mark.parametrize("content", [b"", b"not a video at all"])
def test_a_damaged_clip_is_named_and_nothing_written(source: Path, tmp_path: Path, content: bytes) -> None:
    (source / "segmented_set2" / "7_12_1.avi").write_bytes(content)
    with pytest.raises(ConfigError, match=r"7_12_1\.avi cannot be used, fetch it again: "):
        convert(source, tmp_path / "ut", subset="set2")
    assert not (tmp_path / "ut").exists()


@pytest.mark.slow
@pytest.mark.parametrize("subset", ["set1", "set2"])
def test_the_real_clips(tmp_path: Path, rows_of: Rows, real: Callable[[str], Path], subset: str) -> None:
    convert(real("ut_interaction"), tmp_path / "ut", subset=subset)
    rows = rows_of(tmp_path / "ut")
    assert set(Counter(row["label"] for row in rows).values()) == {10}
    assert sorted(Counter(row["fold"] for row in rows).values()) == [5 if subset == "set1" else 6] + [6] * 8 + [
        7 if subset == "set1" else 6
    ]
