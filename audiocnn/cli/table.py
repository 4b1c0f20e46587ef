"""Results for people: a table that grows by a row as each file is done."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from audiocnn.batch.formats.selection import Selection
from audiocnn.batch.result import FileResult, duration_s


class TableWriter:
    """Writes file, length and labels on a terminal. Columns have fixed widths, so no row waits for later ones."""

    def __init__(self, console: Console, selection: Selection) -> None:
        self._console = console
        self._selection = selection
        self._time_width = 17 if selection.segments else 9  # "0:59.0 - 1:01.0" or "1:00:00.0"
        self._print(Text("File", "bold"), Text("Time", "bold"), Text("Labels", "bold"))

    def write(self, file: FileResult) -> None:
        row = self._selection.row(file)
        path = Text(printable(row["path"]))
        if row["status"] == "error":
            self._print(path, Text(""), Text(printable(row["error"]["detail"]), "red"))
            return
        length_s = duration_s(row)
        self._print(path, Text("" if length_s is None else clock(length_s)), _labels(row))
        self._print_side(row)
        if "tag" in row:
            self._print(Text(""), Text(""), _tag(row["tag"]))
        for warning in row["warnings"]:
            self._print(Text(""), Text(""), Text(printable(warning), "yellow"))
        for segment in row.get("segments", []):
            span = f"{clock(segment['start_s'])} - {clock(segment['end_s'])}"
            self._print(Text(""), Text(span), Text("silent", "dim") if segment["silent"] else _labels(segment))
            self._print_side(segment)

    def _print_side(self, answer: dict[str, Any]) -> None:
        for name, predictions in answer.get("side", {}).items():
            if predictions:
                decided = {"labels": answer["side_labels"][name]} if "side_labels" in answer else {}
                said = _labels({"predictions": predictions, **decided})
                self._print(Text(""), Text(""), Text.assemble((f"{name}: ", "dim"), said))

    def _print(self, path: Text, time: Text, labels: Text) -> None:
        rest = self._console.width - self._time_width - 4
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=rest // 2, overflow="fold")
        grid.add_column(width=self._time_width, no_wrap=True)
        grid.add_column(width=rest - rest // 2, overflow="fold")
        grid.add_row(path, time, labels)
        self._console.print(grid)


def _labels(answer: dict[str, Any]) -> Text:
    """Scores and values; the labels decided for are bold, and without any it says `unknown`."""
    predictions = answer["predictions"]
    decided = answer.get("labels", [prediction["label"] for prediction in predictions[:1]])
    text = Text("unknown  ", "bold") if predictions and "score" in predictions[0] and not decided else Text()
    for rank, prediction in enumerate(predictions):
        text.append("  " if rank else "")
        if "value" in prediction:
            said, style = f"{prediction['value']:.4g} {prediction['unit']}".rstrip(), "bold"
        else:
            said, style = f"{prediction['score']:.2f}", "bold" if prediction["label"] in decided else "dim"
        text.append(f"{printable(prediction['label'])} {printable(said)}", style)
    return text


def _tag(tag: dict[str, Any]) -> Text:
    """What became of the genre in the file."""
    said = [tag["status"].replace("_", " "), ", ".join(tag["genres"]), tag.get("detail", "")]
    return Text.assemble(("genre: ", "dim"), printable("  ".join(part for part in said if part)))


def clock(seconds: float) -> str:
    """Minutes and seconds, `2:03.5`, with hours in front where there are any."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}:{minutes:02d}" if hours else f"{minutes}") + f":{rest // 10:02d}.{rest % 10}"


def printable(text: str) -> str:
    """`text` with escapes for what a terminal would obey or cannot show: a file name may hold anything."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
