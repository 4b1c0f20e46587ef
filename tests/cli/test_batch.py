"""Batches as people run them: lists, patterns, resume, full disks, two runs at once."""

import csv
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from audiocnn.cli.main import cli
from tests.audio_files import encoded, music, wav_bytes

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
SOUND = wav_bytes(music(seconds=0.6))
STRANGE = [
    "ünï 音楽.WAV", 'comma, "quote".Wav', "line\nbreak.wav", "-r.wav", ".hidden.wav", "caf\udce9.wav", "=1.wav",
]  # fmt: skip


def run(*arguments, code=0, stdin=None):
    result = CliRunner().invoke(cli, ["classify", *map(str, arguments)], input=stdin)
    assert result.exit_code == code, result.output
    return result


def start(*arguments, **options):
    command = [sys.executable, "-m", "audiocnn", "classify", *map(str, arguments)]
    return subprocess.Popen(command, env=ENVIRONMENT, text=True, stderr=subprocess.PIPE, **options)


def paths(out):
    return [json.loads(line)["path"] for line in out.splitlines()]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "music"
    (folder / "sub").mkdir(parents=True)
    for name in (*STRANGE, "sub/a.wav", "sub/B.WAV"):
        (folder / name).write_bytes(SOUND)
    (folder / "sub" / "loop").symlink_to(folder)
    (folder / "archive.zip").write_bytes(b"PK")
    return folder


def test_strange_names_come_through_every_way_in(folder, tiny_model, tmp_path):
    every = sorted(str(folder / name) for name in STRANGE)
    listed = tmp_path / "list"
    listed.write_bytes(b"\0".join(os.fsencode(path) for path in every))
    out = tmp_path / "out.jsonl"
    for arguments in ((folder,), (f"{folder}/*.[wW]*", f"{folder}/.*.wav"), ("--files-from", listed)):
        streamed = run(*arguments, "--model", tiny_model).stdout
        run(*arguments, "--model", tiny_model, "-o", out)
        assert sorted(paths(streamed)) == sorted(paths(out.read_text())) == every


def test_paths_from_standard_input(folder, tiny_model):
    lines = f"{folder / 'sub'}\n\n{folder / '-r.wav'}\n"
    expected = [str(folder / "sub/B.WAV"), str(folder / "sub/a.wav"), str(folder / "-r.wav")]
    for arguments in (("-",), ("--files-from", "-")):
        assert paths(run(*arguments, "--model", tiny_model, stdin=lines).stdout) == expected
    found = paths(run(folder / "=1.wav", "-", "--model", tiny_model, stdin=lines).stdout)
    assert found == [str(folder / "=1.wav"), *expected]


def test_a_file_named_twice_is_one_row(folder, tiny_model, tmp_path):
    twice = [folder / "=1.wav", f"{folder}/./=1.wav", folder]
    expected = [str(folder / "=1.wav"), *(str(folder / name) for name in sorted(STRANGE) if name != "=1.wav")]
    assert paths(run(*twice, "--model", tiny_model).stdout) == expected
    run(*twice, "--model", tiny_model, "-o", tmp_path / "out")
    assert paths((tmp_path / "out").read_text()) == expected


def test_what_is_not_read_in_a_folder_is_said(folder, tiny_model, tmp_path):
    for name in ("one.m4a", "two.M4A", "three.wma"):
        (folder / name).touch()
    for out in ([], ["-o", tmp_path / "out"]):
        result = run(folder, "--model", tiny_model, *out)
        assert result.stderr == "left out, as these kinds of files are not read: 2 .m4a, 1 .wma\n"
        assert run(folder, "--model", tiny_model, *out, "-q").stderr == ""


def test_a_dash_for_out_is_standard_output(folder, tiny_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir())
    out = run(folder, "--model", tiny_model, "-o", "-", "--format", "csv").stdout
    assert out.startswith("path,status")
    assert sorted(os.listdir()) == before


def test_rows_come_while_the_list_is_still_being_written(folder, tiny_model):
    with start("-", "--model", tiny_model, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for name in ("sub/a.wav", "sub/B.WAV"):
            process.stdin.write(f"{folder / name}\n")
            process.stdin.flush()
            if name == "sub/B.WAV":
                process.stdin.close()
            assert json.loads(process.stdout.readline())["path"] == str(folder / name)
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'INPUT...': name files or folders, or a list with --files-from"),
        (["--files-from", "no-such-list"], "no-such-list: No such file"),
        (["x.wav", "--retry-failed"], "--retry-failed needs the journal of an earlier run"),
        (["x.wav", "-o", "x.csv", "--retry-failed", "--no-resume"], "without --no-resume"),
        (["x.wav", "--device", "tpu"], "'cpu', 'cuda', 'auto'"),
        (["x.wav", "--window", "1000"], "window_s must lie between"),
        (["x.wav", "-o", "{tmp}/x.csv", "--hop", "0"], "hop_s must be a finite number of seconds above 0"),
    ],
)
def test_usage_errors_exit_with_2(arguments, message, tmp_path):
    result = run(*(argument.format(tmp=tmp_path) for argument in arguments), code=2)
    assert message in result.stderr
    assert result.stdout == ""


def test_windows_of_another_length(folder, tiny_model):
    options = ("--segments", "--model", tiny_model, "--window", "0.3", "--hop", "0.15")
    (row,) = map(json.loads, run(folder / "=1.wav", *options).stdout.splitlines())
    assert [(part["start_s"], part["end_s"]) for part in row["segments"]] == [(0, 0.3), (0.15, 0.45), (0.3, 0.6)]


def test_resume_retry_and_beginning_anew(folder, tiny_model, tmp_path):
    (folder / "sub" / "bad.wav").write_bytes(b"no sound")
    out = tmp_path / "out.csv"
    base = (folder / "sub", "--model", tiny_model, "-o", out)

    def summary(*options):
        return run(*base, *options, code=1).stderr.partition(" in ")[0]

    assert summary() == "3 files"
    assert summary() == "3 files (3 by an earlier run)"
    first = out.read_text()
    assert summary("--retry-failed") == "3 files (2 by an earlier run)"
    assert out.read_text() == first
    assert summary("--no-resume") == "3 files"
    assert summary("--top-k", 1, "--segments") == "3 files (3 by an earlier run)"
    assert len(list(csv.DictReader(io.StringIO(out.read_text())))) == 5


def test_fail_fast_stops_and_keeps_what_is_done(folder, tiny_model, tmp_path):
    (folder / "sub" / "bad.wav").write_bytes(b"no sound")
    out = tmp_path / "out.csv"
    base = (folder / "sub", "--model", tiny_model, "--workers", 1)
    result = run(*base, "-o", out, "--fail-fast", code=1)
    assert "bad.wav: the bytes are not audio of a known format" in result.stderr
    assert not out.exists()
    again = run(*base, "-o", out, "--fail-fast", code=1)
    assert result.stderr.rstrip() + " (in an earlier run; --retry-failed tries it again)\n" == again.stderr
    assert again.stderr.removeprefix("Error: ") in run(*base, "-o", out, "-v", code=1).stderr
    assert "by an earlier run)" in run(*base, "-o", out, code=1).stderr
    streamed = run(*base, "--fail-fast", code=1)
    assert [json.loads(line)["status"] for line in streamed.stdout.splitlines()][-1] == "error"


def test_verbose_says_at_once_what_failed(folder, tiny_model, tmp_path):
    (folder / "sub" / "bad\n.wav").write_bytes(b"no sound")
    result = run(folder / "sub", "-v", "--model", tiny_model, "-o", tmp_path / "out.csv", code=1)
    assert f"{folder}/sub/bad\\n.wav: the bytes are not audio" in result.stderr


def test_a_device_gets_its_rows_as_they_come_and_no_journal(folder, tiny_model, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with start(folder / "sub", "--model", tiny_model, "-o", pipe) as process:
        assert paths(pipe.read_text()) == [str(folder / "sub/B.WAV"), str(folder / "sub/a.wav")]
        assert process.wait(timeout=60) == 0
    assert sorted(os.listdir(tmp_path)) == ["music", "pipe"]


def test_a_folder_that_cannot_be_listed_is_a_row(folder, tiny_model, tmp_path, monkeypatch):
    listed = os.scandir

    def scandir(path):  # root, who runs many a test, may list everything
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    out = tmp_path / "out.jsonl"
    for _ in range(2):
        run("-r", folder, "--model", tiny_model, "-o", out, code=1)
        rows = {row["path"]: row for row in map(json.loads, out.read_text().splitlines())}
        assert rows[str(folder / "sub")]["error"]["code"] == "unreadable_folder"
        assert len(rows) == len(STRANGE) + 1


class TestTwoRunsOnOneOutput:
    def test_the_second_is_refused_and_the_first_is_not_disturbed(self, folder, tiny_model, tmp_path):
        out, journal = tmp_path / "out.jsonl", tmp_path / "out.jsonl.journal"
        with start("-", "--model", tiny_model, "-o", out, stdin=subprocess.PIPE) as first:
            deadline = time.monotonic() + 120
            while not journal.exists() or not journal.stat().st_size:  # it waits for its list then
                assert time.monotonic() < deadline
                time.sleep(0.01)
            second = run(folder, "--model", tiny_model, "-o", out, code=2)
            first.communicate(f"{folder}/sub\n", timeout=60)
            assert first.returncode == 0
        assert f"another run is at work with {journal}; wait until it ends, or give another -o" in second.stderr
        assert paths(out.read_text()) == [str(folder / "sub/B.WAV"), str(folder / "sub/a.wav")]


class TestFullDisk:
    def files(self, tmp_path):
        files = [tmp_path / f"{number:03d}.flac" for number in range(150)]
        for file in files:
            file.write_bytes(encoded(music(seconds=0.6)))
        return files

    @pytest.fixture
    def small_disk(self, tmp_path):
        """A file system of 200 KiB."""
        place = tmp_path / "small"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(place)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("may not mount a file system")
        yield place
        subprocess.run(["umount", str(place)], check=True)

    def test_the_journal_stays_whole_and_the_run_goes_on_with_more_room(self, tiny_model, tmp_path, small_disk):
        files, out = self.files(tmp_path), small_disk / "out.jsonl"
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(140_000))
        run(files[0], "--model", tiny_model, "-o", out)
        result = run(*files, "--model", tiny_model, "-o", out, code=2)
        assert f"cannot use the journal {out}.journal: database or disk is full" in result.stderr
        assert "run the same command again, it goes on where it stopped" in result.stderr
        assert paths(out.read_text()) == [str(files[0])]
        ballast.unlink()
        subprocess.run(["mount", "-o", "remount,size=2m", str(small_disk)], check=True)
        again = run(*files, "--model", tiny_model, "-o", out)
        assert "150 files (" in again.stderr
        assert paths(out.read_text()) == [str(file) for file in files]

    def test_no_room_for_the_output_keeps_the_old_one_and_the_journal(self, tiny_model, tmp_path):
        """Files of at most 60,000 bytes: the journal fits, the rows of all windows do not."""
        files, out = self.files(tmp_path)[:60], tmp_path / "out.jsonl"
        options = (*files, "--model", tiny_model, "-o", out)
        run(*options)
        out.write_text("old")
        with start(*options, "--segments", preexec_fn=self.limit) as process:
            _, err = process.communicate(timeout=60)
        assert (process.returncode, out.read_text()) == (2, "old")
        assert "File too large" in err
        assert not (tmp_path / "out.jsonl.part").exists()
        assert "60 files (60 by an earlier run)" in run(*options).stderr
        assert paths(out.read_text()) == [str(file) for file in files]

    @staticmethod
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))


def test_a_run_that_was_long_enough_for_lines_has_one_at_the_end(folder, tiny_model, monkeypatch):
    for module in ("progress", "report"):
        monkeypatch.setattr(f"audiocnn.cli.{module}.LINE_EVERY_S", 0.0)
    *lines, last = run(folder / "sub", "--model", tiny_model).stderr.splitlines()
    assert [line.split(",")[0] for line in lines] == ["1 file", "2 files"]
    assert last.startswith("2 files in ")
