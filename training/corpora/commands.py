"""`python -m training corpus NAME`: a command for each corpus.

Modules are imported by the commands, so that each needs only the packages of its own medium.
"""

from pathlib import Path

import click

FOLDER = click.Path(file_okay=False, path_type=Path)

_source = click.argument("source", type=FOLDER)
_destination = click.argument("destination", type=FOLDER)
_skip_broken = click.option("--skip-broken", is_flag=True, help="Leave out files that cannot be read, and name them.")
_link = click.option("--link", is_flag=True, help="Hard links instead of copies, on the same file system.")


@click.group()
def corpus() -> None:
    """Turn a published corpus into a folder of files with manifest.csv.

    SOURCE is the folder with the corpus as its authors ship it, DESTINATION a new folder. Licences and traps are in
    docs/data.md.
    """


def _written(destination: Path, summary: str) -> None:
    click.echo(f"written: {destination}: {summary}")


@corpus.command("mnist")
@_source
@_destination
@click.option("--validation", type=click.IntRange(0), default=5000, show_default=True, help="Held out of training.")
def mnist_command(source: Path, destination: Path, validation: int) -> None:
    """MNIST, handwritten digits: PNG files from the four idx files."""
    from training.corpora import mnist

    _written(destination, mnist.convert(source, destination, validation=validation))


@corpus.command("adrenalmnist3d")
@_source
@_destination
@click.option("--size", type=click.Choice(["28", "64"]), default="28", show_default=True, help="Voxels a side.")
def adrenalmnist3d_command(source: Path, destination: Path, size: str) -> None:
    """AdrenalMNIST3D, shapes of glands: NumPy volumes from the npz files."""
    from training.corpora import adrenalmnist3d

    _written(destination, adrenalmnist3d.convert(source, destination, size=int(size)))


@corpus.command("moving-digits")
@_destination
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--train", type=int, default=4000, show_default=True, help="Clips to train on, a multiple of 8.")
@click.option("--validation", type=int, default=800, show_default=True, help="Clips for validation.")
@click.option("--test", type=int, default=1600, show_default=True, help="Clips to test on.")
@click.option("--frames", type=int, default=16, show_default=True, help="Frames of a clip, 15 a second.")
@click.option("--size", type=int, default=64, show_default=True, help="Pixels a side.")
def moving_digits_command(
    destination: Path, seed: int, train: int, validation: int, test: int, frames: int, size: int
) -> None:
    """Moving digits, synthetic: video files drawn here, labelled by direction."""
    from training.corpora import moving_digits

    summary = moving_digits.convert(
        destination, seed=seed, train=train, validation=validation, test=test, frames=frames, size=size
    )
    _written(destination, summary)


@corpus.command("ut-interaction")
@_source
@_destination
@click.option("--set", "subset", type=click.Choice(["set1", "set2"]), required=True, help="Car park or lawn.")
def ut_interaction_command(source: Path, destination: Path, subset: str) -> None:
    """UT-Interaction, two people: one of its two sets, folds by sequence."""
    from training.corpora import ut_interaction

    _written(destination, ut_interaction.convert(source, destination, subset=subset))


@corpus.command("pocus")
@_source
@_destination
@click.option("--probe", type=click.Choice(["convex", "linear"]), default="convex", show_default=True)
@click.option("--classes", default="regular,bacterial_pneumonia", show_default=True, help="Labels, with commas.")
@click.option("--folds", type=int, default=5, show_default=True, help="Folds, whole patients in each.")
def pocus_command(source: Path, destination: Path, probe: str, classes: str, folds: int) -> None:
    """POCUS, lung ultrasound: clips of one probe, folds by patient."""
    from training.corpora import pocus

    names = [name.strip() for name in classes.split(",")]
    summary = pocus.convert(source, destination, probe=probe, classes=names, folds=folds)
    _written(destination, summary)


@corpus.command("esc50")
@_source
@_destination
@click.option("--subset", type=click.Choice(["esc50", "esc10"]), default="esc50", show_default=True)
@_link
def esc50_command(source: Path, destination: Path, subset: str, link: bool) -> None:
    """ESC-50 or ESC-10, environmental sounds: official folds."""
    from training.corpora import esc50

    _written(destination, esc50.convert(source, destination, subset=subset, link=link))


@corpus.command("fsdd")
@_source
@_destination
@_link
def fsdd_command(source: Path, destination: Path, link: bool) -> None:
    """Free Spoken Digit Dataset: a fold for each speaker."""
    from training.corpora import fsdd

    _written(destination, fsdd.convert(source, destination, link=link))


@corpus.command("emotify")
@_source
@_destination
@_link
def emotify_command(source: Path, destination: Path, link: bool) -> None:
    """Emotify, music: genres and felt emotions, folds by artist."""
    from training.corpora import emotify

    _written(destination, emotify.convert(source, destination, link=link))


@corpus.command("speech-commands")
@_source
@_destination
@_link
def speech_commands_command(source: Path, destination: Path, link: bool) -> None:
    """Speech Commands, single words: official split by speaker."""
    from training.corpora import speech_commands

    _written(destination, speech_commands.convert(source, destination, link=link))


@corpus.command("urbansound8k")
@_source
@_destination
@_link
def urbansound8k_command(source: Path, destination: Path, link: bool) -> None:
    """UrbanSound8K, city sounds: ten official folds."""
    from training.corpora import urbansound8k

    _written(destination, urbansound8k.convert(source, destination, link=link))


@corpus.command("gtzan")
@_source
@_destination
@click.option("--lists", type=FOLDER, help="Folder of the artist-filtered lists.  [default: SOURCE]")
@click.option("--checksums", type=click.Path(dir_okay=False, path_type=Path), help="Lines of SHA-256, bytes and name.")
@_link
def gtzan_command(source: Path, destination: Path, lists: Path | None, checksums: Path | None, link: bool) -> None:
    """GTZAN, music by genre: the artist-filtered split."""
    from training.corpora import gtzan

    summary = gtzan.convert(source, destination, lists=lists or source, checksums=checksums, link=link)
    _written(destination, summary)


@corpus.command("fma")
@_source
@_destination
@click.option("--subset", type=click.Choice(["small", "medium"]), default="small", show_default=True)
@_skip_broken
@_link
def fma_command(source: Path, destination: Path, subset: str, skip_broken: bool, link: bool) -> None:
    """FMA small or medium, music by genre: official split by artist."""
    from training.corpora import fma

    _written(destination, fma.convert(source, destination, subset=subset, skip_broken=skip_broken, link=link))


@corpus.command("magnatagatune")
@_source
@_destination
@click.option("--version", type=click.Choice(["clean", "full"]), default="clean", show_default=True)
@_skip_broken
@_link
def magnatagatune_command(source: Path, destination: Path, version: str, skip_broken: bool, link: bool) -> None:
    """MagnaTagATune, music with 50 tags: the split by folder."""
    from training.corpora import magnatagatune

    summary = magnatagatune.convert(source, destination, version=version, skip_broken=skip_broken, link=link)
    _written(destination, summary)


@corpus.command("mtg-jamendo")
@_source
@_destination
@click.option("--audio", type=FOLDER, help="Folder of the tracks.  [default: SOURCE]")
@click.option("--split", type=click.IntRange(0, 4), default=0, show_default=True, help="Which official split.")
@_skip_broken
@_link
def mtg_jamendo_command(
    source: Path, destination: Path, audio: Path | None, split: int, skip_broken: bool, link: bool
) -> None:
    """MTG-Jamendo, music with genre tags: one of five official splits by artist."""
    from training.corpora import mtg_jamendo

    summary = mtg_jamendo.convert(source, destination, audio=audio, split=split, skip_broken=skip_broken, link=link)
    _written(destination, summary)


@corpus.command("groove")
@_source
@_destination
@click.option(
    "--soundfont",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Whose drums sound.  [default: Debian's fluid-soundfont-gm]",
)
@click.option("--seconds", type=float, default=60.0, show_default=True, help="Longer performances are cut there.")
def groove_command(source: Path, destination: Path, soundfont: Path | None, seconds: float) -> None:
    """Groove MIDI, drums and their tempo: beats rendered with fluidsynth, folds by drummer."""
    from training.corpora import groove

    summary = groove.convert(source, destination, soundfont=soundfont or groove.SOUNDFONT, seconds=seconds)
    _written(destination, summary)
