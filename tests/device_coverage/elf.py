"""Reads what the report needs of an ELF file (64 bits, little-endian): sections and the symbols of functions."""
import struct
import zlib
from typing import NamedTuple

COMPRESSED, FUNCTION, FILE = 0x800, 2, 4


class Function(NamedTuple):
    begin: int
    end: int
    name: str  # mangled
    source: str  # the name of the file it is from, where no other file can see it; otherwise ""


def text(data, begin):
    return data[begin:data.index(b"\0", begin)].decode()


class Elf:
    def __init__(self, path):
        self.data = path.read_bytes()
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise ValueError(f"{path} is no ELF file of 64 bits")
        (offset,) = struct.unpack_from("<Q", self.data, 0x28)
        size, number, names = struct.unpack_from("<HHH", self.data, 0x3a)
        headers = [struct.unpack_from("<IIQQQQIIQQ", self.data, offset + k * size) for k in range(number)]
        name_begin = headers[names][4]
        self.sections = {text(self.data, name_begin + header[0]): header for header in headers}

    def section(self, name):
        if name not in self.sections:
            return b""
        _, _, flags, _, offset, size, *_ = self.sections[name]
        data = self.data[offset:offset + size]
        return zlib.decompress(data[24:]) if flags & COMPRESSED else data

    def functions(self):
        """In the order of their addresses, each address once."""
        names, found, source = self.section(".strtab"), {}, ""
        for name, info, _, index, value, size in struct.iter_unpack("<IBBHQQ", self.section(".symtab")):
            if info & 15 == FILE:
                source = text(names, name)
            elif info & 15 == FUNCTION and index != 0 and size > 0:
                function = Function(value, value + size, text(names, name), "" if info >> 4 else source)
                found.setdefault(value, function)
        return [found[begin] for begin in sorted(found)]
