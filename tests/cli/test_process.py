"""The command as people run it: a process with real files, pipes, signals and terminals."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audiocnn import Classifier
from tests.audio_files import encoded, music, wav_bytes

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "audiocnn"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "TERM": "xterm"}


def start(*arguments, command=COMMAND, **streams):
    return subprocess.Popen([*command, *map(str, arguments)], env=ENVIRONMENT, text=True, **streams)


def run(*arguments, command=COMMAND):
    process = start(*arguments, command=command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=240)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def music_folder(tmp_path_factory):
    """Good files in several formats and a corrupt one between them."""
    folder = tmp_path_factory.mktemp("music")
    (folder / "a.wav").write_bytes(wav_bytes(music(seconds=5, seed=1)))
    (folder / "b.flac").write_bytes(wav_bytes(music(seconds=5))[:20])
    (folder / "ç").mkdir()
    (folder / "ç" / "ünï.OGG").write_bytes(encoded(music(seconds=6, seed=2), format="OGG"))
    (folder / "ç" / "d.mp3").write_bytes(encoded(music(seconds=6, seed=3), format="MP3"))
    (folder / "ç" / "loop").symlink_to(folder)
    return folder


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    for i in range(300):
        (folder / f"{i:03d}.wav").write_bytes(wav_bytes(music(seconds=0.1, sample_rate=8000, seed=i), 8000))
    return folder


def test_one_corrupt_file_is_one_error_row(music_folder):
    code, out, err = run("classify", "-r", music_folder, "--workers", 3)
    assert code == 1
    found = [json.loads(line) for line in out.splitlines()]
    assert [os.path.relpath(row["path"], music_folder) for row in found] == ["a.wav", "b.flac", "ç/d.mp3", "ç/ünï.OGG"]
    assert [row["status"] for row in found] == ["ok", "error", "ok", "ok"]
    assert found[1]["error"]["code"] == "undecodable_audio"
    assert err.count("\n") == 1
    classifier = Classifier.load("genre")
    for row in found:
        if row["status"] == "ok":
            assert row["predictions"] == classifier.classify(row["path"]).to_json()["predictions"]


def test_300_files_keep_their_order_and_nothing_is_said(tiny_folder):
    code, out, err = run("classify", tiny_folder, "--format", "csv", "--top-k", 1, "--workers", 4)
    assert (code, err) == (0, "")
    found = list(csv.DictReader(io.StringIO(out)))
    assert [row["path"] for row in found] == [str(tiny_folder / f"{i:03d}.wav") for i in range(300)]
    assert all(row["status"] == "ok" and row["label"] for row in found)


LOADED = """
import sys
from audiocnn.cli.main import cli
cli(sys.argv[1:], standalone_mode=False)
sys.stderr.write(" ".join(name for name in ("torch", "fastapi", "onnxruntime", "rich") if name in sys.modules))
"""


@pytest.mark.parametrize(("arguments", "loaded"), [(["classify", "."], "onnxruntime"), (["classify", "--help"], "")])
def test_no_command_loads_more_than_it_needs(arguments, loaded, tmp_path):
    (tmp_path / "a.wav").write_bytes(wav_bytes(music(seconds=1)))
    arguments = [str(tmp_path) if argument == "." else argument for argument in arguments]
    code, out, err = run(*arguments, command=[sys.executable, "-c", LOADED])
    assert (code, err) == (0, loaded)
    assert out


def wait_until(true, process, seconds=120):
    deadline = time.monotonic() + seconds
    while not true():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


# A shell starts background jobs deaf to Ctrl-C, and children inherit that: the test may be in one.
# The file that the first argument names goes on hearing its first windows until it is stopped.
HELD = """
import signal, sys, time
from audiocnn import Classifier
from audiocnn.cli.main import main

signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
name, whole = sys.argv.pop(1), Classifier.classify

def classify(self, path, limits, *, progress, **options):
    def held(heard_s):
        end_s = time.monotonic() + 240
        while path.endswith(name) and time.monotonic() < end_s:
            progress(heard_s)
            time.sleep(0.01)
        progress(heard_s)
    return whole(self, path, limits, progress=held, **options)

Classifier.classify = classify
main()
"""


def held(name):
    return [sys.executable, "-c", HELD, name]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_stopped_run_says_so_in_time_and_the_next_goes_on(tiny_folder, tmp_path, number, code):
    out, journal = tmp_path / "out.jsonl", tmp_path / "out.jsonl.journal"
    files = sorted(map(str, tiny_folder.iterdir()))[:100]
    process = start("classify", *files, "-o", out, "--workers", 1, command=held("050.wav"), stderr=subprocess.PIPE)
    wait_until(lambda: size(journal) > 30_000, process)
    process.send_signal(number)
    stopped = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert time.monotonic() - stopped < 10  # it was below 2 with a load of ten on two cores
    assert process.returncode == code
    before = int(re.fullmatch(rf"stopped after (\d+) files; they are in {journal}, and the same .*\n", err)[1])
    assert 0 < before < 100
    assert not out.exists()
    code, _, err = run("classify", *files, "-o", out)
    assert code == 0
    known = int(re.match(r"100 files \((\d+) by an earlier run\)", err)[1])
    assert before <= known <= before + 1
    assert [json.loads(line)["path"] for line in out.read_text().splitlines()] == files


def test_below_nohup_the_end_of_the_terminal_is_nothing(tiny_folder, tmp_path):
    out = tmp_path / "out.jsonl"
    command = ["nohup", *COMMAND]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = start("classify", tiny_folder, "-o", out, "--model", "digits", command=command, **streams)
    wait_until(lambda: size(Path(f"{out}.journal")) > 30_000, process)
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=240) == 0
    assert out.read_text().count("\n") == 300


def size(journal):
    """Bytes of a journal with what is on its way into it."""
    return sum(path.stat().st_size for path in (journal, Path(f"{journal}-wal")) if path.exists())


def test_ctrl_c_does_not_wait_for_a_long_file(tmp_path):
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(wav_bytes(music(seconds=1)))
    process = start("classify", tmp_path, command=held("b.wav"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["status"] == "ok"
    interrupted = time.monotonic()
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert (process.returncode, rest) == (130, "")
    assert time.monotonic() - interrupted < 3


def test_a_reader_that_leaves_early_is_no_error(tiny_folder):
    process = start("classify", tiny_folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    assert json.loads(process.stdout.readline())["status"] == "ok"
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == ""
    process.stderr.close()


# Closes some of its descriptors, then becomes the command that follows.
CLOSING = """
import os, sys
for number in map(int, sys.argv[1].split(",")):
    os.close(number)
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.mark.parametrize("closed", ["0", "0,1", "0,2", "0,1,2"])
def test_closed_streams_cost_no_row(tmp_path, closed):
    """As a job scheduler may start a process: what is closed is not needed, or its absence is an error that is told."""
    (tmp_path / "a.wav").write_bytes(wav_bytes(music(seconds=1)))
    closing = [sys.executable, "-c", CLOSING, closed, *COMMAND]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with start("classify", tmp_path, "-o", tmp_path / "out", command=closing, **pipes) as process:
        assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0
    assert (tmp_path / "out").read_text().count("\n") == 1
    with start("classify", tmp_path, command=closing, **pipes) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out.count("\n")) == ((2, 0) if "1" in closed else (0, 1))
    assert err == ("Error: standard output: Bad file descriptor\n" if closed == "0,1" else "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk that is always there is a thing of Linux")
def test_messages_that_nobody_can_take_do_not_end_a_run(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav_bytes(music(seconds=1)))
    (tmp_path / "b.wav").write_bytes(b"no sound")
    out = tmp_path / "out"
    with open("/dev/full", "wb") as full:
        assert start("classify", tmp_path, "-v", "-o", out, stderr=full).wait(timeout=60) == 1
    assert out.read_text().count("\n") == 2


def read_terminal(descriptor):
    """All that a process wrote to a pseudo-terminal until it closed it."""
    shown = b""
    while True:
        try:
            data = os.read(descriptor, 65536)
        except OSError:  # how Linux says that the other end is closed
            data = b""
        if not data:
            os.close(descriptor)
            return shown.decode()
        shown += data


def test_a_terminal_gets_a_table_a_bar_and_a_summary(music_folder):
    ours, theirs = os.openpty()
    process = start("classify", "-r", music_folder, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = read_terminal(ours)
    assert process.wait(timeout=30) == 1
    assert "Labels" in shown
    assert "4/4" in shown
    assert "1 failed" in shown
    assert "4 files in" in shown
    assert '{"path"' not in shown


def test_the_bar_on_a_terminal_does_not_catch_rows_meant_for_a_pipe(music_folder):
    ours, theirs = os.openpty()
    process = start("classify", "-r", music_folder, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    shown = read_terminal(ours)
    out, _ = process.communicate(timeout=30)
    assert len([json.loads(line) for line in out.splitlines()]) == 4
    assert "1 failed" in shown
    assert "path" not in shown


def test_quiet_on_a_terminal_is_quiet(music_folder):
    ours, theirs = os.openpty()
    process = start("classify", music_folder / "a.wav", "-q", stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    assert read_terminal(ours) == ""
    out, _ = process.communicate(timeout=30)
    assert json.loads(out)["status"] == "ok"


@pytest.mark.parametrize(
    ("words", "completion"), [("audiocnn cla", "classify"), ("audiocnn classify --retry", "--retry-failed")]
)
def test_shells_complete_commands_and_options(words, completion):
    count = str(len(words.split()) - 1)
    asked = {"_AUDIOCNN_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": count}
    code = "from audiocnn.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT | asked, capture_output=True, text=True)
    assert completion in done.stdout.replace(",", "\n").splitlines()
