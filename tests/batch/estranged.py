"""`audiocnn classify` whose own model is another than that of its workers: `python -m tests.batch.estranged`."""

from audiocnn.batch.one_file import FileClassifier
from audiocnn.cli import main as command_line


def main() -> None:
    FileClassifier.fingerprint = property(lambda classify: b"another")  # type: ignore[assignment]
    command_line.main()


if __name__ == "__main__":
    main()
