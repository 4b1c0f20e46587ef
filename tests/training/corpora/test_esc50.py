"""ESC-50 and ESC-10 from tiny trees of both shapes and, where they are, the real clips."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from audiocnn.errors import ConfigError
from tests.audio_files import noise, wav_bytes
from training.cli.corpus import corpus
from training.config import DataConfig
from training.corpora.esc50 import convert
from training.data.manifest import read_clips
from training.data.split import split_clips

Rows = Callable[[Path], list[dict[str, str]]]
HEADER = "filename,fold,target,category,esc10,src_file,take\n"
CLASSES = (("dog", 0, "True"), ("rain", 10, "True"), ("cat", 5, "False"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The published repository: two takes of one recording for each class and fold."""
    folder = tmp_path / "ESC-50"
    (folder / "audio").mkdir(parents=True)
    (folder / "meta").mkdir()
    lines = []
    for fold in range(1, 6):
        for label, target, esc10 in CLASSES:
            for take in "AB":
                recording = 100 * fold + target
                name = f"{fold}-{recording}-{take}-{target}.wav"
                (folder / "audio" / name).write_bytes(wav_bytes(noise(0.01, seed=recording), 16_000))
                lines.append(f"{name},{fold},{target},{label},{esc10},{recording},{take}\n")
    (folder / "meta" / "esc50.csv").write_text(HEADER + "".join(lines))
    return folder


@pytest.fixture
def esc10(tmp_path: Path) -> Path:
    """ESC-10 by itself, with the names of its own release."""
    folder = tmp_path / "esc10"
    lines = ["path,label,fold,freesound_id"]
    for label in ("dog_bark", "rain"):
        (folder / label).mkdir(parents=True)
        for fold in (1, 2):
            (folder / label / f"{fold}-7-A.wav").write_bytes(wav_bytes(noise(0.01), 16_000))
            lines.append(f"{label}/{fold}-7-A.wav,{label},{fold},{fold}7")
    (folder / "clips.csv").write_text("\n".join(lines))
    return folder


def test_folds_and_recordings_are_those_of_the_table(source: Path, tmp_path: Path, rows_of: Rows) -> None:
    answer = CliRunner().invoke(corpus, ["esc50", str(source), str(tmp_path / "esc")])
    assert answer.exit_code == 0, answer.output
    assert "30 files; 1 6, 2 6, 3 6, 4 6, 5 6; cat 10, dog 10, rain 10" in answer.output
    rows = rows_of(tmp_path / "esc")
    assert rows[5] == {"path": "cat/1-105-B-5.wav", "label": "cat", "fold": "1", "group": "105"}
    copied = tmp_path / "esc" / "cat" / "1-105-B-5.wav"
    assert copied.read_bytes() == (source / "audio" / copied.name).read_bytes()
    assert not copied.samefile(source / "audio" / copied.name)


def test_training_takes_the_folds_and_sees_no_leak(source: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "esc")
    config = DataConfig(manifest="manifest.csv", fold="fold", group="group")
    split = split_clips(read_clips(tmp_path / "esc", config), test_fold="3", validation=0.25, seed=0)
    assert {clip.fold for clip in split.test} == {"3"}
    assert len(split.test) == 6


def test_esc10_is_the_marked_part(source: Path, tmp_path: Path, rows_of: Rows) -> None:
    convert(source, tmp_path / "esc", subset="esc10")
    assert Counter(row["label"] for row in rows_of(tmp_path / "esc")) == {"dog": 10, "rain": 10}


def test_esc10_by_itself_gets_the_names_of_esc50(esc10: Path, tmp_path: Path, rows_of: Rows) -> None:
    convert(esc10, tmp_path / "esc", subset="esc10")
    assert rows_of(tmp_path / "esc")[1] == {"path": "dog/2-7-A.wav", "label": "dog", "fold": "2", "group": "27"}
    with pytest.raises(ConfigError, match=r"expected one with meta/esc50\.csv and audio"):
        convert(esc10, tmp_path / "more")


def test_links_take_no_room(source: Path, tmp_path: Path) -> None:
    answer = CliRunner().invoke(corpus, ["esc50", str(source), str(tmp_path / "esc"), "--link"])
    assert answer.exit_code == 0, answer.output
    assert (tmp_path / "esc" / "dog" / "1-100-A-0.wav").samefile(source / "audio" / "1-100-A-0.wav")


def test_where_links_cannot_be_made_files_are_copied(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", refuse)
    convert(source, tmp_path / "esc", link=True)
    copied = tmp_path / "esc" / "dog" / "1-100-A-0.wav"
    assert copied.read_bytes() == (source / "audio" / copied.name).read_bytes()


@pytest.mark.parametrize("content", [b"", b"not a sound at all", wav_bytes(noise(0.01), 16_000)[:-100]])
def test_a_damaged_clip_is_named_and_nothing_written(source: Path, tmp_path: Path, content: bytes) -> None:
    (source / "audio" / "4-400-A-0.wav").write_bytes(content)
    with pytest.raises(ConfigError, match=r"4-400-A-0\.wav cannot be used, fetch it again: "):
        convert(source, tmp_path / "esc")
    assert not (tmp_path / "esc").exists()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2-100-A-0.wav,1,0,dog,True,100,A", r"2-100-A-0\.wav is in fold 1, its name begins with another"),
        ("../1-1-A-0.wav,1,0,dog,True,100,A", r"row 1 of .*esc50\.csv leads out of its folder: \.\./1-1"),
        ("1-1-A-0.wav,1,0,,True,100,A", r"row 1 of .*esc50\.csv has no category; fetch the file again"),
        ("1-1-A-0.wav,1,0,dog,False,100,A", "has no clip with True in the column esc10"),
        ("", r"esc50\.csv has no rows; fetch the file again"),
    ],
)
def test_a_wrong_table_is_named(source: Path, tmp_path: Path, row: str, message: str) -> None:
    (source / "meta" / "esc50.csv").write_text(HEADER + row)
    with pytest.raises(ConfigError, match=message):
        convert(source, tmp_path / "esc", subset="esc10")
    assert not (tmp_path / "esc").exists()


def test_a_category_that_leads_out_of_the_corpus_is_refused(source: Path, tmp_path: Path) -> None:
    (source / "meta" / "esc50.csv").write_text(HEADER + "1-100-A-0.wav,1,0,../../outside,True,100,A\n")
    with pytest.raises(ConfigError, match=r"\.\./\.\./outside/1-100-A-0\.wav, which leads out of its folder"):
        convert(source, tmp_path / "deep" / "esc")
    assert not (tmp_path / "outside").exists()
    assert not any((tmp_path / "deep").iterdir())


@pytest.mark.parametrize("link", [False, True])
def test_two_clips_of_one_name_and_label_are_refused_and_neither_is_changed(
    esc10: Path, tmp_path: Path, link: bool
) -> None:
    """As links, the second one was written through the first, into its source."""
    names, contents = ("a/1-7-A.wav", "b/1-7-A.wav"), [wav_bytes(noise(0.01, seed=seed), 16_000) for seed in (1, 2)]
    for name, content in zip(names, contents, strict=True):
        (esc10 / name).parent.mkdir()
        (esc10 / name).write_bytes(content)
    lines = ["path,label,fold,freesound_id", *(f"{name},rain,1,7" for name in names)]
    (esc10 / "clips.csv").write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=r"the corpus would have rain/1-7-A\.wav twice; rename one of the two"):
        convert(esc10, tmp_path / "esc", subset="esc10", link=link)
    assert [(esc10 / name).read_bytes() for name in names] == contents
    assert not (tmp_path / "esc").exists()


def test_another_subset_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="subset must be esc50 or esc10, got 'esc5'"):
        convert(source, tmp_path / "esc", subset="esc5")


@pytest.mark.slow
def test_the_real_clips_of_esc10(tmp_path: Path, rows_of: Rows, real: Callable[[str], Path]) -> None:
    convert(real("esc10"), tmp_path / "esc", subset="esc10", link=True)
    rows = rows_of(tmp_path / "esc")
    assert Counter(row["fold"] for row in rows) == dict.fromkeys("12345", 80)
    assert set(Counter(row["label"] for row in rows).values()) == {40}
    folds: dict[str, set[str]] = {}
    for row in rows:
        folds.setdefault(row["group"], set()).add(row["fold"])
    assert all(len(of_recording) == 1 for of_recording in folds.values())
