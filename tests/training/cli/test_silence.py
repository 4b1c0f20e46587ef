"""`python -m training silence`, from end to end."""

import json

import pytest
from click.testing import CliRunner

from audiocnn.checkpoint import read_spec
from audiocnn.inference.silence import SilenceDetector
from tests.training.small_corpora import write_corpora
from training.cli import commands
from training.recordings import read_recordings
from training.silence.measure import draw_scenes, measure
from training.silence.run import RESULTS


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpora")
    write_corpora(root)
    return root


def test_the_command_trains_measures_and_exports(corpora, tmp_path):
    arguments = ["silence", "--data", str(corpora), "--run", str(tmp_path), "--seeds", "0,3", "--licence", "CC0-1.0"]
    result = CliRunner().invoke(commands, [*arguments, "--steps", "2", "--windows", "3", "--music", "5"])
    assert result.exit_code == 0, result.output
    spec = read_spec(tmp_path / "seed-3/model")
    assert (spec.name, spec.architecture, spec.licence) == ("silence", "silence-detector", "CC0-1.0")
    assert spec.training["seed"] == 3
    assert spec.training["corpora"] == ["fsdd", "esc10"]
    results = json.loads((tmp_path / RESULTS).read_text())
    assert len(results["detector"]) == 2
    assert spec.metrics["silent_frames_f1"]["10 dB"] == round(results["detector"][1]["10 dB"]["f1"], 3)
    assert result.stdout.splitlines()[0].startswith("| silent frames | clean |")
    # What was measured is what the exported model says.
    detector = SilenceDetector.load(tmp_path / "seed-3/model")
    scenes = draw_scenes(read_recordings(corpora, ["fsdd", "esc10"], 16_000)["test"], 3, seed=1002)
    assert measure(lambda windows: detector.frames(windows, 16_000) > 0.5, scenes) == results["detector"][1]


@pytest.mark.parametrize("seeds", ["a", "0,-1", ""])
def test_the_command_wants_whole_numbers_for_seeds(corpora, tmp_path, seeds):
    arguments = ["silence", "--data", str(corpora), "--run", str(tmp_path), "--seeds", seeds]
    result = CliRunner().invoke(commands, arguments)
    assert result.exit_code == 2
    assert f"expected whole numbers such as 0,1,2, got '{seeds}'" in result.output
