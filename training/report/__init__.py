"""One HTML page and a Markdown summary for a run: numbers as pure functions, plots, page, command."""
