"""Every picture there is: of models, of what they make of files, and of how good they are. Each `draw_...` gives a
matplotlib figure in one style, for a PNG or for a page."""
