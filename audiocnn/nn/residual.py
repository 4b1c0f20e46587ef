"""The residual block of He et al. 2016: whatever its branch computes is added to what came in."""

from torch import Tensor, nn

from audiocnn.errors import ConfigError


class Residual(nn.Module):
    """`relu(branch(x) + shortcut(x))`.

    branch: ends without an activation of its own. shortcut: brings the input to the branch's shape; `nn.Identity()`
    where they have the same. Raises `ConfigError` in `forward` if the two shapes differ.
    """

    def __init__(self, branch: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        change, kept = self.branch(x), self.shortcut(x)
        # An axis of length 1 would be repeated without a word.
        if change.shape != kept.shape:
            raise ConfigError(
                f"branch and shortcut of a residual block must agree, got shapes {tuple(change.shape)} and "
                f"{tuple(kept.shape)}; give both the same stride and number of channels"
            )
        out: Tensor = self.act(change + kept)
        return out
