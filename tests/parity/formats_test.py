"""Picture files against Pillow, safetensors files against the package of that name, both ways."""
import io

import numpy as np
import safetensors
import safetensors.numpy
from PIL import Image, ImageOps

import picture_files
import pictures
import safetensors_file
from programs import Scratch
from report import check

ORIENTATION = 0x112  # EXIF tag


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decoded_by_pillow(data):
    """[height, width, channels], upright; transparent parts over black."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    channels = "L" if image.mode in ("1", "L", "LA") else "RGB"
    if image.mode in ("LA", "RGBA") or "transparency" in image.info:
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image.convert("RGBA"))
    array = np.asarray(image.convert(channels))
    return array.reshape(*array.shape[:2], -1)


def decodes(programs, data, want, tolerance=0):
    with Scratch() as scratch:
        (scratch.path / "picture").write_bytes(data)
        words = programs.run("parity_probe", "decode", scratch.path / "picture", scratch.path / "out").split()
        got = scratch.get("out", np.uint8, tuple(map(int, words)))
    check(got.shape == want.shape, f"shape {got.shape}, want {want.shape}")
    deviation = int(np.abs(got.astype(int) - want).max())
    check(deviation <= tolerance, f"largest deviation {deviation} levels")
    return f"{got.shape[1]} x {got.shape[0]} x {got.shape[2]}, largest deviation {deviation}"


def png_files(rgb, grey):
    """name -> (file, what it decodes to, tolerance in levels)."""
    alpha = np.linspace(0, 255, grey.size).reshape(grey.shape).astype(np.uint8)
    hard = np.where(alpha > 128, 255, 0).astype(np.uint8)
    deep = np.random.default_rng(20).integers(0, 65536, rgb.shape, np.uint16)
    rounded = ((deep.astype(np.int64) * 255 + 32767) // 65535).astype(np.uint8)
    palette = Image.fromarray(rgb).quantize(200)
    own = {
        "16-bit RGB": (picture_files.png(deep), rounded, 0),
        "16-bit grey": (picture_files.png(deep[..., 0]), rounded[..., :1], 0),
        "interlaced RGB": (picture_files.png(rgb, True), rgb, 0),
        "interlaced grey": (picture_files.png(grey, True), grey[..., None], 0),
        "interlaced 16-bit RGB": (picture_files.png(deep, True), rounded, 0),
    }
    by_pillow = {
        "RGB": Image.fromarray(rgb), "grey": Image.fromarray(grey),
        "1-bit": Image.fromarray(grey > 128), "palette, 8 bits": palette,
        "palette, 4 bits": Image.fromarray(rgb).quantize(13), "palette, 2 bits": Image.fromarray(rgb).quantize(4),
        "RGB, alpha 0 or 255": Image.fromarray(np.dstack([rgb, hard])),
        "RGB, any alpha": Image.fromarray(np.dstack([rgb, alpha])),
        "grey, any alpha": Image.fromarray(np.dstack([grey, alpha]), "LA"),
        "one row": Image.fromarray(rgb[:1]), "one column": Image.fromarray(rgb[:, :1]),
    }
    for name, image in by_pillow.items():
        data = encoded(image, "PNG")
        own[name] = (data, decoded_by_pillow(data), 1 if "any alpha" in name else 0)  # rounding of c * alpha / 255
    data = encoded(palette, "PNG", transparency=7)
    own["palette, one entry transparent"] = (data, decoded_by_pillow(data), 0)
    return own


def jpeg_files(rgb, grey):
    """The same library decodes for Pillow, so every byte must agree."""
    image, files = Image.fromarray(rgb), {}
    for sampling, name in ((0, "4:4:4"), (1, "4:2:2"), (2, "4:2:0")):
        for quality in (30, 95):
            files[f"{name}, quality {quality}"] = encoded(image, "JPEG", subsampling=sampling, quality=quality)
    files["grey"] = encoded(Image.fromarray(grey), "JPEG", quality=80)
    files["progressive"] = encoded(image, "JPEG", progressive=True, quality=85)
    files["odd size"] = encoded(Image.fromarray(rgb[:33, :47]), "JPEG", quality=85)
    files["one pixel"] = encoded(Image.fromarray(rgb[:1, :1]), "JPEG", quality=85)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        files[f"orientation {orientation}"] = encoded(image, "JPEG", quality=90, exif=exif.tobytes())
    return {name: (data, decoded_by_pillow(data), 0) for name, data in files.items()}


def pnm_files(rgb, grey):
    files = {}
    for maximum in (255, 100, 65535):
        for array, name in ((rgb, "RGB"), (grey, "grey")):
            values = (array.astype(np.int64) * maximum) // 255
            want = ((2 * 255 * values + maximum) // (2 * maximum)).astype(np.uint8)  # rounded, halves up
            want = want.reshape(*array.shape[:2], -1)
            for text in (False, True):
                files[f"{name}, maximum {maximum}{', text' if text else ''}"] = (
                    picture_files.pnm(values, maximum, text), want, 0)
    return files


def reads_the_packages_file(programs):
    """A file of the package, read and written by the program, read again by the package and by the oracle's reader."""
    random = np.random.default_rng(21)
    tensors = {"a.weight": random.normal(size=(3, 2, 4, 4)).astype(np.float32), "b": random.normal(size=(5,)),
               "bytes": random.integers(0, 256, (7,), np.uint8), "count": random.integers(-9, 9, (2, 3), np.int32),
               "scalar": np.float32(2.5).reshape(()), "none": np.zeros((0, 4), np.float32)}
    metadata = {"step": "17", "note": "tab\tquote\" é ☃"}
    with Scratch() as scratch:
        first, second = scratch.path / "in.safetensors", scratch.path / "out.safetensors"
        safetensors.numpy.save_file(tensors, first, metadata)
        programs.run("parity_probe", "safetensors", first, second)
        with safetensors.safe_open(second, "np") as file:
            check(file.metadata() == metadata, f"metadata: {file.metadata()}")
            names = set(file.keys())
            check(names == {*tensors, "crc32c"}, f"names: {names}")
            for name, want in tensors.items():
                got = file.get_tensor(name)
                check(got.dtype == want.dtype and got.shape == want.shape and np.array_equal(got, want), name)
        own, own_metadata = safetensors_file.read(second)
        check(own_metadata == metadata and all(np.array_equal(own[n], t) for n, t in tensors.items()), "own reader")
        crc = safetensors_file.crc32c(second.read_bytes()[:-4])
        check(int(own["crc32c"].view("<u4")[0]) == crc, "CRC-32C differs from the definition")


def writes_for_both(programs):
    """A file of the oracle's writer, which replays start from: read by the package, accepted by the program."""
    tensors = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "d": np.arange(4, dtype=np.float64) / 3}
    with Scratch() as scratch:
        path, again = scratch.path / "in.safetensors", scratch.path / "out.safetensors"
        safetensors_file.write(path, tensors, {"step": "0"})
        by_package = safetensors.numpy.load_file(path)
        check(all(np.array_equal(by_package[name], tensor) for name, tensor in tensors.items()), "the package's values")
        programs.run("parity_probe", "safetensors", path, again)
        check(all(np.array_equal(safetensors_file.read(again)[0][n], t) for n, t in tensors.items()), "the program's")


def run(report, programs):
    rgb, grey = pictures.make(1, 40, 3, 22)[0], pictures.make(1, 40, 1, 23)[0, :, :, 0]
    for kind, files in (("PNG", png_files), ("JPEG", jpeg_files), ("PNM", pnm_files)):
        for name, (data, want, tolerance) in files(rgb[:, :36], grey[:, :36]).items():
            report.case(f"decode: {kind}: {name}", decodes, programs, data, want, tolerance)
    report.case("safetensors: the package's file", reads_the_packages_file, programs)
    report.case("safetensors: the oracle's file", writes_for_both, programs)
