"""Demonstrations from the lectures that need training; docs/lectures.md tells what each shows and how to run it."""
