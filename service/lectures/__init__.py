"""The lectures' examples at work: the library's own blocks, as the graphs that `training.lectures.graphs` exports."""
