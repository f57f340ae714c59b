"""Runs inpaint_train in a scratch folder and reads what it leaves."""
import json
from dataclasses import dataclass

import numpy as np

import safetensors_file
from comparison import Start
from oracle import NETWORKS, Settings, is_trainable, tensor_shapes
from report import check

DATA_NAME = "parity"


@dataclass
class Run:
    log: list        # one object per step
    tensors: dict    # of the last checkpoint
    metadata: dict
    checkpoint: object  # its path


def flag_text(value):
    return str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)


def settings_of(flags):
    return Settings(**{name: value for name, value in flags.items() if name in Settings.__dataclass_fields__})


class Trainer:
    """Runs that share a data set. Each run has folders of its own, unless `folder` names one again."""

    def __init__(self, programs, scratch, flags, pictures):
        self.programs, self.path = programs, scratch.path
        self.flags = {"dataname": DATA_NAME, "threads": 1, **flags}  # cases run side by side
        self.size = settings_of(flags).image_size
        data = self.path / "data"
        data.mkdir(exist_ok=True)
        np.ascontiguousarray(pictures).tofile(data / f"{DATA_NAME}{self.size}_train.bin")

    def place(self, folder, kind):
        return self.path / folder / kind / f"{DATA_NAME}{self.size}" / "gpu0"

    def run(self, folder, steps, resume="auto", device="cpu"):
        """Trains until `steps` steps are done. resume, device: as the flags."""
        flags = {**self.flags, "data_root": self.path / "data", "checkpoint_root": self.path / folder / "checkpoints",
                 "log_root": self.path / folder / "logs", "sample_root": self.path / folder / "samples",
                 "device": device, "max_steps": steps, "resume": resume, "log_offsets": True}
        (self.path / folder).mkdir(exist_ok=True)
        flags_file = self.path / folder / "run.cfg"
        flags_file.write_text("".join(f"{name}={flag_text(value)}\n" for name, value in flags.items()))
        self.programs.run("inpaint_train", "--flags-file", flags_file)
        checkpoint = self.place(folder, "checkpoints") / f"model-{steps}.safetensors"
        check(checkpoint.is_file(), f"no checkpoint {checkpoint.name} after {steps} steps")
        log = self.place(folder, "logs") / "train_log.jsonl"
        lines = log.read_text().splitlines() if log.is_file() else []
        return Run([json.loads(line) for line in lines], *safetensors_file.read(checkpoint), checkpoint)


def start_of(settings, run):
    """A checkpoint's state as the oracle takes it."""
    shapes = tensor_shapes(settings)
    for name, shape in shapes.items():
        check(name in run.tensors, f"{name} is missing in the checkpoint")
        check(run.tensors[name].shape == tuple(shape), f"{name}: shape {run.tensors[name].shape}, want {shape}")
    trainable = [name for name in shapes if is_trainable(name)]
    known = {*shapes, *(f"adam.{name}.{kind}" for name in trainable for kind in "mv"), "crc32c"}
    check(run.tensors.keys() == known, f"tensors nobody knows, or missing: {sorted(run.tensors.keys() ^ known)}")
    return Start({name: run.tensors[name] for name in shapes},
                 {name: run.tensors[f"adam.{name}.m"] for name in trainable},
                 {name: run.tensors[f"adam.{name}.v"] for name in trainable},
                 {network: int(run.metadata[f"state.{network}_updates"]) for network in NETWORKS})


def write_start(path, start, run):
    """A checkpoint file with another state and the metadata of `run`, to be resumed from."""
    tensors = {name: np.asarray(tensor, np.float32) for name, tensor in start.state.items()}
    for kind, moments in (("m", start.m), ("v", start.v)):
        tensors.update({f"adam.{name}.{kind}": np.asarray(moment, np.float32) for name, moment in moments.items()})
    counts = {f"state.{network}_updates": str(count) for network, count in start.updates.items()}
    safetensors_file.write(path, tensors, {**run.metadata, **counts})
