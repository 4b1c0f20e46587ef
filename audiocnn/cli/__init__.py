"""The command `audiocnn`: one file for each of its commands."""
