"""The lectures' cost example: what a layer costs, what the slide's times mean, and the benchmark that measures it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.lecture_workload import SLIDE, Row, Workload, _precision, duration, main, measure, table_row

ROOT = Path(__file__).parents[2]
CPU_TFLOPS, GPU_TFLOPS = 0.15, 12
SMALL = Workload(images=2, channels=4, size=8)


class TestCost:
    def test_one_layer_is_about_one_billion_multiply_adds_and_ten_are_ten(self):
        assert Workload(1).forward == 10 * (100 * 100 * 5 * 5 * 64 * 64) == 10_240_000_000

    def test_the_slides_times_are_the_forward_pass_with_a_multiply_add_counted_as_one(self):
        operations = 1_000_000 * Workload(1).forward
        assert operations == pytest.approx(10e15, rel=0.03)
        assert duration(10e15 / (CPU_TFLOPS * 1e12)) == "18.5 h"
        assert duration(10e15 / (GPU_TFLOPS * 1e12)) == "13.9 min"
        assert "18 h" in SLIDE
        assert "14 min" in SLIDE

    def test_forward_and_training_step_are_what_torch_counts(self):
        network = SMALL.network()
        images = torch.randn(SMALL.images, SMALL.channels, SMALL.size, SMALL.size)
        with FlopCounterMode(display=False) as counter:
            output = network(images)
        assert counter.get_total_flops() == 2 * SMALL.forward * SMALL.images
        with counter:
            output.sum().backward()
        backward = counter.get_total_flops()
        assert 2 * SMALL.step * SMALL.images == 2 * SMALL.forward * SMALL.images + backward

    def test_positions_stay_as_many_in_all_layers(self):
        assert SMALL.network()(torch.randn(1, 4, 8, 8)).shape == (1, 4, 8, 8)


class TestBenchmark:
    @pytest.mark.parametrize("precision", ["fp32", "bf16"])
    @pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
    def test_measures_on_the_cpu(self, precision, layout):
        row = measure(torch.device("cpu"), precision, layout, SMALL, matrix=64, rounds=1)
        assert (row.precision, row.layout) == (precision, layout)
        for images_s, share, operations in (
            (row.forward_images_s, row.forward_share, 2 * SMALL.forward),
            (row.step_images_s, row.step_share, 2 * SMALL.step),
        ):
            assert images_s > 0
            assert share * row.peak_tflops * 1e12 == pytest.approx(images_s * operations)  # in a single round

    @pytest.mark.gpu
    @pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    @pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
    def test_measures_on_a_gpu(self, precision):
        row = measure(torch.device("cuda"), precision, "NHWC", SMALL, matrix=64, rounds=1)
        assert min(row.forward_images_s, row.step_images_s, row.peak_tflops) > 0

    @pytest.mark.parametrize(
        ("precision", "matmul", "cudnn"),
        [("fp32", "highest", False), ("tf32", "high", True), ("bf16", "highest", False)],
    )
    def test_tf32_is_used_where_it_is_measured_and_nowhere_else(self, precision, matmul, cudnn):
        def settings():
            return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark

        before = settings()
        with _precision(torch.device("cuda"), precision):
            assert settings() == (matmul, cudnn, True)
        assert settings() == before

    def test_a_row_says_how_long_a_million_examples_take(self):
        row = Row("fp32", "NHWC", 10.0, 0.834, 4.0, 0.966, 0.123)
        assert table_row(row) == "| fp32 | NHWC | 0.123 | 10 | 83% | 4 | 97% | 27.8 h | 69.4 h |"

    @pytest.mark.parametrize(
        ("seconds", "text"), [(50, "50 s"), (89.9, "89.9 s"), (90, "1.5 min"), (840, "14 min"), (64_800, "18 h")]
    )
    def test_durations(self, seconds, text):
        assert duration(seconds) == text

    def test_the_command_prints_a_row_for_each_precision_and_layout(self):
        small = "--device cpu --threads 1 --channels 4 --size 8 --images 2 --matrix 64 --rounds 1"
        command = [sys.executable, "-W", "error", str(ROOT / "benchmarks/lecture_workload.py"), *small.split()]
        run = subprocess.run(command, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        rows = re.findall(r"^\| (fp32|bf16) \| (NCHW|NHWC) \|(?: \S+ \|){5} \S+ (?:s|min|h) \| \S+ (?:s|min|h) \|$",
                          run.stdout, re.M)  # fmt: skip
        assert rows == [("fp32", "NCHW"), ("fp32", "NHWC"), ("bf16", "NCHW"), ("bf16", "NHWC")]
        assert f"{SMALL.forward:,} multiply-adds an image forward" in run.stdout

    @pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
    def test_a_gpu_that_is_not_there_is_refused(self, capsys):
        with pytest.raises(SystemExit, match=r"^2$"):
            main(["--device", "cuda"])
        assert "torch finds no CUDA device here; leave out --device cuda" in capsys.readouterr().err
