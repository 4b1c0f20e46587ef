"""bfloat16 arithmetic: the weights stay float32, the numbers in between do not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from training.config import Config
from training.distributed import Process
from training.loop import train


@pytest.mark.parametrize(("precision", "expected"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_the_network_computes_in_the_precision_asked_for(
    data: Path, with_train: Callable[..., Config], tmp_path: Path, precision: str, expected: torch.dtype
) -> None:
    seen: set[torch.dtype] = set()
    hook = torch.nn.modules.module.register_module_forward_hook(
        lambda module, _, output: seen.add(output.dtype) if isinstance(module, torch.nn.Conv1d) else None
    )
    try:
        config = with_train(epochs=1, precision=precision)
        model = train(config, data, tmp_path / "run", tmp_path, Process(0, 1, torch.device("cpu")), None)
    finally:
        hook.remove()
    assert seen == {expected}
    assert {value.dtype for value in load_file(model / "model.safetensors").values()} <= {torch.float32, torch.int64}
