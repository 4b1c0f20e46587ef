"""The model card over HTTP: Markdown as it lies beside the weights, and HTML that cannot do harm."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.markdown import to_html
from tests.service.server import Server, assert_problem, running_service

CARDS = Path(__file__).parents[2] / "audiocnn" / "pretrained"


@pytest.fixture(scope="module")
def two_models(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The bundled model with its card, and one without."""
    bare = shutil.copytree(tiny_model, tmp_path_factory.mktemp("bare") / "model")
    with running_service(models=str(bare)) as server:
        yield server


def test_the_card_of_a_model_in_both_forms(two_models: Server) -> None:
    plain = two_models.client.get("/v1/models/genre/card")
    assert plain.headers["content-type"] == "text/markdown; charset=utf-8"
    assert plain.text == (CARDS / "genre" / "MODEL_CARD.md").read_text("utf-8")
    html = two_models.client.get("/v1/models/genre/card", headers={"Accept": "text/html"})
    assert html.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h2>Limits</h2>" in html.text
    assert "<table>" in html.text


def test_a_model_without_a_card_and_one_that_is_not_served(two_models: Server) -> None:
    assert_problem(two_models.client.get("/v1/models/tiny/card"), 404, "card_not_found")
    assert_problem(two_models.client.get("/v1/models/esc10/card"), 404, "unknown_model")
    assert_problem(two_models.client.get("/v1/models/..%2fgenre/card"), 404)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("a <b onclick=x>", "<p>a &lt;b onclick=x&gt;</p>"),
        ("[a](javascript:alert(1))", "<p>[a](javascript:alert(1))</p>"),
        ("[a](../b.md)", "<p><a>a</a></p>"),
        ("[a](//evil.example)", "<p><a>a</a></p>"),
        ("[a](https://b.example)", '<p><a href="https://b.example">a</a></p>'),
        ("![a](https://b.example/c.png)", "<p>a</p>"),
    ],
)
def test_html_of_a_card_is_harmless(text: str, expected: str) -> None:
    assert to_html(text).strip() == expected


def test_columns_are_aligned_without_inline_style() -> None:
    html = to_html("| a | b |\n|---|--:|\n| 1 | 2 |\n")
    assert '<td class="right">2</td>' in html
    assert "style=" not in html
