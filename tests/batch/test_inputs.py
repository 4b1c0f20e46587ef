"""Patterns match what a shell's would, lazily and in a stable order; lists give back every name."""

import glob
import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocnn.batch.inputs import expand_patterns, read_list


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for name in ("b/2.wav", "b/1.wav", "b/c/3.wav", "a/4.WAV", ".h/5.wav", "b/.6.wav", "7.wav", "b/x[1].wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "loop").symlink_to(".")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("*.wav", ["7.wav"]),
        ("b/?.wav", ["b/1.wav", "b/2.wav"]),
        ("[ab]/[1-4].[wW]*", ["a/4.WAV", "b/1.wav", "b/2.wav"]),
        ("**/*.wav", ["7.wav", "b/1.wav", "b/2.wav", "b/x[1].wav", "b/c/3.wav"]),
        ("b/**/3.wav", ["b/c/3.wav"]),
        ("b/**", ["b", "b/c"]),
        (".h/*", [".h/5.wav"]),
        ("b/.*", ["b/.6.wav"]),
        ("./*/c", ["./b/c", "./loop/c"][:1]),
        ("*/1.wav", ["b/1.wav"]),
        ("7.wav/*", ["7.wav/*"]),
    ],
)
def test_patterns_match_as_in_a_shell(tree, pattern, matches):
    assert list(expand_patterns([pattern])) == matches


@pytest.mark.parametrize("pattern", ["*", "*/*", "b/[!1]*", "**/*.wav", "b/c/**/*.wav", "*/../7.wav"])
def test_patterns_match_what_the_standard_library_finds(tree, pattern):
    (tree / "loop").unlink()  # the library follows it until the path is too long
    absolute = f"{tree}/{pattern}"
    assert sorted(expand_patterns([pattern])) == sorted(glob.glob(pattern, recursive=True))
    assert sorted(expand_patterns([absolute])) == sorted(glob.glob(absolute, recursive=True))


def test_what_exists_is_no_pattern_and_what_matches_nothing_stays(tree):
    assert list(expand_patterns(["b/x[1].wav", "b/x[2].wav", "a", "nothing"])) == [
        "b/x[1].wav", "b/x[2].wav", "a", "nothing",
    ]  # fmt: skip


def test_a_folder_that_cannot_be_listed_matches_nothing(tree, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "listdir", refuse)
    assert list(expand_patterns(["b/*"])) == ["b/*"]


names = st.binary(min_size=1).filter(lambda name: b"\0" not in name and not name.startswith(b"\xef\xbb\xbf"))


class Slow(io.BytesIO):
    """Gives a few bytes at a time, as a pipe may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(3)


@given(st.lists(names.filter(lambda name: b"\n" not in name and not name.endswith(b"\r"))), st.booleans())
def test_lines_come_back(paths, ends):
    data = b"\n".join(paths) + b"\n" * ends
    for stream in (io.BytesIO(data), Slow(data)):
        assert [os.fsencode(path) for path in read_list(stream)] == paths


@given(st.lists(names, min_size=1))
def test_names_between_zeros_come_back_line_breaks_too(paths):
    stream = io.BytesIO(b"\0".join(paths) + b"\0")
    assert [os.fsencode(path) for path in read_list(stream)] == paths


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\r\n"])
def test_an_empty_list_has_no_names(data):
    assert list(read_list(io.BytesIO(data))) == []


def test_lists_as_windows_writes_them():
    assert list(read_list(io.BytesIO(b"\xef\xbb\xbfa.wav\r\n\r\nb c.wav\r\n"))) == ["a.wav", "b c.wav"]


def test_a_list_is_read_as_it_comes(tmp_path):
    reading, writing = os.pipe()
    os.write(writing, b"a.wav\nb.w")
    with open(reading, "rb", buffering=0) as stream:
        paths = read_list(stream)
        assert next(paths) == "a.wav"
        os.write(writing, b"av\n")
        assert next(paths) == "b.wav"
        os.close(writing)
        assert list(paths) == []
