"""The genre map: three kinds of file, one table, and errors that say where to look."""

import pytest

from audiocnn.batch.genre_map import GenreMap
from audiocnn.errors import ConfigError

FILES = {
    "map.toml": 'rock = "Rock & Roll"\n"hip-hop" = "Rap"\nambient = ""\n',
    "map.json": '{"rock": "Rock & Roll", "hip-hop": "Rap", "ambient": ""}',
    "map.CSV": "\ufefflabel,name\r\nrock,Rock & Roll\r\n\r\nhip-hop,Rap\r\nambient,\r\n",
    "marked.toml": '\ufeffrock = "Rock & Roll"\n"hip-hop" = "Rap"\nambient = ""\n',
    "bare.csv": "rock,Rock & Roll\nhip-hop,Rap\nambient,\n",
}


@pytest.mark.parametrize("name", FILES)
def test_each_kind_of_file_gives_the_same_table(tmp_path, name):
    (tmp_path / name).write_text(FILES[name], encoding="utf-8", newline="")
    assert GenreMap.read(tmp_path / name).names == {"rock": "Rock & Roll", "hip-hop": "Rap", "ambient": ""}


def test_unknown_labels_pass_empty_names_are_left_out_and_each_name_comes_once():
    genre_map = GenreMap({"rock": "Rock", "metal": "Rock", "ambient": ""})
    assert genre_map.renamed(["metal", "jazz", "rock", "ambient"]) == ("Rock", "jazz")
    assert GenreMap().renamed(["rock"]) == ("rock",)


def test_strangers_are_what_no_label_is_called():
    assert GenreMap({"rokc": "Rock", "pop": "Pop"}).strangers(["rock", "pop"]) == ("rokc",)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("map.txt", "", r"is a \.toml, \.json or \.csv file, got .*map\.txt"),
        ("map.toml", "rock = ", "does not parse"),
        ("map.toml", "rock = 1", "expected a name for 'rock'"),
        ("map.toml", "rock = ['a']", "expected a name for 'rock'"),
        ("map.json", "[]", "expected an object of labels and names"),
        ("map.json", "{", "does not parse"),
        ("map.json", '"rock"', "expected an object of labels and names"),
        ("map.json", '{"rock": {"a": "b"}}', "expected a name for 'rock'"),
        ("map.json", '{"rock": "a", "rock": "b"}', "'rock' has two names, 'a' and 'b'"),
        ("map.csv", "rock\n", "expected a label and a name in row 1"),
        ("map.csv", "rock;Rock\n", "expected a label and a name in row 1"),
        ("map.csv", 'rock,"Rock', "does not parse"),
        ("map.csv", "rock,a\nrock,b\n", "two names"),
        ("map.json", "[" * 100_000, "does not parse"),
        ("map.json", r'{"rock": "a\u0000b"}', r"map.json: the name for 'rock' must be a line of text"),
        ("map.json", r'{"rock": "\ud800"}', "must be a line of text"),
        ("map.toml", r'rock = "a\nb"', "must be a line of text"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=said):
        GenreMap.read(tmp_path / name)


def test_bytes_that_are_no_text_and_files_that_are_not_there(tmp_path):
    (tmp_path / "map.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="does not parse"):
        GenreMap.read(tmp_path / "map.csv")
    with pytest.raises(ConfigError, match=r"cannot read the genre map .*: No such file"):
        GenreMap.read(tmp_path / "gone.csv")
