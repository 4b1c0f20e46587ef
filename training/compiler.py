"""`torch.compile`, or a clear error where it cannot work."""

from typing import cast

import torch
from torch import nn

from audiocnn.errors import ConfigError


def compiled(network: nn.Module, device: torch.device) -> nn.Module:
    """A wrapper that compiles `network` when it is first called, and shares its weights.

    Raises `ConfigError` at once where nothing can be compiled for `device`: torch itself says so only in the first
    step, in many lines.
    """
    try:
        torch.compile(torch.sin)(torch.zeros(4, device=device))
    except Exception as error:  # of the compiler's many kinds, and those of the programs it starts
        reason = str(error).strip().splitlines()[0]
        needs = "a C++ compiler" if device.type == "cpu" else "Triton and a C compiler"
        raise ConfigError(
            f"train.compile = true needs {needs} that torch can use, and torch says: {reason}; "
            "install it or set train.compile = false"
        ) from error
    return cast(nn.Module, torch.compile(network))
