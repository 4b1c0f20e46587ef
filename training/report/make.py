"""From a run's folder to the files of its report."""

from pathlib import Path

from audiocnn.checkpoint import write_atomically
from audiocnn.errors import MissingExtraError
from training.report.baselines import read_baseline
from training.report.load import load_runs


def make_report(run: Path, data: Path | None = None, baselines: tuple[Path, ...] = ()) -> Path:
    """Write `run/report/index.html` and `report.md`; returns the path of the page.

    data: the folder of the clips, by default where they were in training. baselines: JSON files of other methods.
    Raises `ConfigError` for a folder without tested runs and for files that are no baseline's, `MissingExtraError`
    without matplotlib.
    """
    try:
        from training.report.assemble import assemble
        from training.report.page import to_html, to_markdown
    except ImportError as error:
        raise MissingExtraError("the report needs matplotlib: pip install 'audiocnn[train,plots]'") from error
    folder = run / "report"
    document = assemble(load_runs(run), folder, data, [read_baseline(path) for path in baselines])
    folder.mkdir(exist_ok=True)
    write_atomically(folder / "report.md", to_markdown(document).encode())
    write_atomically(folder / "index.html", to_html(document).encode())
    return folder / "index.html"
