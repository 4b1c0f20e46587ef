"""From a training to its report, by the commands that people type."""

import contextlib
import json
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from audiocnn import Classifier
from audiocnn.checkpoint import read_spec
from audiocnn.errors import ConfigError
from audiocnn.spec import MAIN, TaskSpec
from tests.training.conftest import ALONE
from tests.training.report.runs import GENRES, write_run
from training.answers import ANSWERS, Answered, joined
from training.cli import commands
from training.config import Config
from training.data.manifest import name_of, read_clips
from training.data.split import split_of_model
from training.distributed import Process
from training.loop import train
from training.provenance import note_start, read_starts
from training.report.assemble import summary_of
from training.report.document import Document
from training.report.load import load_runs
from training.report.page import to_html, to_markdown

TOML = """
name = "notes"
[data]
manifest = "clips.csv"
fold = "fold"
group = "artist"
validation = 0.0
[input]
sample_rate = 8000
window = 4000
hop = 2000
[model]
architecture = "filterbank-resnet"
arguments = { sample_rate = 8000, num_filters = 16, filter_length = 64, width = 16 }
[train]
epochs = 1
batch_size = 8
"""


def command(*arguments: object) -> Result:
    return CliRunner().invoke(commands, [str(argument) for argument in arguments])


def test_a_run_is_evaluated_into_its_folder_and_reported(data: Path, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(TOML)
    run = tmp_path / "run"
    where = (tmp_path / "run.toml", "--data", data)
    trained = command("train", *where, "--run", run, "--cache", tmp_path / "cache", "--fold", "1", "--device", "cpu")
    assert trained.exit_code == 0, trained.output
    (start,) = read_starts(run)
    assert Path(start["data"]) == data.resolve()
    assert (start["device"], start["processes"], start["torch"]) == ("CPU", 1, torch.__version__)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True)
    if head.returncode == 0:
        assert head.stdout.startswith(start["commit"].removesuffix("-dirty"))

    evaluated = command("evaluate", *where, "--run", run, "--fold", "1")
    assert evaluated.exit_code == 0, evaluated.output
    kept = Answered.load(run / ANSWERS)
    assert len(kept.clips) == 8
    assert kept.groups[0].startswith("artist ")
    first = Classifier.load(run / "model").classify(data / kept.clips[0])
    assert kept.starts_s[: kept.windows[0]].tolist() == [s.segment.start_s for s in first.segments if not s.silent]
    task = Classifier.load(run / "model").spec.task
    right = kept.scores({MAIN: task})[MAIN].argmax(1) == kept.targets[MAIN].argmax(1)
    assert json.loads(evaluated.stdout)["accuracy"] == right.mean()

    reported = command("report", run)
    assert reported.exit_code == 0, reported.output
    markdown = (run / "report" / "report.md").read_text("utf-8")
    assert "- data: 16 clips trained on, 8 tested" in markdown
    assert "## By artist" in markdown


def test_a_report_says_which_of_its_clips_the_training_knew(config: Config, data: Path, tmp_path: Path) -> None:
    config = replace(config, data=replace(config.data, validation=0.25), train=replace(config.train, epochs=1))
    train(config, data, tmp_path, tmp_path / "cache", ALONE, "1")
    clips = read_clips(data, config.data)
    split = split_of_model(clips, config, read_spec(tmp_path / "model"))
    names = {side: [name_of(clip.path, data) for clip in chosen] for side, chosen in split.sides().items()}

    def summary(tested: Sequence[str]) -> str:
        windows = np.ones(len(tested), int)
        logits, targets = np.zeros((len(tested), 2), np.float32), {MAIN: np.eye(2)[[0] * len(tested)]}
        Answered(tested, tested, windows, logits, np.zeros(len(tested)), targets).save(tmp_path / ANSWERS)
        document = Document("notes", summary_of(load_runs(tmp_path)), [])
        assert f'<p class="summary">{document.summary}</p>' in to_html(document)
        assert to_markdown(document).splitlines()[2] == document.summary
        return document.summary.removeprefix("1 run of filterbank-resnet, tested on ")

    trained, chose = names["train"], names["validation"]
    of_trained = f" The training saw {len(trained)} of these: the figures are too good."
    of_chose = (
        f" By {len(chose)} of these, validation clips, it was chosen which epoch to keep: the figures are a little"
    )
    assert summary(names["test"]) == "8 clips."
    assert summary([*names["test"], *trained]) == f"{8 + len(trained)} clips.{of_trained}"
    assert summary(chose) == f"{len(chose)} clips.{of_chose} too good."
    assert summary([*trained, *chose]) == f"16 clips.{of_trained}{of_chose} too good."
    described = tmp_path / "model" / "config.json"
    described.write_text(described.read_text("utf-8").replace('"keep": "best"', '"keep": "last"'))
    assert summary([*trained, *chose]) == f"16 clips.{of_trained}"


def test_a_model_beside_that_of_the_run_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(TOML)
    done = command("evaluate", tmp_path / "run.toml", "--data", data, "--run", tmp_path, "--model", "genre")
    assert done.exit_code == 2
    assert "--run has a model of its own: give either --run or --model" in done.output


@pytest.mark.parametrize("wanted", [[True, False, True], [False, True, False]])
def test_kept_answers_come_back_and_can_be_chosen_and_joined(wanted: list[bool], tmp_path: Path) -> None:
    answered = Answered(
        clips=["a", "b", "c"],
        groups=["X", "", "Y"],
        windows=np.array([2, 0, 1]),
        logits=np.arange(9, dtype=np.float32).reshape(3, 3),
        starts_s=np.array([0.0, 0.5, 0.25]),
        targets={MAIN: np.eye(3)},
    )
    answered.save(tmp_path / "kept.npz")
    chosen = Answered.load(tmp_path / "kept.npz").take(np.array(wanted))
    rest = answered.take(~np.array(wanted))
    both = joined([chosen, rest])
    assert sorted(zip(both.clips, both.groups, both.windows.tolist(), strict=True)) == [
        ("a", "X", 2),
        ("b", "", 0),
        ("c", "Y", 1),
    ]
    starts = dict(zip(np.repeat(both.clips, both.windows).tolist(), both.starts_s.tolist(), strict=True))
    assert starts == {"a": 0.5, "c": 0.25}


def test_answers_that_are_cut_off_damaged_or_something_else_say_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / ANSWERS
    write_run(tmp_path, TaskSpec("single_label", GENRES), history=False)
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 255
    flipped = [bytearray(whole) for _ in range(64)]
    for place, bits in enumerate(flipped):
        bits[place] ^= 8  # in the header of the first part, and in its packed contents
    np.save(tmp_path / "one.npy", np.eye(2))
    for broken in (b"", whole[:9], whole[: len(whole) // 2], damaged, (tmp_path / "one.npy").read_bytes(), b"text"):
        path.write_bytes(broken)
        with pytest.raises(ConfigError, match=r"answers\.npz holds no answers of .*; run that again"):
            Answered.load(path)
    for bits in flipped:
        path.write_bytes(bits)
        with contextlib.suppress(ConfigError):  # some bits of a header say nothing
            Answered.load(path)


def test_a_damaged_crossval_json_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "crossval.json").write_text('{"folds": [{"se')
    done = command("report", tmp_path)
    assert isinstance(done.exception, ConfigError)
    assert "crossval.json is not a cross-validation's crossval.json" in str(done.exception)


def test_a_run_has_a_line_for_each_start(tmp_path: Path) -> None:
    assert read_starts(tmp_path) == []
    for data in ("first", "second"):
        note_start(tmp_path, tmp_path / data, Process(0, 1, torch.device("cpu")))
    assert [Path(start["data"]).name for start in read_starts(tmp_path)] == ["first", "second"]
