"""`python -m training corpus NAME`: a command for each corpus.

Each is a line of the table below: its name, which is that of its module in `training.corpora`, what it is, and the
options of the module's `convert`. Modules are imported by the commands, so that each needs only the packages of its
own medium.
"""

import importlib
from typing import Any

import click

from training.cli.options import FILE, FOLDER


@click.group()
def corpus() -> None:
    """Turn a published corpus into a folder of files with manifest.csv.

    SOURCE is the folder with the corpus as its authors ship it, DESTINATION a new folder. Licences and traps are in
    docs/data.md.
    """


def _option(name: str, **settings: Any) -> click.Option:
    """An option that shows its default where it has one."""
    return click.Option([*name.split()], show_default="default" in settings, **settings)


def _choice(name: str, *choices: str, help: str | None = None) -> click.Option:
    """One of several, the first unless told otherwise."""
    return _option(name, type=click.Choice(choices), default=choices[0], help=help)


_DESTINATION = click.Argument(["destination"], type=FOLDER)
_FROM = [click.Argument(["source"], type=FOLDER), _DESTINATION]
_LINK = _option("--link", is_flag=True, help="Hard links instead of copies, on the same file system.")
_SKIP_BROKEN = _option("--skip-broken", is_flag=True, help="Leave out files that cannot be read, and name them.")


def _add(name: str, help: str, *params: click.Parameter) -> None:
    def convert(**settings: Any) -> None:
        module = importlib.import_module(f"training.corpora.{name.replace('-', '_')}")
        click.echo(f"written: {settings['destination']}: {module.convert(**settings)}")

    corpus.add_command(click.Command(name, callback=convert, params=list(params), help=help))


_add(
    "mnist",
    "MNIST, handwritten digits: PNG files from the four idx files.",
    *_FROM,
    _option("--validation", type=click.IntRange(0), default=5000, help="Held out of training."),
)
_add(
    "adrenalmnist3d",
    "AdrenalMNIST3D, shapes of glands: NumPy volumes from the npz files.",
    *_FROM,
    _option(
        "--size",
        type=click.Choice(["28", "64"]),
        default="28",
        callback=lambda _context, _option, text: int(text),
        help="Voxels a side.",
    ),
)
_add(
    "moving-digits",
    "Moving digits, synthetic: video files drawn here, labelled by direction.",
    _DESTINATION,
    _option("--seed", type=click.IntRange(0), default=0),
    _option("--train", type=int, default=4000, help="Clips to train on, a multiple of 8."),
    _option("--validation", type=int, default=800, help="Clips for validation."),
    _option("--test", type=int, default=1600, help="Clips to test on."),
    _option("--frames", type=int, default=16, help="Frames of a clip, 15 a second."),
    _option("--size", type=int, default=64, help="Pixels a side."),
)
_add(
    "ut-interaction",
    "UT-Interaction, two people: one of its two sets, folds by sequence.",
    *_FROM,
    _option("--set subset", type=click.Choice(["set1", "set2"]), required=True, help="Car park or lawn."),
)
_add(
    "pocus",
    "POCUS, lung ultrasound: clips of one probe, folds by patient.",
    *_FROM,
    _choice("--probe", "convex", "linear"),
    _option(
        "--classes",
        default="regular,bacterial_pneumonia",
        callback=lambda _context, _option, text: [name.strip() for name in text.split(",")],
        help="Labels, with commas.",
    ),
    _option("--folds", type=int, default=5, help="Folds, whole patients in each."),
)
_add(
    "esc50",
    "ESC-50 or ESC-10, environmental sounds: official folds.",
    *_FROM,
    _choice("--subset", "esc50", "esc10"),
    _LINK,
)
_add("fsdd", "Free Spoken Digit Dataset: a fold for each speaker.", *_FROM, _LINK)
_add(
    "synthetic-digits",
    "Synthetic digits: words spoken here by espeak-ng, in many voices.",
    _DESTINATION,
    _option("--clips", type=int, default=10_000, help="How many, a multiple of 10."),
    _option("--seed", type=click.IntRange(0), default=0),
)
_add("emotify", "Emotify, music: genres and felt emotions, folds by artist.", *_FROM, _LINK)
_add("speech-commands", "Speech Commands, single words: official split by speaker.", *_FROM, _LINK)
_add("urbansound8k", "UrbanSound8K, city sounds: ten official folds.", *_FROM, _LINK)
_add(
    "gtzan",
    "GTZAN, music by genre: the artist-filtered split.",
    *_FROM,
    _option("--lists", type=FOLDER, help="Folder of the artist-filtered lists.  [default: SOURCE]"),
    _option("--checksums", type=FILE, help="Lines of SHA-256, bytes and name."),
    _LINK,
)
_add(
    "fma",
    "FMA small or medium, music by genre: official split by artist.",
    *_FROM,
    _choice("--subset", "small", "medium"),
    _SKIP_BROKEN,
    _LINK,
)
_add(
    "magnatagatune",
    "MagnaTagATune, music with 50 tags: the split by folder.",
    *_FROM,
    _choice("--version", "clean", "full"),
    _SKIP_BROKEN,
    _LINK,
)
_add(
    "mtg-jamendo",
    "MTG-Jamendo, music with genre tags: one of five official splits by artist.",
    *_FROM,
    _option("--audio", type=FOLDER, help="Folder of the tracks.  [default: SOURCE]"),
    _option("--split", type=click.IntRange(0, 4), default=0, help="Which official split."),
    _SKIP_BROKEN,
    _LINK,
)
_add(
    "groove",
    "Groove MIDI, drums and their tempo: beats rendered with fluidsynth, folds by drummer.",
    *_FROM,
    _option("--soundfont", type=FILE, help="Whose drums sound.  [default: Debian's fluid-soundfont-gm]"),
    _option("--seconds", type=float, default=60.0, help="Longer performances are cut there."),
)
