"""The built programs: where they are, and how a case runs one in a folder of its own."""
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from report import Failure


class Programs:
    def __init__(self, folder):
        self.folder = Path(folder).resolve()

    def run(self, name, *arguments):
        """Standard output; a failure with both outputs when the program does not end with 0."""
        program = self.folder / name
        if not program.is_file():
            raise Failure(f"{program} is missing: build it first")
        done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"{name} {' '.join(map(str, arguments))}: exit code {done.returncode}\n"
                          f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout


class Scratch:
    """A temporary folder for raw arrays and other files of a case."""

    def __enter__(self):
        self.holder = tempfile.TemporaryDirectory(prefix="parity-")
        self.path = Path(self.holder.name)
        return self

    def __exit__(self, *error):
        self.holder.cleanup()

    def put(self, name, array):
        np.ascontiguousarray(array).tofile(self.path / name)
        return self.path / name

    def get(self, name, dtype, shape):
        return np.fromfile(self.path / name, dtype).reshape(shape)
