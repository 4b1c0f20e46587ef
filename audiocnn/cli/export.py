"""`audiocnn export`: the ONNX file that inference runs."""

from pathlib import Path

import click

from audiocnn.errors import MissingExtraError


@click.command(short_help="Write model.onnx for a trained model.")
@click.argument("directory", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
def export(directory: Path) -> None:
    """Write model.onnx beside the weights in DIR, the directory of a trained model, and check it against torch.

    Needs torch: pip install 'audiocnn[train]'.

    \b
    Example:
      audiocnn export runs/my-model/model
      audiocnn classify song.wav --model runs/my-model/model
    """
    try:
        from audiocnn.export import export_onnx
    except ImportError as error:
        raise MissingExtraError("export needs torch: pip install 'audiocnn[train]'") from error
    click.echo(f"wrote {export_onnx(directory)}")
