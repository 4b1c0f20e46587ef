"""Discovery: every audio file once, in a stable order, whatever its name and however the folders are linked."""

import inspect
import os
import sys
import tempfile
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocnn.batch.discover import EXTENSIONS, UNREAD, discover
from audiocnn.batch.result import FileError, FileResult


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def found(root: Path, *, recursive: bool = True) -> list[str]:
    walk = islice(discover([str(root)], recursive=recursive), 100)  # a loop must end the test, not the day
    return [os.path.relpath(path, root) for path in walk]


def test_files_of_a_folder_come_by_name_and_before_its_sub_folders(tmp_path):
    touch(tmp_path, "z.wav", "b/y.flac", "a/x.mp3", "a/c/w.ogg", "m.wav", "a/a.wav")
    assert found(tmp_path) == ["m.wav", "z.wav", "a/a.wav", "a/x.mp3", "a/c/w.ogg", "b/y.flac"]


def test_without_recursive_sub_folders_stay_closed(tmp_path):
    touch(tmp_path, "a.wav", "sub/b.wav")
    assert found(tmp_path, recursive=False) == ["a.wav"]


def test_inputs_keep_their_order_and_named_files_need_no_extension(tmp_path):
    touch(tmp_path, "notes.txt", "folder/a.wav", "folder/cover.jpg")
    inputs = [str(tmp_path / "notes.txt"), str(tmp_path / "folder"), str(tmp_path / "missing.wav")]
    assert list(discover(inputs)) == [inputs[0], str(tmp_path / "folder" / "a.wav"), inputs[2]]


file_stems = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=0, max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(file_stems, st.sampled_from(EXTENSIONS["audio"]), st.integers(0, 2**7)), max_size=8), file_stems
)
def test_any_name_in_any_letter_case_is_found_once(files, stem):
    audio = {
        name + "".join(c.upper() if case >> i & 1 else c for i, c in enumerate(extension))
        for name, extension, case in files
        if not name.startswith("._")
    }
    with tempfile.TemporaryDirectory() as folder:
        touch(Path(folder), *audio, stem + ".txt", "wav", "song.wav.part")
        assert found(Path(folder)) == sorted(audio)


def test_dotfiles_count_but_not_the_notes_that_macos_writes_beside_a_file(tmp_path):
    touch(tmp_path, ".hidden.wav", ".folder/a.wav", "song.mp3", "._song.mp3", "._alone.mp3")
    assert found(tmp_path) == ["._alone.mp3", ".hidden.wav", "song.mp3", ".folder/a.wav"]


def test_each_folder_is_entered_once_so_loops_end(tmp_path):
    touch(tmp_path, "a/one.wav", "b/two.wav")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "here").symlink_to(".")
    (tmp_path / "b" / "across").symlink_to(tmp_path / "a")
    assert found(tmp_path) == ["a/one.wav", "b/two.wav"]
    inputs = [str(tmp_path / "b"), str(tmp_path)]
    assert [os.path.basename(path) for path in discover(inputs, recursive=True)] == ["two.wav", "one.wav"]


def test_linked_folders_are_followed(tmp_path):
    touch(tmp_path, "elsewhere/song.wav", "library/a.wav")
    (tmp_path / "library" / "more").symlink_to(tmp_path / "elsewhere")
    assert found(tmp_path / "library") == ["a.wav", "more/song.wav"]


def test_broken_links_are_not_lost(tmp_path):
    (tmp_path / "self.wav").symlink_to("self.wav")
    (tmp_path / "gone.wav").symlink_to("nowhere")
    assert found(tmp_path) == ["gone.wav", "self.wav"]


def test_a_deep_tree_does_not_exhaust_the_stack(tmp_path):
    depth = 200
    touch(tmp_path, "d/" * depth + "deep.wav")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        assert found(tmp_path) == ["d/" * depth + "deep.wav"]
    finally:
        sys.setrecursionlimit(limit)


def test_a_folder_that_cannot_be_listed_is_one_error_among_the_others(tmp_path, monkeypatch):
    touch(tmp_path, "a.wav", "locked/b.wav", "open/c.wav")
    list_folder = os.scandir

    def scandir(folder):  # root, who runs many a test, may list everything
        if str(folder).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return list_folder(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    locked = str(tmp_path / "locked")
    assert list(discover([str(tmp_path)], recursive=True)) == [
        str(tmp_path / "a.wav"),
        FileResult(locked, FileError("unreadable_folder", "cannot list the folder: Permission denied")),
        str(tmp_path / "open" / "c.wav"),
    ]


def test_a_walk_is_lazy(tmp_path):
    touch(tmp_path, "a/one.wav", "b/two.wav")
    walk = discover([str(tmp_path)], recursive=True)
    assert next(walk) == str(tmp_path / "a" / "one.wav")
    touch(tmp_path, "b/late.wav")
    assert [os.path.basename(path) for path in walk] == ["late.wav", "two.wav"]


@pytest.mark.parametrize("name", ["song.wav", "ünï cödé 音楽.FLAC", "line\nbreak.Wav", "-r.mp3", "=1+1.ogg"])
def test_paths_come_back_as_they_open(tmp_path, name):
    touch(tmp_path, name)
    (path,) = discover([str(tmp_path)])
    assert os.path.samefile(path, tmp_path / name)


def test_names_that_are_not_utf8_are_found(tmp_path):
    raw = os.fsencode(tmp_path) + b"/caf\xe9.wav"
    with open(raw, "wb"):
        pass
    (path,) = discover([str(tmp_path)])
    assert os.fsencode(path) == raw


def test_kinds_that_are_not_read_are_left_out_and_counted(tmp_path):
    touch(tmp_path, "a.wav", "b.M4A", "c.m4a", "sub/d.wma", "._b.M4A", "e.txt", "cover.jpg")
    left_out = Counter()
    walk = discover([str(tmp_path), str(tmp_path / "c.m4a")], recursive=True, left_out=left_out)
    assert list(walk) == [str(tmp_path / "a.wav"), str(tmp_path / "c.m4a")]
    assert left_out == {".m4a": 2, ".wma": 1}


@pytest.mark.parametrize("media", EXTENSIONS)
def test_no_kind_is_read_and_left_out(media):
    assert not set(EXTENSIONS[media]) & set(UNREAD[media])


def test_each_kind_of_video_that_is_read_is_found_in_folders(tmp_path):
    names = [f"a.{ending}" for ending in ("asf", "avi", "flv", "gif", "mkv", "mp4", "mpeg", "ogv", "webm", "wmv")]
    touch(tmp_path, *names, "a.ts", "a.mts")
    left_out = Counter()
    assert [os.path.basename(path) for path in discover([str(tmp_path)], media="video", left_out=left_out)] == names
    assert left_out == {".mts": 1}  # .ts is the ending of a programming language too
