"""`python -m training check`: what it finds in data sets that are broken on purpose."""

import csv
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from audiocnn.errors import ConfigError
from tests.training.conftest import ALONE
from training.cli import commands
from training.config import Config, DataConfig, QuantityConfig, SideTaskConfig
from training.data.check import Finding, Report, check_data
from training.setup import prepare

Check = Callable[..., Report]


@pytest.fixture
def root(data: Path, tmp_path: Path) -> Path:
    """The data set of two notes, to be broken."""
    shutil.copytree(data, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def check(root: Path, config: Config, tmp_path: Path) -> Check:
    """The report on the data set with other settings of `[data]`."""
    return lambda **changes: check_data(root, replace(config, data=replace(config.data, **changes)), tmp_path / "cache")


def add(root: Path, path: str, label: str = "high", fold: object = 0, artist: str = "new") -> Path:
    with (root / "clips.csv").open("a", newline="") as file:
        csv.writer(file).writerow([path, label, fold, artist])
    return root / path


def found(report: Report, kind: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.kind == kind]


def test_a_good_data_set(check: Check) -> None:
    report = check()
    assert (report.ok, report.clips, report.findings) == (True, 24, [])
    assert report.counts["all"] == {"": 24, "high": 12, "low": 12}
    assert report.counts["fold 2"] == {"": 8, "high": 4, "low": 4}
    assert list(report.counts) == ["all", "fold 0", "fold 1", "fold 2"]


def test_missing_files_and_doubled_rows_do_not_hide_the_rest(check: Check, root: Path) -> None:
    add(root, "high/none.wav")
    add(root, "high/0.wav", artist="artist 0 of high")
    (root / "low" / "3.wav").write_bytes(b"RIFF no more")
    report = check()
    assert found(report, "missing") == [Finding("missing", True, "does not exist", ("high/none.wav",))]
    assert found(report, "listed_twice") == [Finding("listed_twice", True, "is listed twice", ("high/0.wav",))]
    (finding,) = found(report, "unreadable")
    assert (finding.problem, finding.clips) == (True, ("low/3.wav",))
    assert finding.text.startswith("cannot be decoded: ")
    assert report.clips == 26
    assert report.counts["all"][""] == 24


def test_unreadable_files_within_the_allowed_share_are_remarked(check: Check, root: Path) -> None:
    (root / "low" / "3.wav").write_bytes(b"RIFF no more")
    report = check(max_unreadable=0.05)
    assert (report.ok, len(found(report, "unreadable"))) == (True, 1)


def test_files_that_are_cut_short_are_remarked(
    check: Check, root: Path, config: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    os.truncate(root / "low" / "3.wav", 3004)
    expected = Finding(
        "damaged",
        False,
        "is used as far as it goes: the file is cut short: its header promises 1.000 s, it holds 0.185 s",
        ("low/3.wav",),
    )
    assert check().findings == [expected]
    assert check().findings == [expected]  # from the cache
    prepare(config, root, tmp_path / "cache", ALONE, None)
    assert caplog.messages == [
        f"something is wrong with 1 of 24 clips, which are used as far as they go: {root / 'low/3.wav'}: the file is "
        "cut short: its header promises 1.000 s, it holds 0.185 s"
    ]


def test_copies_on_one_side_are_remarked(check: Check, root: Path) -> None:
    original = root / "high" / "0.wav"
    shutil.copy(original, add(root, "high/copy.wav"))
    add(root, "low/tagged.wav", "low").write_bytes((root / "low" / "0.wav").read_bytes() + b"LIST\4\0\0\0INFO")
    report = check()
    assert report.ok
    assert report.findings == [
        Finding("duplicate", False, "the same file 2 times", ("high/0.wav", "high/copy.wav")),
        Finding("duplicate", False, "the same content 2 times", ("low/0.wav", "low/tagged.wav")),
    ]


def test_copies_and_groups_in_two_folds_are_problems_unless_allowed(check: Check, root: Path) -> None:
    shutil.copy(root / "high" / "0.wav", add(root, "high/copy.wav", fold=1))
    shutil.copy(root / "high" / "4.wav", add(root, "high/third.wav", fold=1, artist="artist 4 of high"))
    (root / "high" / "third.wav").write_bytes((root / "low" / "11.wav").read_bytes()[:-100])
    for allowed in (False, True):
        report = check(allow_leaks=allowed)
        assert report.ok is allowed
        assert found(report, "content_leak") == [
            Finding(
                "content_leak",
                not allowed,
                "the same content is in fold 0 and in fold 1",
                ("high/0.wav", "high/copy.wav"),
            )
        ]
        assert found(report, "group_leak") == []
    add(root, "low/0.wav", "low", 0, "artist 0 of low")
    report = check(group="label")
    assert [finding.text for finding in found(report, "group_leak")] == [
        "group 'high' is in fold 0 and in fold 1 and in fold 2",
        "group 'low' is in fold 0 and in fold 1 and in fold 2",
    ]
    assert found(report, "duplicate") == []


def test_blanks_and_line_breaks_do_not_hide_a_group_or_a_split(check: Check, root: Path) -> None:
    rows = [
        "path,label,split,artist",
        "high/0.wav,high,test,Bach ",
        'high/1.wav,high,train ,"Bach"',
        "low/0.wav,low,train,C",
    ]
    rows += ['low/1.wav,low,train,"J.  S.\nBach"', "low/2.wav,low,test,J. S. Bach"]
    (root / "splits.csv").write_text("\n".join(rows))
    report = check(manifest="splits.csv", fold="", split="split")
    assert list(report.counts) == ["all", "split train", "split test"]
    assert [finding.text for finding in found(report, "group_leak")] == [
        "group 'Bach' is in split train and in split test",
        "group 'J. S. Bach' is in split train and in split test",
    ]
    assert found(report, "splits") == []


def test_leaks_between_splits_are_found(check: Check, root: Path) -> None:
    rows = ["path,label,split", "high/0.wav,high,test", "high/copy.wav,high,train", "low/0.wav,low,train"]
    (root / "splits.csv").write_text("\n".join(rows))
    shutil.copy(root / "high" / "0.wav", root / "high" / "copy.wav")
    report = check(manifest="splits.csv", fold="", group="", split="split")
    assert list(report.counts) == ["all", "split train", "split test"]
    assert [finding.text for finding in found(report, "content_leak")] == [
        "the same content is in split train and in split test"
    ]


def test_one_content_with_two_answers(check: Check, root: Path) -> None:
    shutil.copy(root / "high" / "0.wav", add(root, "low/copy.wav", "low"))
    (finding,) = check().findings
    assert finding == Finding(
        "conflict", True, "the same content has different answers: high and low", ("high/0.wav", "low/copy.wav")
    )


def test_one_content_with_two_quantities(root: Path, config: Config, tmp_path: Path) -> None:
    (root / "tempo.csv").write_text("path,bpm\nhigh/0.wav,100\nhigh/copy.wav,101\nlow/0.wav,90\n")
    shutil.copy(root / "high" / "0.wav", root / "high" / "copy.wav")
    data = DataConfig(manifest="tempo.csv", kind="regression", quantities={"bpm": QuantityConfig()}, validation=0.0)
    report = check_data(root, replace(config, data=data), tmp_path / "cache")
    assert [(f.kind, f.text) for f in report.findings] == [
        ("conflict", "the same content has different answers: other values")
    ]
    assert report.counts["all"] == {"": 3}


def test_copies_that_training_would_refuse(check: Check, root: Path) -> None:
    copies = [shutil.copy(root / "high" / "0.wav", add(root, f"high/copy{i}.wav", artist=f"new {i}")) for i in range(9)]
    report = check(fold="", validation=0.3)
    (finding,) = found(report, "content_leak")
    assert (finding.problem, finding.text) == (True, "the same content is in train and in validation")
    assert len(finding.clips) == len(copies) + 1
    assert check(fold="", validation=0.0).ok


def test_what_is_held_out_of_the_training_rows_is_looked_at_too(check: Check, root: Path) -> None:
    rows = ["path,label,split,artist"]
    rows += [f"high/{i}.wav,{'ab'[i % 2]},{'test' if i > 7 else 'train'},{i}" for i in range(12)]
    rows += [f"high/copy{i}.wav,a,train,new {i}" for i in range(9)]
    for i in range(9):
        shutil.copy(root / "high" / "0.wav", root / f"high/copy{i}.wav")
    (root / "split.csv").write_text("\n".join(rows))
    report = check(manifest="split.csv", fold="", split="split", validation=0.3)
    (finding,) = found(report, "content_leak")
    assert (finding.problem, finding.text) == (True, "the same content is in train and in validation")
    (root / "split.csv").write_text("\n".join(rows[:-9]))
    assert check(manifest="split.csv", fold="", split="split", validation=0.3).ok
    (few,) = check(manifest="split.csv", fold="", split="split", validation=0.05).findings
    assert few.text.startswith("8 groups cannot give a validation share of 0.05")


def test_too_few_groups_for_validation(check: Check) -> None:
    (finding,) = check(validation=0.05).findings
    assert (finding.kind, finding.problem) == ("validation", True)
    assert finding.text.startswith("12 groups cannot give a validation share of 0.05")


def test_splits_of_another_name(check: Check) -> None:
    findings = check(fold="", split="fold", group="").findings
    assert [(f.kind, f.problem) for f in findings] == [("splits", True)]
    assert findings[0].text == "splits must be train, validation or test, the manifest has ['0', '1', '2']"


def test_labels_that_do_not_fit_the_task_and_lone_labels(check: Check, root: Path) -> None:
    add(root, "high/new.wav", "whistle")
    shutil.copy(root / "high" / "1.wav", root / "high" / "new.wav")
    with (root / "high" / "new.wav").open("r+b") as file:
        file.seek(2000)
        file.write(b"another sound")
    report = check(kind="binary", positive="high")
    (finding,) = found(report, "labels")
    assert finding.text.startswith("a binary task needs the label data.positive = 'high' and one other")
    (finding,) = found(report, "lone_label")
    assert (finding.problem, finding.text) == (
        False,
        "label 'whistle' is in one group alone: it is trained or tested, never both",
    )


def test_one_class_to_train_on_and_labels_that_are_only_tested(check: Check, root: Path) -> None:
    rows = [
        f"{label}/{i}.wav,{label},{'train' if label == 'high' else 'test'}" for label in ("high", "low") for i in (0, 1)
    ]
    (root / "splits.csv").write_text("\n".join(["path,label,split", *rows]))
    findings = check(manifest="splits.csv", fold="", group="", split="split").findings
    assert findings == [
        Finding(
            "labels",
            True,
            "all 2 clips to train on have the label high: nothing to learn for [data]; divide the clips so that "
            "several labels are among those to train on",
        ),
        Finding("unseen_label", False, "label 'low' is among the test clips and not among those to train on"),
    ]


def test_folds_that_are_the_classes(check: Check) -> None:
    report = check(fold="label", group="")
    assert [finding.text.partition(":")[0] for finding in found(report, "labels")] == [
        "all 12 clips to train on have the label low",
        "all 12 clips to train on have the label high",
    ]
    assert [finding.text for finding in found(report, "unseen_label")] == [
        "label 'high' is among the test clips and not among those to train on (without fold high)",
        "label 'low' is among the test clips and not among those to train on (without fold low)",
    ]
    assert found(report, "labels")[0].text.endswith("to train on (without fold high)")
    assert not report.ok


def test_labels_of_side_tasks_that_are_only_tested(root: Path, config: Config, tmp_path: Path) -> None:
    config = replace(config, side_tasks={"artist": SideTaskConfig("single_label", label="artist")})
    texts = [finding.text for finding in check_data(root, config, tmp_path / "cache").findings]
    assert len(texts) == 12
    assert texts[0] == (
        "label 'artist 0 of high' of artist is among the test clips and not among those to train on (without fold 0)"
    )
    helping = replace(config, side_tasks={"artist": replace(config.side_tasks["artist"], answers=False)})
    assert check_data(root, helping, tmp_path / "cache").findings == []


def test_labels_that_are_not_in_the_list_and_listed_ones_without_clips(check: Check, root: Path) -> None:
    assert check(labels=("low", "high")).findings == []
    shutil.copy(root / "high" / "1.wav", add(root, "high/new.wav", "hihg", artist="artist 1 of high", fold=1))
    (finding,) = found(check(labels=("low", "high")), "labels")
    assert finding.text == (
        f"data.labels lists low, high, 1 of 25 clips have other labels: {root / 'high/new.wav'} has 'hihg' "
        "(did you mean 'high'?); correct them, or add them to the list"
    )
    (finding,) = found(check(labels=("low", "high", "hihg", "drums")), "labels")
    assert (
        finding.text
        == ("data.labels lists drums, which none of the 25 clips has; add clips or take it out of the list ").strip()
    )


def test_made_folds_are_checked_too(check: Check) -> None:
    assert list(check(fold="", folds=4).counts) == ["all", "fold 1", "fold 2", "fold 3", "fold 4"]
    (finding,) = check(fold="", folds=4, group="label").findings[:1]
    assert (finding.kind, finding.problem) == ("folds", True)
    assert finding.text.startswith("data.folds = 4 needs at least 4 groups")


def test_nothing_to_check_is_an_error(check: Check, root: Path) -> None:
    (root / "clips.csv").write_text("path,label,fold,artist\n")
    with pytest.raises(ConfigError, match="lists no clips"):
        check()


TOML = """
name = "notes"
[input]
sample_rate = 8000
window = 4000
hop = 2000
[model]
architecture = "m5"
[data]
manifest = "clips.csv"
fold = "fold"
group = "artist"
"""


def command(root: Path, *options: str) -> Result:
    recipe = root.parent / "notes.toml"
    recipe.write_text(TOML)
    return CliRunner().invoke(
        commands, ["check", str(recipe), "--data", str(root), "--cache", str(root.parent / "cache"), *options]
    )


def test_the_command_prints_a_table_and_findings(root: Path) -> None:
    done = command(root)
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "| label | all | fold 0 | fold 1 | fold 2 |",
        "|---|---:|---:|---:|---:|",
        "| clips | 24 | 8 | 8 | 8 |",
        "| high | 12 | 4 | 4 | 4 |",
        "| low | 12 | 4 | 4 | 4 |",
        "",
        "24 clips, 0 problems, 0 remarks",
    ]
    add(root, "high/none.wav")
    done = command(root)
    assert done.exit_code == 1
    assert done.stdout.splitlines()[-2:] == [
        "problem: does not exist: high/none.wav",
        "25 clips, 1 problems, 0 remarks",
    ]


def test_the_command_prints_json_for_machines(root: Path) -> None:
    add(root, "high/none.wav")
    done = command(root, "--json", "--set", "data.fold=")
    assert done.exit_code == 1
    report = json.loads(done.stdout)
    assert report["ok"] is False
    assert report["clips"] == 25
    assert report["counts"] == {"all": {"": 24, "high": 12, "low": 12}}
    assert report["findings"] == [
        {"kind": "missing", "problem": True, "text": "does not exist", "clips": ["high/none.wav"]}
    ]
