"""Markdown of model cards as HTML that is safe to show: a card is whatever came with a model's weights."""

import re

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")
_ELSEWHERE = re.compile(r"https?://")


def to_html(text: str) -> str:
    """The Markdown `text` with headings, lists, tables and links.

    HTML in it is shown as text. Links to files beside the card, which no service has, lead nowhere; there are no images
    and no inline styles.
    """
    tokens = _PARSER.parse(text)
    _tame(tokens)
    html: str = _PARSER.renderer.render(tokens, _PARSER.options, {})
    return html


def _tame(tokens: list[Token]) -> None:
    for token in tokens:
        if alignment := token.attrs.pop("style", None):
            token.attrs["class"] = str(alignment).removeprefix("text-align:")
        if token.type == "link_open" and not _ELSEWHERE.match(str(token.attrs.get("href", ""))):
            token.attrs.clear()
        if token.type == "image":
            token.type, token.tag, token.attrs = "text", "", {}
        if token.children:
            _tame(token.children)
