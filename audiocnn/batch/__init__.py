"""Many files at once: discover -> engine -> formats. The command line and your own scripts call the same functions."""
