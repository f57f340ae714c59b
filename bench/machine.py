"""Describes the machine that figures were measured on."""
import os
import platform
import re
import subprocess
from pathlib import Path

# What decides how fast the matrix products can be.
FEATURES = ("avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "sve", "bf16")


def fields(path):
    pairs = (line.partition(":") for line in Path(path).read_text().splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def transparent_huge_pages():
    """None where the system does not say."""
    try:
        return Path("/sys/kernel/mm/transparent_hugepage/enabled").read_text().strip()
    except OSError:
        return None


def caches():
    """Size of each level as one core sees it."""
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        found[f"L{level} {kind.lower()}"] = size
    return found


def describe():
    cpu = fields("/proc/cpuinfo")
    memory = fields("/proc/meminfo")
    flags = cpu.get("flags", cpu.get("Features", "")).split()
    return {
        "cpu": cpu.get("model name", platform.machine()),
        "family_model_stepping": " ".join(cpu.get(key, "?") for key in ("cpu family", "model", "stepping")),
        "cores": len(os.sched_getaffinity(0)), "caches": caches(), "features": [f for f in FEATURES if f in flags],
        "memory_gib": round(int(memory["MemTotal"].split()[0]) / 2**20, 1),
        "transparent_huge_pages": transparent_huge_pages(),
    }


def slug(machine):
    """For a file name: the processor, and what tells two generations of one name apart."""
    family, model, _ = machine["family_model_stepping"].split()
    name = re.sub(r"[^a-z0-9]+", "-", machine["cpu"].lower()).strip("-")
    return f"{name}-{family}-{model}" if family != "?" else name


def commit(root):
    """Of the checkout; of programs that were carried here without one, what the file COMMIT says."""
    carried = Path(root) / "COMMIT"
    if carried.is_file():
        return carried.read_text().strip()
    done = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"],
                          capture_output=True, text=True)
    return done.stdout.strip() or "unknown"
