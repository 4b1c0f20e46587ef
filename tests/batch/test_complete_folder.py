"""A folder of outputs: no two inputs on one name, old files gone, other people's files never touched."""

import json
import os
from pathlib import Path, PurePath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiocnn.batch.complete_folder import LIST, PART, complete_folder, mirrored


def fill(folder: Path, *names: str) -> None:
    with complete_folder(folder) as files:
        for name in names:
            files.create(PurePath(name)).write_bytes(os.fsencode(name))


def held(folder: Path) -> dict[str, str]:
    return {
        os.path.relpath(path, folder): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != LIST
    }


def test_files_appear_when_the_block_ends(tmp_path):
    with complete_folder(tmp_path / "out") as files:
        files.create(PurePath("a/b.txt")).write_text("new")
        assert not (tmp_path / "out" / "a").exists()
    assert held(tmp_path / "out") == {"a/b.txt": "new"}


def test_a_crash_leaves_the_old_files(tmp_path):
    fill(tmp_path, "a.txt")

    def crash(error):
        with complete_folder(tmp_path) as files:
            files.create(PurePath("a.txt")).write_text("half")
            raise error

    for error in (OSError("disk full"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            crash(error)
        assert (tmp_path / "a.txt").read_text() == "a.txt"
    fill(tmp_path, "b.txt")  # whatever the crash left is swept away
    assert held(tmp_path) == {"b.txt": "b.txt"}


def test_names_are_given_once(tmp_path):
    with complete_folder(tmp_path) as files:
        names = [files.create(PurePath("a/song.txt")).name for _ in range(3)]
    assert names == ["song.txt", "song (2).txt", "song (3).txt"]
    assert sorted(os.listdir(tmp_path / "a")) == sorted(names)


def test_a_folder_where_a_file_is_and_the_other_way_round(tmp_path):
    fill(tmp_path, "a.txt", "a.txt/b.txt", "c/d.txt", "c")
    assert held(tmp_path) == {"a.txt": "a.txt", "a (2).txt/b.txt": "a.txt/b.txt", "c/d.txt": "c/d.txt", "c (2)": "c"}


def test_names_too_long_become_a_hash(tmp_path):
    names = ["x" * 253 + ".txt", "y" * 253 + ".txt", "/".join(["d" * 200] * 25) + "/a.txt"]
    fill(tmp_path, *names)
    assert sorted(text for text in held(tmp_path).values()) == sorted(names)
    assert all(name.endswith(".txt") for name in held(tmp_path))


def test_what_an_earlier_batch_wrote_goes_and_nothing_else(tmp_path):
    fill(tmp_path, "rock.m3u8", "pop.m3u8", "deep/er/a.txt")
    (tmp_path / "mine.m3u8").write_text("mine")
    (tmp_path / "deep" / "mine.txt").write_text("mine")
    fill(tmp_path, "rock.m3u8")
    assert held(tmp_path) == {"rock.m3u8": "rock.m3u8", "mine.m3u8": "mine", "deep/mine.txt": "mine"}
    assert not (tmp_path / "deep" / "er").exists()


def test_nothing_of_someone_else_is_replaced(tmp_path):
    (tmp_path / "rock.m3u8").write_text("mine")
    (tmp_path / "deep").write_text("mine")
    for _ in range(2):
        fill(tmp_path, "rock.m3u8", "deep/a.txt")
        assert held(tmp_path) == {
            "rock.m3u8": "mine", "rock (2).m3u8": "rock.m3u8", "deep": "mine", "deep (2)/a.txt": "deep/a.txt"
        }  # fmt: skip
    (tmp_path / "rock.m3u8").unlink()
    fill(tmp_path, "rock.m3u8")
    assert held(tmp_path) == {"rock.m3u8": "rock.m3u8", "deep": "mine"}


def test_a_folder_may_follow_a_file_of_its_name(tmp_path):
    fill(tmp_path, "a")
    fill(tmp_path, "a/b")
    fill(tmp_path, "a")
    assert held(tmp_path) == {"a": "a"}


@pytest.mark.parametrize("line", ['"../mine.txt"', "[1]", '"cut sho', "{}", "7"])
def test_a_list_that_was_tampered_with_removes_nothing_outside(tmp_path, line):
    (tmp_path / "mine.txt").write_text("mine")
    out = tmp_path / "out"
    fill(out, "a.txt")
    with (out / LIST).open("a") as listing:
        listing.write(f"{line}\n{json.dumps(str(tmp_path / 'mine.txt'))}\n")
    fill(out, "b.txt")
    assert (tmp_path / "mine.txt").exists()
    assert held(out) == {"b.txt": "b.txt"}


def test_names_that_are_not_utf8_are_removed_too(tmp_path):
    fill(tmp_path, "caf\udce9\nx.txt")
    fill(tmp_path, "b.txt")
    assert held(tmp_path) == {"b.txt": "b.txt"}


@pytest.mark.parametrize("stop_at", [1, 2, 3])
def test_a_kill_while_files_move_leaves_whole_files_and_the_next_batch_knows_them(tmp_path, monkeypatch, stop_at):
    fill(tmp_path, "a.txt", "old.txt")
    moves = 0

    def replace(source, target, really=os.replace):
        nonlocal moves
        moves += 1
        if moves == stop_at:
            raise KeyboardInterrupt
        really(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            fill(tmp_path, "a.txt", "b.txt")
    fill(tmp_path, "c.txt")
    assert held(tmp_path) == {"c.txt": "c.txt"}
    assert not (tmp_path / PART).exists()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("song.wav", "song.wav.txt"),
        ("./music/a.b/song.wav", "music/a.b/song.wav.txt"),
        ("/music/song.wav", "music/song.wav.txt"),
        ("../../music/song.wav", "up/up/music/song.wav.txt"),
        ("music/../song", "song.txt"),
    ],
)
def test_names_mirror_the_inputs(path, expected):
    assert mirrored(path, ".txt") == PurePath(expected)


part = st.sampled_from(["a", "b", "..", ".", "", "a.wav", "a.wav.txt", "A", "up", "a (2)"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(part, min_size=1, max_size=4).map("/".join), min_size=1, max_size=12))
def test_every_input_has_a_file_of_its_own(tmp_path_factory, paths):
    folder = tmp_path_factory.mktemp("out")
    paths = [path + "/x.wav" for path in paths]
    with complete_folder(folder) as files:
        for path in paths:
            files.create(mirrored(path, ".txt")).write_text(path)
    assert sorted(held(folder).values()) == sorted(paths)
