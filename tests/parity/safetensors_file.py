"""Reads and writes safetensors files with numpy alone; the parity test of the format itself is formats.py.

Layout: 8 bytes little-endian header length, the header (JSON: name -> dtype, shape, data_offsets; "__metadata__":
text to text), then the tensors' bytes. The program's own files end with a tensor "crc32c" (U8 [4]): the CRC-32C of
all bytes before it.
"""
import json
import struct

import numpy as np

DTYPES = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8"), "U8": np.dtype("u1"), "I32": np.dtype("<i4")}


def read(path):
    """Returns ({name: array}, {metadata key: text}). The arrays are copies the caller owns."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        body = file.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(body[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"]).copy()
    return tensors, metadata


def crc_table():
    """Remainders of one byte: polynomial 0x1EDC6F41, bits reversed."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(0x82F63B78), table >> 1).astype(np.uint32)
    return table


TABLE = crc_table()


def after_zeros(operator, crc):
    """A linear map of 32 bits, given by the images of the 256 values of each of the 4 bytes."""
    result = operator[0][crc & 255]
    for byte in (1, 2, 3):
        result = result ^ operator[byte][(crc >> np.uint32(8 * byte)) & 255]
    return result


def crc32c(data):
    """CRC-32C of bytes. The data is cut into equal lanes whose remainders are found side by side, then joined in pairs:
    a remainder followed by n bytes is first moved past n zero bytes, which is a linear map."""
    data = np.frombuffer(data, np.uint8)
    if len(data) < 4:
        crc = np.uint32(0xFFFFFFFF)
        for byte in data:
            crc = TABLE[(crc ^ byte) & 255] ^ (crc >> np.uint32(8))
        return int(crc) ^ 0xFFFFFFFF
    lanes = 1 << max(0, len(data).bit_length() // 2)
    length = -(-len(data) // lanes)
    padded = np.zeros(lanes * length, np.uint8)  # zeros in front change nothing while the remainder is 0
    padded[len(padded) - len(data):] = data
    padded[len(padded) - len(data):][:4] ^= 255  # the start value
    columns = np.ascontiguousarray(padded.reshape(lanes, length).T)
    crc = np.zeros(lanes, np.uint32)
    byte_values = np.arange(256, dtype=np.uint32)
    operator = np.stack([byte_values << np.uint32(8 * byte) for byte in range(4)])  # past 0 bytes
    for column in columns:
        crc = TABLE[(crc ^ column) & 255] ^ (crc >> np.uint32(8))
        operator = TABLE[operator & 255] ^ (operator >> np.uint32(8))
    while len(crc) > 1:
        crc = after_zeros(operator, crc[0::2]) ^ crc[1::2]
        operator = after_zeros(operator, operator)
    return int(crc[0]) ^ 0xFFFFFFFF


def write(path, tensors, metadata):
    """As the program does: larger element types first, the header padded to a multiple of 8, the checksum last."""
    names = {dtype: name for name, dtype in DTYPES.items()}
    ordered = dict(sorted(tensors.items(), key=lambda item: -item[1].itemsize))
    ordered["crc32c"] = np.zeros(4, np.uint8)
    header, offset = {"__metadata__": metadata}, 0
    for name, tensor in ordered.items():
        header[name] = {"dtype": names[tensor.dtype], "shape": list(tensor.shape),
                        "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    parts = [struct.pack("<Q", len(text)), text]
    parts += [np.ascontiguousarray(tensor).tobytes() for name, tensor in ordered.items() if name != "crc32c"]
    content = b"".join(parts)
    with open(path, "wb") as file:
        file.write(content)
        file.write(struct.pack("<I", crc32c(content)))
