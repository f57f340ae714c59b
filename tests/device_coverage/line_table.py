"""Reads DWARF 5 line tables (.debug_line): where each piece of code comes from in the sources."""
import os
from typing import NamedTuple

DATA_OF_FORMS = {0x0b: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1e: 16}  # data1, data2, data4, data8, data16
UDATA, LINE_STRP, STRING = 0x0f, 0x1f, 0x08
PATH, DIRECTORY = 1, 2


class Place(NamedTuple):
    file: str  # as the compiler was given it, its folder before it
    line: int
    column: int


class Row(NamedTuple):
    address: int
    place: Place  # None: here the code of a section ends


class Reader:
    def __init__(self, data, strings):
        self.data, self.strings, self.at = data, strings, 0

    def number(self, size):
        self.at += size
        return int.from_bytes(self.data[self.at - size:self.at], "little")

    def leb(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def signed_leb(self):
        begin = self.at
        value = self.leb()
        bits = 7 * (self.at - begin)
        return value - (1 << bits) if value >> (bits - 1) else value

    def form(self, form):
        if form == LINE_STRP:
            begin = self.number(4)
            return self.strings[begin:self.strings.index(b"\0", begin)].decode()
        if form == STRING:
            begin, self.at = self.at, self.data.index(b"\0", self.at) + 1
            return self.data[begin:self.at - 1].decode()
        return self.leb() if form == UDATA else self.number(DATA_OF_FORMS[form])

    def entries(self):
        """The table of directories, or of files."""
        forms = [(self.leb(), self.leb()) for _ in range(self.number(1))]
        return [{content: self.form(form) for content, form in forms} for _ in range(self.leb())]


def unit(reader, end):
    """The rows of one unit, and its source. The reader is behind the unit's length."""
    version = reader.number(2)
    if version != 5:
        raise ValueError(f"a line table of DWARF {version}, not 5")
    reader.at += 2  # sizes of addresses and segments
    program = reader.number(4) + reader.at
    reader.at += 3  # one byte is the smallest instruction, one operation in each; is_stmt is not looked at
    line_base = reader.number(1) - 256
    line_range, opcode_base = reader.number(1), reader.number(1)
    operands = [0] + [reader.number(1) for _ in range(opcode_base - 1)]
    folders = [entry[PATH] for entry in reader.entries()]
    files = [os.path.join(folders[entry.get(DIRECTORY, 0)], entry[PATH]) for entry in reader.entries()]
    reader.at = program

    rows, places = [], {}
    address, file, line, column = 0, 1, 1, 0
    while reader.at < end:
        opcode = reader.number(1)
        if opcode >= opcode_base:
            step = opcode - opcode_base
            address += step // line_range
            line += line_base + step % line_range
        elif opcode == 0:  # extended
            length = reader.leb()
            begin = reader.at
            kind = reader.number(1)
            if kind == 1:  # the end of a sequence
                rows.append(Row(address, None))
                address, file, line, column = 0, 1, 1, 0
            elif kind == 2:
                address = reader.number(length - 1)
            reader.at = begin + length
            continue
        elif opcode == 2:
            address += reader.leb()
            continue
        elif opcode == 3:
            line += reader.signed_leb()
            continue
        elif opcode == 4:
            file = reader.leb()
            continue
        elif opcode == 5:
            column = reader.leb()
            continue
        elif opcode == 8:
            address += (255 - opcode_base) // line_range
            continue
        elif opcode == 9:
            address += reader.number(2)
            continue
        elif opcode != 1:
            for _ in range(operands[opcode]):
                reader.leb()
            continue
        key = (file, line, column)
        if key not in places:
            places[key] = Place(files[file], line, column)
        rows.append(Row(address, places[key]))
    return files[0], rows


def line_tables(elf):
    """(source, rows) of each unit of a program."""
    reader = Reader(elf.section(".debug_line"), elf.section(".debug_line_str"))
    while reader.at < len(reader.data):
        end = reader.number(4) + reader.at
        yield unit(reader, end)
        reader.at = end
