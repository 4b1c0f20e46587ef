"""The report as one HTML file, and as Markdown."""

import re
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from training.report.document import Cell, Document, Figure, Matrix, Section, Table

_HERE = Path(__file__).parent
_MOST_ROWS = 20
"""Rows of a table in Markdown."""


def to_html(document: Document) -> str:
    """A page that needs no other file but the clips it links to."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.tests |= {
        "table": lambda block: isinstance(block, Table),
        "matrix": lambda block: isinstance(block, Matrix),
        "figure": lambda block: isinstance(block, Figure),
    }
    template = environment.get_template("page.html.jinja")
    return template.render(document=document, style=(_HERE / "page.css").read_text("utf-8"))


def to_markdown(document: Document) -> str:
    """The texts and tables without the figures."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Document) -> Iterator[str]:
    yield f"# {_escaped(document.title)}"
    yield from ("", _escaped(document.summary), "")
    for name, value in document.facts:
        yield f"- {_escaped(name)}: {_escaped(value)}"
    for part in document.parts:
        if part.title:
            yield from ("", f"## {_escaped(part.title)}")
        for section in part.sections:
            yield from _section(section, "###" if part.title else "##")


def _section(section: Section, level: str) -> Iterator[str]:
    tables = [_as_table(block) for block in section.blocks if isinstance(block, Table | Matrix)]
    if not tables and not section.text:
        return
    yield from ("", f"{level} {_escaped(section.title)}")
    if section.text:
        yield from ("", _escaped(section.text))
    for table in tables:
        yield ""
        if table.caption:
            yield from (_escaped(table.caption), "")
        yield f"| {' | '.join(_escaped(name.removeprefix('#')) for name in table.columns)} |"
        yield f"|{'|'.join('---:' if name.startswith('#') else '---' for name in table.columns)}|"
        for row in table.rows[:_MOST_ROWS]:
            yield f"| {' | '.join(_markdown(cell) for cell in row)} |"
        if len(table.rows) > _MOST_ROWS:
            yield from ("", f"and {len(table.rows) - _MOST_ROWS} more")


def _as_table(block: Table | Matrix) -> Table:
    if isinstance(block, Table):
        return block
    rows = [
        [Cell(label), *(Cell(str(count)) for count in counts)]
        for label, counts in zip(block.labels, block.counts, strict=True)
    ]
    return Table(["is \\ said", *(f"#{label}" for label in block.labels)], rows)


def _markdown(cell: Cell) -> str:
    return f"[{_escaped(cell.text)}]({cell.link})" if cell.link else _escaped(cell.text)


def _escaped(text: str) -> str:
    """The text on one line, so that names in it become no markup, link, picture or column."""
    return " ".join(re.sub(r"[\\|`\[\]]", r"\\\g<0>", text).replace("<", "&lt;").split())
