"""The training application: `python -m training train CONFIG.toml`, on a CPU or a GPU, alone or under `torchrun`."""
