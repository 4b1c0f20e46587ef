"""A residual network for small inputs, over 1, 2 or 3 axes: digits, short clips of small frames, volumes.

Ours, of the basic blocks of He et al. 2016 (arXiv 1512.03385; see `audiocnn.models.resnet`), which at these sizes need
no stride of 32 and no 512 channels. With the arguments left alone, on 28 x 28 pixels:

    conv 24 k5      28 x 28
    max pool 2      14 x 14
    stage 1         14 x 14     (24, 24) x 2
    stage 2          7 x 7      (48, 48) x 2
    stage 3          4 x 4      (96, 96)
    mean and maximum over all positions, side by side: 192 features
    dropout, linear             227,314 weights for 10 classes

A block is conv k3, norm, ReLU, conv k3, norm, plus its input, ReLU. The first block of every stage but the first has
stride 2 on every axis and brings its input along by a 1x1 convolution with stride 2 and norm.
"""

from torch import Tensor, nn

from audiocnn.errors import ConfigError
from audiocnn.models.registry import register
from audiocnn.models.resnet import basic_block
from audiocnn.nn.blocks import ConvNormAct, GlobalPool, Pool
from audiocnn.nn.ndim import Ndim, Size


@register("small-resnet", ndim=2, any_ndim=True, axes=(28, 28))
class SmallResNet(nn.Module):
    """See the top of the file; takes input of any size.

    width: channels of the first convolution and stage; each further stage has twice as many.
    blocks: residual blocks in each stage. stem_kernel_size, stem_stride: of the first convolution, one number or one
    per axis. stem_pool: max pooling by 2 after it. dropout: share of the features dropped in training.
    motion: take the mean over the first axis away from the input. Of a video, what stands still vanishes, such as the
    background; of a single frame nothing is left.
    """

    def __init__(
        self,
        num_outputs: int,
        *,
        ndim: Ndim = 2,
        in_channels: int = 1,
        width: int = 24,
        blocks: tuple[int, ...] = (2, 2, 1),
        stem_kernel_size: Size = 5,
        stem_stride: Size = 1,
        stem_pool: bool = True,
        dropout: float = 0.0,
        motion: bool = False,
    ) -> None:
        super().__init__()
        for name, switch in (("stem_pool", stem_pool), ("motion", motion)):
            if type(switch) is not bool:
                raise ConfigError(f"{name} must be true or false, got {switch!r}")
        self._motion = motion
        if not blocks or min(blocks) < 1:
            raise ConfigError(f"blocks must name at least 1 block for each of 1 or more stages, got {blocks!r}")
        layers: list[nn.Module] = [ConvNormAct(ndim, in_channels, width, stem_kernel_size, stride=stem_stride)]
        if stem_pool:
            # With ceil_mode any input has an output, and an odd length keeps its last position.
            layers.append(Pool(ndim, "max", 2, ceil_mode=True))
        block = basic_block(ndim)
        channels = width
        for stage, count in enumerate(blocks):
            wider = width * 2**stage
            layers.append(block(channels, wider, 2 if stage else 1))
            layers += [block(wider, wider, 1) for _ in range(count - 1)]
            channels = wider
        self.features = nn.Sequential(*layers)
        self.pool = GlobalPool(ndim, "mean_max")
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * channels, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(batch, num_outputs)` of `(batch, in_channels, *axes)`."""
        if self._motion:
            x = x - x.mean(2, keepdim=True)
        logits: Tensor = self.head(self.dropout(self.pool(self.features(x))))
        return logits
