"""The same figure is the same everywhere: README.md and the model cards agree with docs/ and with the models."""

import re
from pathlib import Path

import pytest

from audiocnn import checkpoint

ROOT = Path(__file__).parents[2]
CARDS = sorted((ROOT / "audiocnn" / "pretrained").glob("*/MODEL_CARD.md"))
PAGES = [ROOT / "README.md", *CARDS]
MEASURED = "".join((ROOT / "docs" / name).read_text("utf-8") for name in ("results.md", "silence.md"))

_SPREAD = re.compile(r"\d\.\d{3} ± \d\.\d{3}")
_BOLD = re.compile(r"\*\*(\d\.\d{3}(?: ± \d\.\d{3})?)\*\*")


def figures(page: Path) -> list[str]:
    """What a page tells of a model: all of README.md that has a deviation, and what a card has in bold."""
    return (_SPREAD if page.name == "README.md" else _BOLD).findall(page.read_text("utf-8"))


def test_readme_and_cards_have_figures() -> None:
    assert {page.parent.name for page in PAGES if figures(page)} >= {ROOT.name, "genre", "esc10", "digits"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_figures_are_those_of_the_results(page: Path) -> None:
    assert [figure for figure in figures(page) if figure not in MEASURED] == []


@pytest.mark.parametrize("name", ["digits", "esc10", "genre"])
def test_card_tells_the_calibration_that_the_model_has(name: str) -> None:
    spec = checkpoint.read_spec(ROOT / "audiocnn" / "pretrained" / name)
    card = (ROOT / "audiocnn" / "pretrained" / name / "MODEL_CARD.md").read_text("utf-8")
    told = card[card.index("**Calibration.**") :].split("\n\n")[0]
    for task in spec.tasks.values():
        assert f"{task.temperature:.2f}" in told
        if task.unknown_below:
            assert f"{task.unknown_below:.3f}" in told
