"""Arrays as volumes: types, orders, fitting by hand, and headers that lie."""

import ast
import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from audiocnn.errors import (
    EmptyVisualError,
    NonFiniteVisualError,
    UndecodableVisualError,
    UnsupportedVisualError,
    VisualTooLargeError,
)
from audiocnn.limits import DecodeLimits
from audiocnn.media import open_media
from audiocnn.prediction import VolumeInfo
from audiocnn.spec import VolumeSpec
from audiocnn.visual.volume import fit_volume, open_volume, windows
from tests.visual_files import image_bytes, noise_picture, npy_bytes, npz_bytes

SHAPE = (4, 5, 6)


def read(source, limits=None, **fields):
    """The prepared volume, for a model of 4 x 5 x 6 voxels if nothing else is said."""
    with open_volume(source, spec(**fields), limits) as volume:
        return volume


def spec(**fields):
    return VolumeSpec(**{"depth": 4, "height": 5, "width": 6, "fit": "stretch", **fields})


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


class TestFormats:
    def test_npy(self):
        array = noise(*SHAPE)
        volume = read(npy_bytes(array))
        np.testing.assert_allclose(volume.voxels[0], array / 255, atol=1e-6)
        assert volume.voxels.dtype == np.float32
        assert volume.info == VolumeInfo(SHAPE, "uint8", "npy")
        assert volume.warnings == []

    @pytest.mark.parametrize("compressed", [True, False])
    def test_npz(self, compressed):
        array = noise(*SHAPE)
        for name in ("volume", "arr_0", "scan"):
            volume = read(npz_bytes(compressed=compressed, **{name: array}))
            np.testing.assert_allclose(volume.voxels[0], array / 255, atol=1e-6)
            assert volume.info.format == "npz"

    def test_of_several_arrays_the_one_called_volume(self):
        array = noise(*SHAPE)
        volume = read(npz_bytes(label=np.array([1]), volume=array, spacing=np.ones(3)))
        np.testing.assert_allclose(volume.voxels[0], array / 255, atol=1e-6)

    def test_several_arrays_without_that_name(self):
        with pytest.raises(UnsupportedVisualError, match="has 2: images, labels; save the volume alone"):
            read(npz_bytes(images=noise(*SHAPE), labels=np.array([1])))

    @pytest.mark.parametrize("dtype", ["u1", "i1", "<i2", ">i2", "<u2", "<i4", ">u4", "<i8", "<f2", "<f4", ">f8"])
    def test_number_types(self, dtype):
        array = noise(*SHAPE, dtype=dtype)
        low, high = (0, 255) if dtype != "i1" else (-128, 127)
        volume = read(npy_bytes(array), low=low, high=high)
        np.testing.assert_allclose(volume.voxels[0], (array.astype(float) - low) / 255, atol=1e-6)

    def test_booleans(self):
        array = noise(*SHAPE) > 127
        np.testing.assert_array_equal(read(npy_bytes(array), low=0, high=1).voxels[0], array)

    def test_fortran_order(self):
        array = np.asfortranarray(noise(*SHAPE))
        np.testing.assert_allclose(read(npy_bytes(array)).voxels[0], array / 255, atol=1e-6)

    def test_version_2(self):
        file = io.BytesIO()
        np.lib.format.write_array(file, noise(*SHAPE), version=(2, 0))
        np.testing.assert_allclose(read(file.getvalue()).voxels[0], noise(*SHAPE) / 255, atol=1e-6)

    def test_from_a_path(self, tmp_path):
        np.save(tmp_path / "scan.npy", noise(*SHAPE))
        assert read(tmp_path / "scan.npy").info.shape == SHAPE


class TestChannels:
    def test_channels_come_first(self):
        array = noise(2, *SHAPE)
        np.testing.assert_allclose(read(npy_bytes(array), channels=2).voxels, array / 255, atol=1e-6)

    def test_one_channel_may_be_spelled_out(self):
        array = noise(1, *SHAPE)
        np.testing.assert_allclose(read(npy_bytes(array)).voxels, array / 255, atol=1e-6)

    @pytest.mark.parametrize("shape", [(), (6,), (5, 6), (2, 4, 5, 6), (1, 1, 4, 5, 6)])
    def test_other_axes_are_refused(self, shape):
        with pytest.raises(
            UnsupportedVisualError, match=r"expected an array of shape \(depth, height, width\), got \("
        ):
            read(npy_bytes(noise(*shape)))

    @pytest.mark.parametrize("shape", [SHAPE, (3, *SHAPE), (*SHAPE, 2)])
    def test_other_channels_are_refused(self, shape):
        with pytest.raises(UnsupportedVisualError, match=r"expected an array of shape \(2, depth, height, width\)"):
            read(npy_bytes(noise(*shape)), channels=2)


class TestFit:
    def test_values_are_clipped_before_they_are_averaged(self):
        """One voxel of metal counts as bright, not as a thousand bright ones."""
        array = np.zeros((2, 2, 2), np.float32)
        array[0, 0, 0] = 1e6
        voxels = fit_volume(array, spec(depth=1, height=1, width=1))
        assert voxels.ravel().tolist() == pytest.approx([1 / 8])

    def test_low_and_high_become_0_and_1(self):
        array = np.array([-2000, -1000, 0, 1000, 3000], np.int16).reshape(5, 1, 1)
        voxels = fit_volume(array, spec(depth=5, height=1, width=1, low=-1000.0, high=1000.0))
        assert voxels.ravel().tolist() == [0, 0, 0.5, 1, 1]

    def test_each_axis_is_reduced(self):
        """A ramp along one axis stays a ramp along that axis; by the triangle, two target voxels wide."""
        ramp = np.linspace(0, 255, 12)
        for axis in range(3):
            shape = [12 if i == axis else 4 for i in range(3)]
            array = np.broadcast_to(ramp.reshape([-1 if i == axis else 1 for i in range(3)]), shape)
            sizes = [6 if i == axis else 4 for i in range(3)]
            voxels = fit_volume(array, spec(depth=sizes[0], height=sizes[1], width=sizes[2]))[0]
            line = np.moveaxis(voxels, axis, 0)
            assert np.ptp(line, axis=(1, 2)).max() < 1e-5
            np.testing.assert_allclose(line[1:-1, 0, 0], ramp.reshape(6, 2).mean(axis=1)[1:-1] / 255, atol=1e-6)

    def test_crop_keeps_the_middle_at_its_proportions(self):
        array = noise(10, 6, 6)
        voxels = fit_volume(array, spec(depth=6, height=6, width=6, fit="crop"))
        np.testing.assert_allclose(voxels[0], array[2:8] / 255, atol=1e-6)

    def test_pad_frames_with_low(self):
        array = noise(6, 4, 6)
        voxels = fit_volume(array, spec(depth=6, height=6, width=6, fit="pad", low=-100.0, high=255.0))
        np.testing.assert_allclose(voxels[0, :, 1:5], (array + 100.0) / 355, atol=1e-6)
        assert not voxels[0, :, 0].any()
        assert not voxels[0, :, 5].any()

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_values_that_are_no_numbers_are_refused(self, value, dtype):
        array = np.zeros((3, 4, 5), dtype)
        array[2, 3, 4] = value
        with pytest.raises(NonFiniteVisualError, match="NaN or infinite"):
            read(npy_bytes(array))

    def test_huge_values_are_clipped_without_a_warning(self):
        array = np.array([-1.7e308, 1.7e308]).reshape(2, 1, 1)
        assert fit_volume(array, spec(depth=2, height=1, width=1)).ravel().tolist() == [0, 1]


class TestWindow:
    def test_the_window_is_the_normalised_voxels(self):
        volume = read(npy_bytes(noise(9, 9, 9)), mean=0.4, deviation=0.2)
        (window,), (cached,) = volume.windows(), windows(volume.voxels.copy(), volume.spec)
        assert window.values.dtype == np.float32
        np.testing.assert_allclose(window.values, (volume.voxels - 0.4) / 0.2, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(window.values, cached.values)
        assert window.segment is None

    def test_one_door(self):
        with open_media(npy_bytes(noise(9, 9, 9)), spec()) as volume:
            (window,) = volume.windows()
        assert window.values.shape == spec().shape


def npy_header(header):
    body = header.encode() + b" " * 20 + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(body)) + body


def described(shape, descr="'|u1'"):
    return npy_header(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}")


class TestRefused:
    def test_no_bytes(self):
        with pytest.raises(EmptyVisualError, match="expected a volume, got no bytes"):
            read(b"")

    def test_another_medium(self):
        with pytest.raises(
            UnsupportedVisualError, match="expected a volume, got a file of format png; send npy or npz"
        ):
            read(image_bytes(noise_picture(6, 8)))

    @pytest.mark.parametrize("shape", [(0, 4, 4), (4, 0, 4), (4, 4, 0)])
    def test_axes_of_length_0(self, shape):
        with pytest.raises(EmptyVisualError, match="every axis must have a length above 0"):
            read(npy_bytes(np.zeros(shape)))

    def test_an_archive_without_arrays(self):
        with pytest.raises(EmptyVisualError, match="holds no array"):
            read(npz_bytes())

    @pytest.mark.parametrize(
        "array",
        [
            np.zeros(SHAPE, complex),
            np.zeros(SHAPE, "U3"),
            np.zeros(SHAPE, "M8[s]"),
            np.zeros(SHAPE, [("a", "i4"), ("b", "f4")]),
        ],
        ids=["complex", "text", "dates", "records"],
    )
    def test_other_types(self, array):
        with pytest.raises(UnsupportedVisualError, match="expected an array of booleans, integers or floats"):
            read(npy_bytes(array))

    def test_pickled_objects_are_never_loaded(self):
        class Trap:
            def __reduce__(self):
                return (pytest.fail, ("the pickle was loaded",))

        for source in (npy_bytes(np.array([[[Trap()]]])), npz_bytes(volume=np.array([[[Trap()]]]))):
            with pytest.raises(UnsupportedVisualError, match="got object"):
                read(source)

    @pytest.mark.parametrize(
        "source",
        [
            b"\x93NUMPY",
            b"\x93NUMPY\x07\x00" + bytes(50),
            npy_header("{'descr': '|u1'}"),
            npy_header("__import__('os').abort()"),
            npy_header("[" * 5000),
            described("(-1, 4, 4)"),
            described("(4.5, 4, 4)"),
            described("(99999999999, 99999999999, 9999999999)"),
            described("(4, 4, 4)", "'|u99999999999'"),
            b"PK\x03\x04" + bytes(100),
        ],
    )
    def test_damaged_headers(self, source):
        with pytest.raises(UndecodableVisualError, match="damaged or cut short; save it again"):
            read(source)

    @pytest.mark.parametrize("source", [npy_bytes(noise(9, 9, 9)), npz_bytes(volume=noise(9, 9, 9))])
    def test_cut_short_anywhere(self, source):
        for cut in range(6, len(source), 13):
            with pytest.raises((UndecodableVisualError, EmptyVisualError)):
                read(source[:cut])

    @pytest.mark.parametrize("source", [npy_bytes(noise(4, 5, 6)), npz_bytes(volume=noise(4, 5, 6))])
    def test_a_mistake_of_the_interpreters_is_not_the_files(self, source, monkeypatch):
        """CPython 3.11 raises it now and then where several threads read headers at once."""
        mistakes = [SystemError("AST constructor recursion depth mismatch")] * 2
        parse = ast.literal_eval

        def sometimes(text):
            if mistakes:
                raise mistakes.pop()
            return parse(text)

        monkeypatch.setattr(ast, "literal_eval", sometimes)
        assert read(source).info.shape == (4, 5, 6)
        assert not mistakes

    def test_how_much_is_missing_is_said(self):
        with pytest.raises(UndecodableVisualError, match="its header promises 729 bytes, it holds 700"):
            read(npy_bytes(noise(9, 9, 9))[:-29])

    @pytest.mark.parametrize("compressed", [True, False])
    def test_a_flipped_bit_in_an_archive_is_noticed(self, compressed):
        data = bytearray(npz_bytes(compressed=compressed, volume=noise(9, 9, 9)))
        data[len(data) // 2] ^= 1
        with pytest.raises(UndecodableVisualError):
            read(bytes(data))

    @pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
    def test_other_compressions(self, method):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            archive.writestr("volume.npy", npy_bytes(noise(*SHAPE)))
        with pytest.raises(UnsupportedVisualError, match="stored or deflated"):
            read(file.getvalue())


class TestLimits:
    def test_decoded_bytes(self):
        with pytest.raises(VisualTooLargeError, match="at most 100 decoded bytes"):
            read(npy_bytes(noise(*SHAPE)), DecodeLimits(max_decoded_bytes=100))
        assert read(npy_bytes(noise(*SHAPE)), DecodeLimits(max_decoded_bytes=120)).info.shape == SHAPE

    @pytest.mark.parametrize("archive", [False, True])
    def test_a_header_that_promises_too_much_takes_no_memory(self, archive):
        """Refused before a gigabyte is asked for where there is a limit, and never filled where there is none."""
        source = described("(1024, 1024, 1024)") + bytes(5000)
        if archive:
            file = io.BytesIO()
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as members:
                members.writestr("volume.npy", source)
            source = file.getvalue()
        tracemalloc.start()
        with pytest.raises(VisualTooLargeError, match="at most 100000000 decoded bytes"):
            read(source, DecodeLimits(max_decoded_bytes=100_000_000))
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
        tracemalloc.stop()
        with pytest.raises(UndecodableVisualError, match="it holds 5000"):
            read(source)
