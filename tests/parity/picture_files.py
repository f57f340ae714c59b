"""PNG files of kinds Pillow cannot write: 16-bit RGB and Adam7 interlacing."""
import struct
import zlib


GREY, RGB = 0, 2
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(array, interlaced=False):
    """array: uint8 or uint16 [height, width] (grey) or [height, width, 3]; filter 0 on every row."""
    height, width = array.shape[:2]
    depth = 8 * array.dtype.itemsize
    big_endian = array.astype(array.dtype.newbyteorder(">"))
    rows = b""
    for top, left, down, right in ADAM7 if interlaced else ((0, 0, 1, 1),):
        part = big_endian[top::down, left::right]
        if part.size:
            rows += b"".join(b"\0" + row.tobytes() for row in part)
    header = struct.pack(">IIBBBBB", width, height, depth, RGB if array.ndim == 3 else GREY, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


def pnm(array, maximum, text):
    """P2/P3 (text, with a comment) or P5/P6; array [height, width] or [height, width, 3] with values <= maximum."""
    height, width = array.shape[:2]
    kind = (2 if text else 5) + (array.ndim == 3)
    head = f"P{kind}\n# a comment\n{width} {height}\n{maximum}\n".encode()
    if text:
        return head + b"\n".join(b" ".join(b"%d" % v for v in row) for row in array.reshape(height, -1)) + b"\n"
    return head + array.astype(">u2" if maximum > 255 else "u1").tobytes()
