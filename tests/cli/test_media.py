"""The batch command with a model of images: the folder's pictures, not its recordings."""

import json

import pytest
from click.testing import CliRunner

from audiocnn import ImageSpec
from audiocnn.cli.main import cli
from tests.audio_files import music, wav_bytes
from tests.conftest import tiny_spec, write_model
from tests.visual_files import image_bytes, noise_picture


@pytest.fixture(scope="module")
def image_model(tmp_path_factory):
    spec = tiny_spec(architecture="lenet-5", arguments={}, input=ImageSpec(32, 32))
    return write_model(tmp_path_factory.mktemp("image"), spec)


def test_a_folder_of_pictures_and_other_things(tmp_path, image_model):
    for index in range(3):
        (tmp_path / f"{index}.PNG").write_bytes(image_bytes(noise_picture(40, 60, seed=index)))
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    (tmp_path / "song.wav").write_bytes(wav_bytes(music(1)))
    result = CliRunner().invoke(cli, ["classify", str(tmp_path), "--model", str(image_model), "--format", "jsonl"])
    assert result.exit_code == 1
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(row["path"].rsplit("/")[-1], row["status"]) for row in rows] == [
        ("0.PNG", "ok"), ("1.PNG", "ok"), ("2.PNG", "ok"), ("broken.jpg", "error"),
    ]  # fmt: skip
    assert rows[0]["image"]["width"] == 60
    assert rows[3]["error"]["code"] == "undecodable_visual"


def test_csv_and_an_empty_folder(tmp_path, image_model):
    (tmp_path / "song.wav").write_bytes(wav_bytes(music(1)))
    result = CliRunner().invoke(cli, ["classify", str(tmp_path), "--model", str(image_model)])
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no image files found" in result.stderr
    (tmp_path / "a.png").write_bytes(image_bytes(noise_picture(40, 60)))
    out = tmp_path / "out.csv"
    result = CliRunner().invoke(cli, ["classify", str(tmp_path), "--model", str(image_model), "-o", str(out)])
    assert result.exit_code == 0, result.output
    header, row = out.read_text().splitlines()
    assert row.startswith(str(tmp_path / "a.png"))
    assert len(header.split(",")) == len(row.split(","))
    whole = CliRunner().invoke(
        cli, ["classify", str(tmp_path), "--model", str(image_model), "--segments", "--format", "csv"]
    )
    assert len(whole.stdout.splitlines()) == 2  # a picture has no segments, and still its row
