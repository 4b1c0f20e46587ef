"""Many files at once: discover -> engine -> writers. The command line and your own scripts call the same functions."""
