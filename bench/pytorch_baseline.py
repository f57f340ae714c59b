#!/usr/bin/env python3
"""Times the training step in PyTorch (peer_model.py, or peer_painter.py) and prints one JSON object.

First it can show that it computes the same: --checkpoint names what `inpaint_train --max_steps 0` wrote, --data the
data set of a run that went on from there with --log_offsets, and --log that run's train_log.jsonl. Every step of the log
is replayed and its losses compared; a difference beyond the precision's bound ends the program with exit code 1, and
nothing is timed.

    pytorch_baseline.py --batch_size 16 --precision bf16 --channels_last
    pytorch_baseline.py --model harmonic_unet --model_size base --image_size 128
    pytorch_baseline.py --checkpoint model-0.safetensors --data random128_train.bin --log train_log.jsonl

With --on_demand it prints "ready" after warming up, then runs a turn for each line it reads and answers with the
milliseconds of a step; the JSON object comes at the end of the input. A caller can so alternate it with another program.

A turn is --steps_per_turn steps. On a GPU each step copies its pictures from page-locked memory first, as the program
does, and a turn ends when the GPU has done all of it.
"""
import argparse
import contextlib
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch

from peer_model import FIGURES, Discriminator, Generator, Step, load_checkpoint
from peer_painter import PainterStep, painter

# Relative differences allowed in the replay. In fp64 every loss agrees to rounding. In the others rounding
# flips the signs of activations, and Adam's first updates, nearly learning rate times sign, make of it
# differences the adversarial losses show; the generator's loss is mostly reconstruction error, which they
# hardly move.
BOUNDS = {"fp64": 1e-10, "fp32": 5e-3, "tf32": 1e-2, "bf16": 5e-2}
COMPARED = {"fp64": FIGURES[:-1], **dict.fromkeys(("fp32", "tf32", "bf16"), FIGURES[:2])}


def parse_arguments():
    parser = argparse.ArgumentParser(description="Times the training step in PyTorch.")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=tuple(BOUNDS), default="fp32")
    parser.add_argument("--channels_last", action="store_true", help="activations as [N, rows, columns, channels]")
    parser.add_argument("--compile", choices=("off", "default", "max-autotune"), default="off",
                        help="torch.compile; on a GPU the whole step becomes one CUDA graph as well")
    parser.add_argument("--model", choices=("context_encoder", "harmonic_unet"), default="context_encoder")
    parser.add_argument("--model_size", choices=("small", "base", "large"), default="small", help="of harmonic_unet")
    parser.add_argument("--threads", type=int, default=0, help="0: as many as PyTorch takes by itself")
    parser.add_argument("--sharing", action="store_true", help="do work the step repeats once")
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--image_size", type=int, choices=(64, 128, 256), default=128)
    parser.add_argument("--image_channel", type=int, choices=(1, 3), default=3)
    parser.add_argument("--base_channels", type=int, default=64)
    parser.add_argument("--bottleneck", type=int, default=4000)
    parser.add_argument("--warm_up", type=int, default=2, help="turns before the first timed one")
    parser.add_argument("--rounds", type=int, default=5, help="timed turns")
    parser.add_argument("--steps_per_turn", type=int, default=1, help="steps that are timed together")
    parser.add_argument("--on_demand", action="store_true", help="run a turn for each line of the input")
    parser.add_argument("--seed", type=int, default=1, help="of the weights and pictures, where no files are given")
    parser.add_argument("--checkpoint", type=Path, help="weights to start from")
    parser.add_argument("--data", type=Path, help="the data set that was trained on")
    parser.add_argument("--log", type=Path, help="train_log.jsonl of the run to replay; needs --checkpoint and --data")
    arguments = parser.parse_args()
    if arguments.log and not (arguments.checkpoint and arguments.data):
        parser.error("--log needs --checkpoint and --data")
    if arguments.log and arguments.model != "context_encoder":
        parser.error("--log replays the context encoder's runs")
    if arguments.precision == "tf32" and arguments.device == "cpu":
        parser.error("--precision tf32 needs --device cuda")
    if arguments.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: this PyTorch finds no GPU")
    return arguments


class Peer:
    """Networks and steps for one set of options."""

    def __init__(self, options):
        self.options = options
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = options.precision == "tf32"
        torch.backends.cudnn.benchmark = True  # cuDNN's engines are chosen by measurement
        if options.threads:
            torch.set_num_threads(options.threads)

    def painter(self):
        torch.manual_seed(self.options.seed)
        memory_format = torch.channels_last if self.options.channels_last else torch.contiguous_format
        return painter(self.options).to(self.options.device).to(memory_format=memory_format)

    def networks(self):
        o = self.options
        torch.manual_seed(o.seed)
        real = torch.float64 if o.precision == "fp64" else torch.float32
        networks = [Generator(o.image_size, o.image_channel, o.base_channels, o.bottleneck).to(real),
                    Discriminator(o.image_size, o.image_channel, o.base_channels).to(real)]
        for network in networks:
            for parameter in network.parameters():
                if parameter.dim() > 1:
                    torch.nn.init.normal_(parameter, std=0.02)
        if o.checkpoint:
            from safetensors import safe_open
            with safe_open(o.checkpoint, "pt") as file:
                for name, network in zip(("generator", "discriminator"), networks):
                    load_checkpoint(network, name, file.get_tensor)
        memory_format = torch.channels_last if o.channels_last else torch.contiguous_format
        return [network.to(o.device).to(memory_format=memory_format) for network in networks]

    def autocast(self):
        if self.options.precision != "bf16":
            return contextlib.nullcontext()
        # Without a cache of cast weights: they change between the passes, and a CUDA graph may not hold one.
        return torch.autocast(self.options.device, dtype=torch.bfloat16, cache_enabled=False)

    def wrap(self, function):
        mode = self.options.compile
        if mode == "off":
            return function
        if mode == "max-autotune" and self.options.device == "cuda":
            mode = "max-autotune-no-cudagraphs"  # the graph is made of the whole step instead
        return torch.compile(function, mode=mode, dynamic=False)

    def step(self, capturable=False):
        if self.options.model == "harmonic_unet":
            return PainterStep(self.painter(), self.autocast, self.wrap, capturable)
        return Step(*self.networks(), self.autocast, self.wrap, self.options.sharing, capturable)

    def synchronize(self):
        if self.options.device == "cuda":
            torch.cuda.synchronize()

    def on_device(self, images, offsets):
        return [tensor.to(self.options.device) for tensor in self.on_host(images, offsets)]

    def on_host(self, images, offsets):
        pair = torch.from_numpy(images), torch.from_numpy(offsets).long()
        return [tensor.pin_memory() for tensor in pair] if self.options.device == "cuda" else pair


def replay(peer, log):
    """Compares a logged run with the same steps here; returns the largest relative difference of a loss."""
    options = peer.options
    size = (options.image_size, options.image_size, options.image_channel)
    pictures = np.fromfile(options.data, np.uint8).reshape(-1, *size)
    batches = len(pictures) // options.batch_size
    step, worst = peer.step(), 0.0
    for number, line in enumerate(log):
        first = number % batches * options.batch_size
        images, offsets = pictures[first:first + options.batch_size], np.array(line["offsets"])
        if len(offsets) != options.batch_size:
            sys.exit(f"error: {options.log} is of a run with --batch_size {len(offsets)}")
        got = dict(zip(FIGURES, step(*peer.on_device(images, offsets)).tolist()))
        for name in COMPARED[options.precision]:
            difference = abs(got[name] - line[name]) / abs(line[name])
            worst = max(worst, difference)
            if not difference <= BOUNDS[options.precision]:
                sys.exit(f"error: step {number + 1}: {name} is {got[name]:.9g} here and {line[name]:.9g} in the log; "
                         f"a relative difference of {BOUNDS[options.precision]:g} is allowed")
    return worst


def random_batch(options):
    """Random pixels: a processor may run zeros faster."""
    random = np.random.default_rng(options.seed)
    size = options.image_size
    images = random.integers(0, 256, (options.batch_size, size, size, options.image_channel), np.uint8)
    if options.model == "harmonic_unet":
        images = images.transpose(0, 3, 1, 2)  # as its modules take them; in memory the channels stay last
    return images, random.integers(0, size // 2 + 1, (options.batch_size, 2))


def captured(step, images, offsets, warm_up):
    """The step as one CUDA graph, called without arguments."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(max(warm_up, 3)):  # compiles, chooses engines, makes the optimizer's state
            step(images, offsets)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step(images, offsets)
    return graph.replay


def peak_memory_bytes(device):
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def forget_peak_memory(device):
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5")


def percentile(values, share):
    return float(np.percentile(values, share))


def main():
    options = parse_arguments()
    peer = Peer(options)
    worst = None
    if options.log:
        log = [json.loads(line) for line in options.log.read_text().splitlines()]
        if not log:
            sys.exit(f"error: {options.log} holds no step to compare with")
        worst = replay(peer, log)
        forget_peak_memory(options.device)

    graph = options.device == "cuda" and options.compile != "off"
    step = peer.step(capturable=graph)
    host = peer.on_host(*random_batch(options))
    batch = [tensor.to(options.device) for tensor in host]
    run = captured(step, *batch, options.warm_up) if graph else lambda: step(*batch)

    def timed_ms():
        start = time.perf_counter()
        for _ in range(options.steps_per_turn):
            if options.device == "cuda":
                for tensor, pinned in zip(batch, host):
                    tensor.copy_(pinned, non_blocking=True)
            run()
        peer.synchronize()
        return (time.perf_counter() - start) * 1e3 / options.steps_per_turn

    for _ in range(options.warm_up):
        timed_ms()

    times = []
    if options.on_demand:
        print("ready", flush=True)
        for _ in sys.stdin:
            times.append(timed_ms())
            print(f"{times[-1]:.3f}", flush=True)
    else:
        times = [timed_ms() for _ in range(options.rounds)]
    if not times:
        sys.exit("error: no step was asked for")

    median = statistics.median(times)
    print(json.dumps({
        "program": "pytorch", "version": torch.__version__, "device": options.device,
        "device_name": torch.cuda.get_device_name() if options.device == "cuda" else None,
        "precision": options.precision, "channels_last": options.channels_last, "compile": options.compile,
        "cuda_graph": graph, "sharing": options.sharing, "threads": torch.get_num_threads(),
        "model": options.model, "model_size": options.model_size,
        "batch_size": options.batch_size, "image_size": options.image_size, "image_channel": options.image_channel,
        "base_channels": options.base_channels, "bottleneck": options.bottleneck,
        "turns": len(times), "steps_per_turn": options.steps_per_turn, "step_ms": median, "step_ms_p10": percentile(times, 10),
        "step_ms_p90": percentile(times, 90), "images_per_second": options.batch_size / median * 1e3,
        "peak_memory_bytes": peak_memory_bytes(options.device), "largest_loss_difference": worst}))


if __name__ == "__main__":
    main()
