"""What a user gets: the wheel, its version, and an import that stays light."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import audiocnn

HEAVY = ("torch", "fastapi", "onnxruntime", "librosa", "scipy", "sklearn")
MODELS = ("digits", "esc10", "genre", "mnist", "moving-digits", "silence")
FILES = ("config.json", "model.safetensors", "model.onnx", "MODEL_CARD.md")


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(root)]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def loaded_by(statement: str) -> set[str]:
    """Which of `HEAVY` a fresh interpreter has loaded after `statement`."""
    code = f"import sys; {statement}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(HEAVY) & set(run.stdout.split())


def test_the_wheel_has_one_top_level_package_and_the_trained_models(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names} == {"audiocnn", f"audiocnn-{audiocnn.__version__}.dist-info"}
    assert {
        "audiocnn/py.typed",
        *(f"audiocnn/pretrained/{name}/{file}" for name in MODELS for file in FILES),
        f"audiocnn-{audiocnn.__version__}.dist-info/licenses/LICENSE",
    } <= set(names)


def test_the_wheel_classifies_away_from_the_checkout(wheel: Path, song: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import audiocnn; print(audiocnn.__file__); "
        f"print(audiocnn.Classifier.load('genre').classify({str(song)!r}).predictions[0].label)"
    )

    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=song.parent)

    imported_from, label = run.stdout.split()
    assert Path(imported_from).is_relative_to(tmp_path)
    assert label in audiocnn.Classifier.load("genre").spec.task.labels


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import audiocnn") == set()


def test_classifying_needs_no_torch() -> None:
    assert loaded_by("import audiocnn.inference.classifier") <= {"onnxruntime"}


def test_classifying_leaves_nothing_in_the_home_folder(root: Path, song: Path, tmp_path: Path) -> None:
    """onnxruntime's telemetry begins with an identifier there; in CI and under test it would hide itself."""
    code = f"import audiocnn; audiocnn.Classifier.load('genre').classify({str(song)!r})"
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}

    subprocess.run([sys.executable, "-c", code], check=True, env=environment)

    assert list(tmp_path.iterdir()) == []


def test_the_command_line_starts_without_any_model_runtime() -> None:
    assert loaded_by("import audiocnn.cli.main") == set()


def test_training_starts_without_what_it_only_measures_with() -> None:
    """scikit-learn brings SciPy's statistics and pandas: as long again as torch. librosa loads its parts when used."""
    assert loaded_by("import training.cli") <= {"torch", "librosa"}


def test_the_newest_release_in_the_changelog_is_this_version(root: Path) -> None:
    releases = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", (root / "CHANGELOG.md").read_text(), re.M)

    assert releases[0] == audiocnn.__version__
