"""Images, videos and volumes through the classifier that also takes sound."""

import sys

import numpy as np
import pytest
import torch

from audiocnn import Classifier, ImageSpec, VideoSpec, VolumeSpec, checkpoint
from audiocnn.errors import EmptyVisualError, MediaError, MissingExtraError, UnsupportedVisualError
from audiocnn.media import open_media
from audiocnn.nn.heads import head_of
from tests.audio_files import music, wav_bytes
from tests.conftest import tiny_spec, write_model
from tests.visual_files import grey_frames, image_bytes, noise_picture, npy_bytes, video_bytes

IMAGE = ImageSpec(32, 32)
VIDEO = VideoSpec(frames=32, height=32, width=32, frame_rate=10, hop=16)
VOLUME = VolumeSpec(32, 32, 32)
FILES = {
    "image": image_bytes(noise_picture(40, 60)),
    "video": video_bytes(grey_frames(range(0, 240, 5))),
    "volume": npy_bytes(np.arange(32**3).reshape(32, 32, 32) % 256),
}


@pytest.fixture(scope="module", params=[IMAGE, VIDEO, VOLUME], ids=["image", "video", "volume"])
def model(request, tmp_path_factory):
    spec = tiny_spec(architecture="lenet-5", arguments={"ndim": request.param.ndim}, input=request.param)
    return write_model(tmp_path_factory.mktemp(request.param.media), spec)


def test_the_answer_is_the_networks_over_the_windows(model):
    classifier = Classifier.load(model)
    spec, network = checkpoint.load_network(model)
    data = FILES[spec.input.media]
    with open_media(data, spec.input) as opened:
        windows = list(opened.windows())
    assert len(windows) == (2 if spec.input.media == "video" else 1)
    with torch.inference_mode():
        logits = network(torch.from_numpy(np.stack([window.values for window in windows]))).double().numpy()
    expected = head_of(spec.task).answers(logits).mean(axis=0)
    result = classifier.classify(data)
    assert {p.label: p.score for p in result.predictions} == pytest.approx(
        dict(zip(spec.task.labels, expected, strict=True)), abs=1e-5
    )
    assert Classifier.load(model, backend="torch").classify(data).predictions[0].label == result.predictions[0].label


def test_what_it_says_about_the_file(model):
    classifier = Classifier.load(model)
    media = classifier.spec.input.media
    body = classifier.classify(FILES[media]).to_json(segments=True)
    expected = {
        "image": {"width": 60, "height": 40, "mode": "RGB", "format": "png"},
        "video": {
            "duration_s": 4.8,
            "num_frames": 48,
            "width": 48,
            "height": 32,
            "codec": "ffv1",
            "format": "matroska",
        },
        "volume": {"shape": [32, 32, 32], "dtype": "int64", "format": "npy"},
    }[media]
    assert body[media] == expected
    spans = [(s["start_s"], s["end_s"]) for s in body["segments"]]
    assert spans == ([(0.0, 3.2), (1.6, 4.8)] if media == "video" else [])


def test_files_of_another_medium_and_no_files_are_refused(model):
    classifier = Classifier.load(model)
    with pytest.raises(UnsupportedVisualError):
        classifier.classify(wav_bytes(music(1)))
    with pytest.raises(EmptyVisualError):
        classifier.classify(b"")
    for media, data in FILES.items():
        if media != classifier.spec.input.media:
            with pytest.raises(MediaError):
                classifier.classify(data)


def test_a_model_whose_packages_are_missing_is_refused_when_it_is_loaded(model, monkeypatch):
    media = checkpoint.read_spec(model).input.media
    if media == "volume":
        pytest.skip("NumPy is all a volume needs")
    name = {"image": "PIL", "video": "av"}[media]
    for module in [*sys.modules]:
        if module.startswith("audiocnn.visual") or module.split(".")[0] == name:
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'audiocnn\[vision\]'"):
        Classifier.load(model)
