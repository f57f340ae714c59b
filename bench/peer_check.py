"""Shows that bench_train's program and the PyTorch peer compute the same before they are timed.

Both start from the weights `inpaint_train --max_steps 0` writes and run the same batches; pytorch_baseline.py compares
the losses. In fp64, with a small network, every loss of two steps must agree to 1e-10: that proves the step. In the
precision that is timed, with the network that is timed, the generator's loss must agree within rounding grown by the
step's five updates.
"""
import json
import random
import subprocess
import tempfile
from pathlib import Path

SMALL = {"base_channels": 8, "bottleneck": 64, "batch_size": 4}
FULL = {"base_channels": 64, "bottleneck": 4000, "batch_size": 4}


def run(command, environment=None):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise SystemExit(f"error: {' '.join(map(str, command))} ended with exit code {done.returncode}\n"
                         f"{done.stdout[-1000:]}{done.stderr[-2000:]}")
    return done.stdout


def replay(program, peer, precision, network, steps, environment):
    """The largest relative difference of a loss; an exit when one is beyond the precision's bound.
    program: inpaint_train; peer: the command of pytorch_baseline.py with its settings; precision: the peer's."""
    with tempfile.TemporaryDirectory(prefix="inpaint-check-") as folder:
        folder = Path(folder)
        pictures = random.Random(7).randbytes(steps * network["batch_size"] * 128 * 128 * 3)
        (folder / "data").mkdir()
        data = folder / "data/check128_train.bin"
        data.write_bytes(pictures)
        flags = {"dataname": "check", "image_channel": 3, "device": "cpu", "log_offsets": "true", "keep": 2,
                 "precision": "fp64" if precision == "fp64" else "fp32", "data_root": folder / "data",
                 "checkpoint_root": folder, "log_root": folder, "sample_root": folder, **network}
        settings = folder / "run.cfg"
        settings.write_text("".join(f"{name}={value}\n" for name, value in flags.items()))
        for step in (0, steps):
            run([program, "--flags-file", settings, "--max_steps", step])
        place = folder / "check128/gpu0"
        options = [part for name, value in network.items() for part in (f"--{name}", value)]
        out = run([*peer, "--precision", precision, *options, "--checkpoint", place / "model-0.safetensors",
                   "--data", data, "--log", place / "train_log.jsonl", "--warm_up", 0, "--rounds", 1], environment)
        return json.loads(out.splitlines()[-1])["largest_loss_difference"]


def check(program, peer, precision, settings, environment):
    """peer: the command of pytorch_baseline.py; settings: options it is timed with. Returns what was found."""
    return {"fp64, small network, 2 steps": replay(program, peer, "fp64", SMALL, 2, environment),
            f"{precision}, full network, 1 step": replay(program, [*peer, *settings], precision, FULL, 1, environment)}
