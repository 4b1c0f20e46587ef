"""The page and its Markdown: which sections there are, that links lead somewhere, and what a browser makes of it."""

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from audiocnn.checkpoint import load_network
from audiocnn.errors import ConfigError
from audiocnn.plots.figure import inline
from audiocnn.spec import MAIN, Quantity, TaskSpec
from tests.audio_files import music
from tests.training.report.runs import GENRES, crossval_clips, write_crossval, write_run
from training.answers import ANSWERS, Answered
from training.cli import commands
from training.metrics import measure
from training.report.averaging import over_windows
from training.report.baselines import read_baseline
from training.report.classes import calibration_section, curves_section
from training.report.clips import clips_section
from training.report.document import Cell, Document, Figure, Part, Section, Table, number
from training.report.load import load_runs, pool_of
from training.report.make import make_report
from training.report.page import to_markdown
from training.report.pool import Pool
from training.report.quality import averaging_section, measured, quality_section
from training.report.training_part import facts

GENRE = TaskSpec("single_label", GENRES)
LIKED = TaskSpec("binary", ("few", "most"))
TAGS = TaskSpec("multi_label", ("drums", "guitar", "voice"))
MOODS = TaskSpec("multi_label", ("calm", "tense"))  # as shares
TEMPO = TaskSpec("regression", ("tempo",), (Quantity("BPM", 0, 400, 120, 30),))
RATIO = TaskSpec("regression", ("bpm",), (Quantity("BPM", 30, 300, 4.8, 0.3, "log", bins=64, tolerance=0.04),))

ALWAYS = {"facts", "quality", "labels", "groups", "clips", "averaging", "learning", "inside"}


class Page(HTMLParser):
    """What is in a page: ids, links, sources, text, and elements left open."""

    VOID = ("meta", "link", "img", "br", "path", "use")

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text("utf-8")
        self.ids: list[str] = []
        self.sections: list[str] = []
        self.references: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if identity := values.get("id"):
            self.ids.append(identity)
            if tag == "section":
                self.sections.append(identity)
        self.references += [values[name] or "" for name in ("href", "src", "xlink:href") if name in values]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(run: Path, **how: object) -> Page:
    return Page(make_report(run, **how))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("task", "sections", "first"),
    [
        (GENRE, {"confusion", "curves", "calibration"}, "Accuracy"),
        (LIKED, {"confusion", "curves", "calibration"}, "Accuracy"),
        (TAGS, {"curves", "calibration"}, "ROC-AUC"),
        (MOODS, {"amounts"}, "Correlation"),
        (TEMPO, {"amounts"}, "Mean absolute error"),
        (RATIO, {"amounts"}, "Accuracy 1"),
    ],
    ids=["single_label", "binary", "multi_label", "shares", "regression", "log scale, bins and tolerance"],
)
def test_each_task_has_the_sections_that_its_answers_allow(
    task: TaskSpec, sections: set[str], first: str, tmp_path: Path
) -> None:
    write_run(tmp_path, task)
    page = page_of(tmp_path)
    assert set(page.sections) == ALWAYS | sections
    assert f"{first} over windows averaged" in page.text
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)
    assert "nan" not in page.text.lower().split()


def test_sections_without_anything_to_show_are_left_out(tmp_path: Path) -> None:
    write_run(tmp_path, GENRE, windows=1, groups=False, history=False)
    assert set(page_of(tmp_path).sections) == (ALWAYS - {"groups", "averaging", "learning"}) | {
        "confusion",
        "curves",
        "calibration",
    }


@pytest.fixture(scope="module")
def crossval(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a cross-validation of three folds with two seeds, and its data with awkward names."""
    folder = tmp_path_factory.mktemp("crossval")
    data = folder / "my data & sounds"
    data.mkdir()
    for name in crossval_clips():
        soundfile.write(data / name, np.zeros(800), 8000)
    write_crossval(folder / "run", GENRE, data=data)
    done = CliRunner().invoke(commands, ["report", str(folder / "run")])
    page = folder / "run" / "report" / "index.html"
    assert done.output == f"report: {page}\n"
    return page


def test_links_within_the_page_and_to_clips_lead_somewhere(crossval: Path) -> None:
    page = Page(crossval)
    inside = [reference[1:] for reference in page.references if reference.startswith("#")]
    assert set(page.sections) - {"facts"} <= set(inside)
    assert set(inside) <= set(page.ids)
    outside = [r for r in page.references if not r.startswith(("#", "data:"))]
    assert len(outside) > 10
    for reference in outside:
        assert (crossval.parent / unquote(urlsplit(reference).path)).is_file(), reference
    assert page.source.count("<audio") == len(outside) / 2
    assert "were not found" not in page.text


def test_nothing_is_fetched_from_elsewhere(crossval: Path) -> None:
    source = crossval.read_text("utf-8")
    assert "<script" not in source
    assert "@import" not in source
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//[^"']+""", source)
    assert not re.findall(r"url\((?!#)", source)


def test_names_are_text_and_not_markup(tmp_path: Path) -> None:
    odd = TaskSpec("single_label", ("<b>rock</b> & roll", "_jazz", "$x$ | blues"))
    write_run(tmp_path, odd, clips=[f"<i>{i}<_i>.wav" for i in range(48)], data=tmp_path / "gone")
    page = page_of(tmp_path)
    assert "Their files were not found; name their folder with --data to have links." in page.text
    assert not [r for r in page.references if not r.startswith(("#", "data:"))]
    assert "<audio" not in page.source
    assert "<b>rock" not in page.source
    assert "<i>" not in page.source
    assert "<b>rock</b> & roll" in page.text
    assert "| $x$ \\| blues |" in (tmp_path / "report" / "report.md").read_text("utf-8")


def test_a_cross_validation_is_one_report_over_folds_and_seeds(crossval: Path) -> None:
    page, run = Page(crossval), crossval.parent.parent
    assert "runs" in page.sections
    assert "seeds 0, 1; each of the folds 0, 1, 2 left out in turn" in page.text
    assert "72 clips tested; mean ± deviation over 6 runs; intervals by drawing the 18 groups again" in page.text
    assert "Fast Processor, 2 cores" in page.text
    assert "audiocnn 0.1.0 at abcdef123456" in page.text
    assert "60 s in all" in page.text
    assert "Waiting for data" in page.text
    answers = [Answered.load(path) for path in sorted(run.glob(f"seed-*/{ANSWERS}"))]
    right = [(a.scores({MAIN: GENRE})[MAIN].argmax(1) == a.targets[MAIN].argmax(1)).mean() for a in answers]
    assert f"{np.mean(right):.3f} ± {np.std(right):.3f}" in page.text
    assert f"| {np.mean(right):.3f} ± {np.std(right):.3f} |" in (crossval.parent / "report.md").read_text("utf-8")


def test_a_cross_validation_that_is_not_over_shows_what_there_is(tmp_path: Path) -> None:
    write_crossval(tmp_path, GENRE)
    (tmp_path / "seed-0-fold-0" / ANSWERS).unlink()
    (tmp_path / "crossval.json").unlink()
    found = [(run.seed, run.fold) for run in load_runs(tmp_path)]
    assert found == [(0, "1"), (0, "2"), (1, "0"), (1, "1"), (1, "2")]


def test_side_tasks_have_a_part_each(tmp_path: Path) -> None:
    write_run(tmp_path, GENRE, side_tasks={"moods": MOODS, "tempo": TEMPO})
    page = page_of(tmp_path)
    assert {"quality", "moods-quality", "tempo-quality", "moods-amounts", "tempo-amounts"} <= set(page.sections)
    assert "tempo-calibration" not in page.sections
    assert {"task", "moods-task", "tempo-task"} <= set(page.ids)
    assert len(set(page.ids)) == len(page.ids)
    markdown = (tmp_path / "report" / "report.md").read_text("utf-8")
    assert re.findall("^## .*", markdown, re.MULTILINE) == ["## genre", "## moods", "## tempo", "## Training"]


def write_baseline(path: Path, labels: Sequence[str]) -> None:
    summary = {"accuracy": {"mean": 0.6154, "deviation": 0.0312}, "confusion": [[1, 2], [3, 4]]}
    path.write_text(json.dumps({"name": "MFCC + SVM", "labels": labels, "summary": summary, "folds": []}))


def test_a_baseline_about_other_labels_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path, GENRE)
    write_baseline(tmp_path / "svm.json", ["cat", "dog"])
    with pytest.raises(ConfigError, match=r"MFCC \+ SVM answers cat, dog, the model blues, jazz, rock"):
        make_report(tmp_path, baselines=(tmp_path / "svm.json",))


def test_baselines_stand_beside_the_model(tmp_path: Path) -> None:
    write_run(tmp_path, GENRE)
    write_baseline(tmp_path / "svm.json", GENRES)
    pool = pool_of(load_runs(tmp_path), MAIN)
    assert pool is not None
    section = quality_section("", pool, measured(pool, [pool], {}), {}, [read_baseline(tmp_path / "svm.json")])
    (table,) = section.blocks
    assert isinstance(table, Table)
    assert table.columns[-1] == "#MFCC + SVM"
    assert [row[-1].text for row in table.rows] == ["0.615 ± 0.031", number(None), number(None)]


@pytest.mark.parametrize(
    "text", ["", "[]", '{"accuracy": 0.5}', '{"name": "x", "labels": [], "summary": {"loss": {"mean": "x"}}}']
)
def test_a_file_that_is_no_baselines_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "svm.json").write_text(text)
    with pytest.raises(ConfigError, match=r"svm\.json .*; give a file with what `python -m training baseline` prints"):
        read_baseline(tmp_path / "svm.json")


def test_tempo_has_its_usual_accuracies_and_says_what_they_count(tmp_path: Path) -> None:
    write_run(tmp_path, RATIO)
    pool = pool_of(load_runs(tmp_path), MAIN)
    assert pool is not None
    metrics = measured(pool, [pool], {})
    expected = measure(pool.scores, pool.targets, RATIO, {})
    assert [(m.name, m.mean) for m in metrics[:2]] == [(n, expected[n]) for n in ("accuracy1", "accuracy2")]
    assert 0 < expected["accuracy1"] < 1
    section = quality_section("", pool, metrics, {}, [])
    assert "Accuracy 1 counts the answers within 4 % of the true value, accuracy 2 also those" in section.text
    (table,) = section.blocks
    assert isinstance(table, Table)
    assert [row[0].text for row in table.rows[:3]] == ["accuracy 1 ↑", "accuracy 2 ↑", "mean absolute error ↓"]


def test_all_windows_of_a_quantity_with_bins_give_the_answer_of_the_clip(tmp_path: Path) -> None:
    write_crossval(tmp_path, RATIO, windows=5)
    pool = pool_of(load_runs(tmp_path), MAIN)
    assert pool is not None
    curve = over_windows(pool, "mae")
    assert curve[5] == pytest.approx(np.abs(pool.scores - pool.targets).mean())
    means = [pool.window_scores[pool.window_rows == row].mean() for row in range(len(pool.scores))]
    assert curve[5] < 0.9 * np.abs(np.array(means) - pool.targets[:, 0]).mean()
    section = averaging_section("", pool, measured(pool, [pool], {}))
    assert section is not None
    assert section.text.startswith("A clip's answer is the peak of the mean scores of its windows, 5 of them for a typ")


def test_of_several_quantities_a_worst_clip_shows_that_with_the_largest_error_on_its_scale(tmp_path: Path) -> None:
    both = TaskSpec("regression", ("bpm", "energy"), (*RATIO.quantities, Quantity("", None, None, 0, 2)))
    said, truth = np.array([[125.0, 1.5], [180.0, 0.1]]), np.array([[120.0, 0.0], [120.0, 0.0]])
    clips = ["a.wav", "b.wav"]
    made = Pool(both, clips, clips, said, truth, np.ones(2, int), said, np.zeros(2), [])
    section = clips_section("", made, "artist", None, tmp_path, "audio")
    assert section is not None
    (table,) = section.blocks
    assert isinstance(table, Table)
    shown = [[cell.text for cell in row[:3]] for row in table.rows]
    assert shown == [["b.wav", "bpm 120 BPM", "bpm 180 BPM"], ["a.wav", "energy 0.000", "energy 1.500"]]


def test_a_run_that_was_not_evaluated_says_how_to(tmp_path: Path) -> None:
    write_run(tmp_path, GENRE, evaluated=False)
    with pytest.raises(ConfigError, match=r"was not evaluated yet: python -m training evaluate CONFIG .* --run "):
        make_report(tmp_path)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no run: expected model/ of `python -m training train`"):
        make_report(tmp_path)


def test_runs_of_two_recipes_are_not_mixed(tmp_path: Path) -> None:
    write_crossval(tmp_path, GENRE)
    path = tmp_path / "seed-1-fold-2" / "model" / "config.json"
    config = json.loads(path.read_text())
    config["training"]["recipe"]["train"]["epochs"] += 1
    path.write_text(json.dumps(config))
    with pytest.raises(ConfigError, match=r"seed-1-fold-2 is of another recipe than .*; report one at a time"):
        make_report(tmp_path)


def test_a_model_that_may_say_unknown_tells_how_often(tmp_path: Path) -> None:
    write_run(tmp_path, replace(GENRE, unknown_below=0.7))
    pool = pool_of(load_runs(tmp_path), MAIN)
    assert pool is not None
    section = calibration_section("", pool)
    assert section is not None
    sure = pool.scores.max(axis=1) >= 0.7
    right = (pool.scores.argmax(axis=1) == pool.targets.argmax(axis=1))[sure].mean()
    expected = f"Below a score of 0.7 it says unknown, to {1 - sure.mean():.1%} of the clips; {right:.1%} of the other"
    assert expected in section.text


def test_silent_clips_have_no_answer(tmp_path: Path) -> None:
    write_run(tmp_path, GENRE, clips=["0.wav", "1.wav", "2.wav", "3.wav"], windows=1)
    kept = Answered.load(tmp_path / ANSWERS)
    truth = kept.targets[MAIN].argmax(axis=1)
    heard = replace(kept, windows=np.array([0, 1, 1, 1]), logits=9 * np.eye(3, dtype=np.float32)[truth[1:]])
    replace(heard, starts_s=np.zeros(3)).save(tmp_path / ANSWERS)
    page = make_report(tmp_path).with_name("report.md").read_text()
    assert "0 wrong answers of 3. Rows are what a clip is, columns what was said. 1 more clip with nothing but" in page
    assert "To nothing but silence it has no answer, in 25.0% of the clips; 100.0% of the other answers" in page
    assert f"| 0.wav | {GENRES[truth[0]]} | nothing |" in " ".join(page.replace("artist 0 of 0.wav | ", "").split())


def test_curves_of_many_clips_are_thinned(tmp_path: Path) -> None:
    write_run(tmp_path, LIKED, clips=[f"{i}.wav" for i in range(20_000)], windows=1)
    pool = pool_of(load_runs(tmp_path), MAIN)
    assert pool is not None
    section = curves_section("", pool)
    assert section is not None
    assert all(isinstance(block, Figure) and len(block.svg) < 60_000 for block in section.blocks)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.12345, "0.123"), (-2.5, "\N{MINUS SIGN}2.500"), (45.67, "45.7"), (1234.5, "1,234"), (np.nan, "\N{EN DASH}")],
)
def test_numbers_have_as_many_digits_as_mean_something(value: float, text: str) -> None:
    assert number(value) == text


def test_figures_take_the_colours_of_the_page_and_keep_their_ids_to_themselves() -> None:
    svg = '<?xml?><svg viewBox="0 0 9 9"><defs><path id="a"/></defs><use xlink:href="#a" style="fill: #262626"/></svg>'
    made = inline(svg, "roc", 'of "rock"')
    assert made == (
        '<svg role="img" aria-label="of &quot;rock&quot;" viewBox="0 0 9 9"><defs><path id="roc-a"/></defs>'
        '<use xlink:href="#roc-a" style="fill: currentColor"/></svg>'
    )


def test_a_browser_shows_it_without_overflow(crossval: Path, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium: the page was not tried in a browser")
    script = """addEventListener("load", () => {
        const wide = document.documentElement.scrollWidth, figures = document.querySelectorAll("figure svg").length
        document.title = [wide, innerWidth, figures].join()
    })"""
    page = tmp_path / "page.html"
    page.write_text(crossval.read_text("utf-8").replace("</body>", f"<script>{script}</script></body>"), "utf-8")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--window-size=700,900",
        f"--user-data-dir={tmp_path}/user",
    ]
    done = subprocess.run(
        [browser, *options, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120, check=False
    )
    title = re.search(r"<title>(\d+),(\d+),(\d+)</title>", done.stdout)
    assert title is not None, done.stderr
    width, window, figures = map(int, title.groups())
    assert (window, figures) == (700, 13)
    assert width <= window


def test_the_model_and_a_clip_are_shown_as_inspect_draws_them(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    write_run(tmp_path / "run", GENRE, clips=[f"{i}.wav" for i in range(48)], data=data)

    def drawn() -> list[str]:
        return re.findall(r"<h3>(.*)</h3>", page_of(tmp_path / "run").source.partition('id="inside"')[2])

    assert drawn() == ["First filters", "Their frequencies"]
    (data / "0.wav").write_bytes(b"this is text")
    assert drawn() == ["First filters", "Their frequencies"]
    soundfile.write(data / "0.wav", music(3, 8000)[0], 8000)
    of_the_clip = ["When each label was heard or seen", "Feature maps", "The silence detector"]
    assert drawn() == ["First filters", "Their frequencies", *of_the_clip]


def test_markdown_keeps_its_tables_whatever_a_label_says() -> None:
    label = "a|b\n<script>"
    table = Table(["label"], [[Cell(label)]])
    text = to_markdown(
        Document("title", "", [("answers", label)], [Part("", "", [], [Section("x", "X", "", [table])])])
    )
    assert "- answers: a\\|b &lt;script>\n" in text
    assert "| a\\|b &lt;script> |\n" in text


def test_markdown_shows_names_as_text_wherever_they_are() -> None:
    name = "<img src=x onerror=alert(1)> ![x](http://x/y) `a\\b`\n# c.wav"
    shown = r"&lt;img src=x onerror=alert(1)> !\[x\](http://x/y) \`a\\b\` # c.wav"
    table = Table([name], [[Cell(name)]], name)
    text = to_markdown(Document(name, name, [(name, name)], [Part("", name, [], [Section("x", name, name, [table])])]))
    assert text.count(shown) == 10
    assert "<img" not in text
    assert "![" not in text
    assert "\n# c" not in text


def test_a_clip_that_is_looked_into_has_its_name_as_text(tmp_path: Path) -> None:
    name = "<img src=x onerror=alert(1)>.wav"
    (tmp_path / "data").mkdir()
    soundfile.write(tmp_path / "data" / name, music(1, 8000)[0], 8000)
    write_run(tmp_path / "run", GENRE, clips=[name, *crossval_clips()], data=tmp_path / "data")
    make_report(tmp_path / "run")
    markdown = (tmp_path / "run" / "report" / "report.md").read_text("utf-8")
    assert "and of &lt;img src=x onerror=alert(1)>.wav." in markdown
    assert "<img" not in markdown


def test_weights_are_counted_as_a_dry_run_counts_them(tmp_path: Path) -> None:
    write_run(tmp_path, GENRE, history=False)
    _, network = load_network(tmp_path / "model")
    weights = sum(parameter.numel() for parameter in network.parameters())
    assert sum(value.numel() for value in network.state_dict().values()) > weights  # with statistics of norms
    assert dict(facts(load_runs(tmp_path)))["model"] == f"filterbank-resnet, {weights:,} weights"


def test_half_a_line_that_a_crash_left_is_no_part_of_a_run(tmp_path: Path) -> None:
    write_run(tmp_path, GENRE)
    (whole,) = load_runs(tmp_path)
    for name in ("metrics.jsonl", "starts.jsonl"):
        with (tmp_path / name).open("a") as file:
            file.write('{"epoch": 4, "tr')
    (run,) = load_runs(tmp_path)
    assert (run.history, run.starts) == (whole.history, whole.starts)
    assert run.history
