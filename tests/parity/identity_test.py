"""Short runs end with the same bits as on the day they were recorded (identity.json).

A change that should not change what is computed is held to this. A change that must change it records anew, with
`tests/parity/run.sh --record`, and says why in its commit. The bits depend on the compiler, on oneDNN, on the
processor's instructions and on the level of the CPU kernels, so the file has a list for each; on a machine it does not
know the cases report "skip".
"""
import hashlib
import json
import re
from pathlib import Path

import numpy as np

from programs import Scratch
from report import Failure, Skip, check
from trainer import Trainer, settings_of

RECORD = Path(__file__).parent / "identity.json"
INSTRUCTIONS = ("amx_bf16", "avx512_bf16", "avx512f", "avx2")  # the best of them names the machine

STEPS, BATCHES = 20, 3
SMALL = {"image_size": 64, "base_channels": 8, "bottleneck": 32, "batch_size": 8, "seed": 5}
MIDDLE = {**SMALL, "image_size": 128, "batch_size": 4}
WIDE = {**SMALL, "image_channel": 3, "base_channels": 32, "bottleneck": 200, "batch_size": 16}
TINY = {**SMALL, "image_channel": 3, "base_channels": 4, "bottleneck": 12, "batch_size": 4, "gene_iter": 2}
WHOLE = {"model": "harmonic_unet", "image_size": 64, "image_channel": 3, "batch_size": 2, "holes": "mixed", "warm_up": 5,
         "schedule_steps": STEPS, "seed": 5}
STEEP = {"lamb_rec": 2e3, "lamb_adv": 2e3, "weight_clip": True}  # some gradients lie beyond the clipping limit

RUNS = {
    "64, grey, L2, plain, fp32": SMALL,
    "64, grey, L1, clipped, fp32": {**SMALL, **STEEP, "use_l1": True},
    "64, RGB, L1, plain, fp32": {**SMALL, "image_channel": 3, "use_l1": True},
    "64, RGB, L2, clipped, fp32": {**SMALL, **STEEP, "image_channel": 3},
    "128, grey, L1, plain, fp32": {**MIDDLE, "use_l1": True},
    "128, grey, L2, clipped, fp32": {**MIDDLE, **STEEP},
    "128, RGB, L2, plain, fp32": {**MIDDLE, "image_channel": 3},
    "128, RGB, L1, clipped, fp32": {**MIDDLE, **STEEP, "image_channel": 3, "use_l1": True},
    "64, grey, L2, plain, fp64": {**SMALL, "precision": "fp64"},
    "64, RGB, L2, clipped, bf16": {**SMALL, **STEEP, "image_channel": 3, "precision": "bf16"},
    "128, grey, L1, plain, bf16": {**MIDDLE, "use_l1": True, "precision": "bf16"},
    "64, RGB, L2, plain, wide, fp32": WIDE,
    "64, RGB, L2, plain, wide, bf16": {**WIDE, "precision": "bf16"},
    "64, RGB, L2, plain, wide, nothing shared, fp32": {**WIDE, "reuse": False},
    "64, RGB, whole picture, fp32": {**WHOLE, "precision": "fp32"},
    "64, RGB, whole picture, bf16": {**WHOLE, "precision": "bf16"},
}
CUDA_RUNS = {
    "64, RGB, L2, plain, fp32, CUDA": {**TINY, "precision": "fp32"},
    "64, RGB, L1, clipped, bf16, CUDA": {**TINY, **STEEP, "use_l1": True, "precision": "bf16"},
}
ON_TWO_THREADS = ("64, RGB, L1, plain, fp32", "128, RGB, L2, plain, fp32", "64, RGB, L2, plain, wide, fp32",
                  "64, RGB, L2, plain, wide, bf16", "64, RGB, whole picture, fp32", "64, RGB, whole picture, bf16")


def machine(programs):
    """What the bits depend on; None where the processor's instructions are not known."""
    flags = Path("/proc/cpuinfo").read_text().split()
    instructions = next((name for name in INSTRUCTIONS if name in flags), None)
    version = programs.run("inpaint_train", "--version")
    compiler = re.search(r"^compiler +(.*)$", version, re.MULTILINE)[1]
    level = re.search(r"^processor +(\S+)", version, re.MULTILINE)[1].replace("native", "for the processor it was compiled on")
    product_library = re.search(r"oneDNN [\d.]+|$", version)[0] or "Eigen"
    return instructions and f"{instructions}, {compiler}, {level}, {product_library}"


def noise(flags):
    """Pictures that no library's version changes."""
    settings = settings_of(flags)
    shape = (BATCHES * settings.batch_size, settings.image_size, settings.image_size, settings.image_channel)
    return np.frombuffer(hashlib.shake_256(b"identity").digest(int(np.prod(shape))), np.uint8).reshape(shape)


def digest_of(tensors):
    result = hashlib.sha256()
    for name in sorted(tensors.keys() - {"crc32c"}):  # which also covers the metadata
        tensor = tensors[name]
        result.update(f"{name} {tensor.dtype} {tensor.shape}".encode())
        result.update(np.ascontiguousarray(tensor).tobytes())
    return result.hexdigest()


def digest(programs, flags, steps, device, threads):
    with Scratch() as scratch:
        trainer = Trainer(programs, scratch, {**flags, "threads": threads}, noise(flags))
        return digest_of(trainer.run("run", steps, device=device).tensors)


def cases():
    """name -> (key in the record, arguments of digest)."""
    found = {f"{name}, 1 thread": (name, (RUNS[name], STEPS, "cpu", 1)) for name in RUNS}
    found.update({f"{name}, 2 threads": (name, (RUNS[name], STEPS, "cpu", 2)) for name in ON_TWO_THREADS})
    found.update({f"{name}": (name, (CUDA_RUNS[name], STEPS, "cuda", 1)) for name in CUDA_RUNS})
    return found


def compare(programs, key, arguments):
    here = machine(programs)
    recorded = json.loads(RECORD.read_text()).get(here)
    if recorded is None:
        raise Skip(f"nothing recorded for {here}")
    check(key in recorded, f"nothing recorded for {key}")
    try:
        got = digest(programs, *arguments)
    except Failure as failure:
        raise Skip("built without CUDA") if "was built without CUDA" in str(failure) else failure
    check(got == recorded[key], f"other bits than recorded: {got[:12]}, not {recorded[key][:12]}")


def record(programs):
    here = machine(programs)
    known = json.loads(RECORD.read_text()) if RECORD.is_file() else {}
    known[here] = {key: digest(programs, *arguments) for key, arguments in cases().values()}
    RECORD.write_text(json.dumps(known, indent=1) + "\n")
    print(f"{len(known[here])} runs recorded for {here}")


def run(report, programs):
    for name, (key, arguments) in cases().items():
        report.case(f"identity: {name}", compare, programs, key, arguments)
