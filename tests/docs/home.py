"""The files that the documents speak of: ~/pictures, and in the working folder holiday.jpg, hole.png, scans/, ...

The pictures are procedural ones of inpaint_data. Python's zlib makes PNG files of them; the JPEG file has one colour
for each block of 8 x 8 pixels, which takes no cosine transform.
"""
import struct
import subprocess
import zlib

SIDE = 160
GREY, RGB = 0, 2


def make(built, home, work):
    """built: folder of the programs. Makes both folders."""
    for folder in (home / "pictures" / "garden", work / "scans", work / "masks"):
        folder.mkdir(parents=True)
    pictures = procedural(built, home, 40)
    for number, picture in enumerate(pictures):
        folder = home / "pictures" / "garden" if number % 4 == 0 else home / "pictures"
        (folder / f"{number:02}.png").write_bytes(png(SIDE, SIDE, RGB, picture))
    (home / "pictures" / "notes.txt").write_text("no picture\n")

    (work / "holiday.jpg").write_bytes(jpeg(1200, 800, pictures[0]))
    (work / "hole.png").write_bytes(mask(1200, 800, (500, 300, 60, 40)))
    (work / "a.jpg").write_bytes(jpeg(240, 160, pictures[1]))
    (work / "m.png").write_bytes(mask(240, 160, (100, 60, 30, 20)))
    (work / "a.png").write_bytes(png(SIDE, SIDE, RGB, pictures[2]))
    for number in range(3):
        (work / "scans" / f"{number}.png").write_bytes(png(SIDE, SIDE, RGB, pictures[number]))
        (work / "masks" / f"{number}.png").write_bytes(mask(SIDE, SIDE, (30 + 20 * number, 40, 30, 50)))


def procedural(built, home, count):
    """RGB pictures of SIDE x SIDE, as bytes."""
    subprocess.run([built / "inpaint_data", "generate", "--count", str(count), "--train_share", "1", "--dataname", "all",
                    "--data_root", home, "--image_size", str(SIDE), "--image_channel", "3"], check=True, capture_output=True)
    data = (home / f"all{SIDE}_train.bin").read_bytes()
    for made in home.glob("all*"):
        made.unlink()
    size = SIDE * SIDE * 3
    return [data[begin:begin + size] for begin in range(0, len(data), size)]


def png(width, height, kind, pixels):
    row = width * (3 if kind == RGB else 1)
    rows = b"".join(b"\0" + pixels[begin:begin + row] for begin in range(0, len(pixels), row))
    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def mask(width, height, box):
    """Black, with a white box (left, top, width, height)."""
    left, top, box_width, box_height = box
    rows = [bytearray(width) for _ in range(height)]
    for row in rows[top:top + box_height]:
        row[left:left + box_width] = b"\xff" * box_width
    return png(width, height, GREY, b"".join(rows))


def jpeg(width, height, picture):
    """Baseline JPEG, width and height multiples of 8: block (row, column) has the colour of that pixel of the picture.

    All quantizers are 8, so that a block's one coefficient is its value. Codes for the differences' lengths have 4 bits,
    the one code of the other coefficients, "all are 0", has 1.
    """
    bits, before = [], [0, 0, 0]
    for row in range(height // 8):
        for column in range(width // 8):
            at = 3 * (row % SIDE * SIDE + column % SIDE)
            for place, value in enumerate(luma_and_chroma(*picture[at:at + 3])):
                difference, before[place] = value - before[place], value
                length = abs(difference).bit_length()
                bits.append(f"{length:04b}")
                if length:
                    bits.append(f"{difference if difference > 0 else difference + (1 << length) - 1:0{length}b}")
                bits.append("0")
    stream = "".join(bits)
    stream += "1" * (-len(stream) % 8)
    data = int(stream, 2).to_bytes(len(stream) // 8, "big").replace(b"\xff", b"\xff\0")
    components = range(1, 4)
    return (b"\xff\xd8" + segment(0xDB, b"\0" + b"\x08" * 64)
            + segment(0xC0, struct.pack(">BHHB", 8, height, width, 3) + b"".join(bytes((c, 0x11, 0)) for c in components))
            + segment(0xC4, b"\0" + bytes([0, 0, 0, 12] + [0] * 12) + bytes(range(12)))
            + segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0")
            + segment(0xDA, b"\x03" + b"".join(bytes((c, 0)) for c in components) + b"\0\x3f\0") + data + b"\xff\xd9")


def segment(kind, data):
    return struct.pack(">BBH", 0xFF, kind, len(data) + 2) + data


def luma_and_chroma(red, green, blue):
    """JFIF's, less 128."""
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return [round(value) for value in (luma - 128, (blue - luma) / 1.772, (red - luma) / 1.402)]
