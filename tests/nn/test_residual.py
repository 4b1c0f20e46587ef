import pytest
import torch
from torch import nn

from audiocnn.errors import ConfigError
from audiocnn.nn.blocks import ConvNormAct
from audiocnn.nn.residual import Residual


@pytest.mark.parametrize("ndim", [1, 2, 3])
class TestResidual:
    def test_adds_the_branch_to_the_shortcut_before_the_activation(self, ndim):
        torch.manual_seed(0)
        branch = ConvNormAct(ndim, 2, 4, 3, stride=2, activation=None).eval()
        shortcut = ConvNormAct(ndim, 2, 4, 1, stride=2, activation=None).eval()
        x = torch.randn(1, 2, *(5,) * ndim)
        torch.testing.assert_close(Residual(branch, shortcut)(x), (branch(x) + shortcut(x)).relu())
        branch = ConvNormAct(ndim, 2, 2, 3, activation=None).eval()
        torch.testing.assert_close(Residual(branch, nn.Identity())(x), (branch(x) + x).relu())

    def test_refuses_shapes_that_torch_would_broadcast(self, ndim):
        x = torch.randn(1, 2, *(5,) * ndim)
        block = Residual(ConvNormAct(ndim, 2, 2, 3, stride=5, activation=None), nn.Identity()).eval()
        with pytest.raises(ConfigError, match=r"got shapes \(1, 2, 1.*\) and \(1, 2, 5.*; give both the same stride"):
            block(x)
