"""`python -m audiocnn`: the same as the command `audiocnn`."""

from audiocnn.cli.main import main

main()
