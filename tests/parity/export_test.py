"""inpaint_export: its ONNX models against what the programs paint, the modules of inpaint_torch against the networks, and
the way back. docs/export.md is run as it stands."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import laplace
import pictures
import safetensors_file
from oracle import Oracle
from programs import Scratch
from quality_test import holes
from report import check
from trainer import Trainer, settings_of

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools" / "python"))
import inpaint_torch  # noqa: E402 (from the line above)

# A high learning rate, so that after few steps a model paints something of its own.
WHOLE = {"model": "harmonic_unet", "image_size": 64, "batch_size": 4, "holes": "mixed", "warm_up": 0,
         "learning_rate": 0.01, "seed": 3}
SQUARE = {"model": "context_encoder", "image_size": 64, "base_channels": 8, "bottleneck": 40, "batch_size": 4,
          "learning_rate": 0.002, "seed": 5}
STEPS = 12


def trained(programs, scratch, flags, steps=STEPS):
    """The last checkpoint of a run."""
    data = pictures.make(8, flags["image_size"], flags["image_channel"], 71)
    return Trainer(programs, scratch, flags, data).run("run", steps).checkpoint


def exported(programs, checkpoint, path):
    """The file, which ONNX's checker has passed, shapes included."""
    programs.run("inpaint_export", "--checkpoint", checkpoint, "--onnx", path)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    check((model.ir_version, model.opset_import[0].version) == (8, 17), "IR version, opset")
    return model


def session_of(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # cases run side by side
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def paint(session, image, mask, outputs=("filled",)):
    """mask: [N, H, W], not 0 is missing."""
    given = {"image": image, "mask": np.where(mask != 0, 255, 0).astype(np.uint8)[..., None]}
    return session.run(list(outputs), given)


def compare(got, want, image, mask, what, most=0.03):
    """Within one grey level, and equal but for a small share; known pixels are the image's. Returns the share."""
    check(got.shape == image.shape and got.dtype == np.uint8, f"{what}: {got.dtype} {got.shape}")
    check(np.array_equal(got[mask == 0], image[mask == 0]), f"{what}: known pixels changed")
    off = np.abs(got.astype(int) - want)[mask != 0]
    share = np.count_nonzero(off) / max(off.size, 1)
    check(off.max(initial=0) <= 1, f"{what}: {off.max()} grey levels off")
    check(share <= most, f"{what}: {share:.1%} of the values differ")
    return share


def check_paints(session, image, mask, harmonic):
    """What the model adds to the harmonic fill can be seen: else these cases would compare two fills."""
    painted = paint(session, image, mask)[0].astype(int)
    moved = np.abs(painted - harmonic)[mask != 0].mean()
    check(moved > 1, f"the model paints the harmonic fill: {moved:.2f} grey levels beside it")


def harmonic_bytes(image, mask):
    filled = np.stack([laplace.fill(*pair) for pair in zip(image / 127.5 - 1, mask)])
    return (filled * 127.5 + 127.5).clip(0, 255).astype(np.uint8)


def free_holes(programs, scratch, count, height, width, seed):
    """A training run's mixed holes, cut to this size; each has a known and a missing pixel."""
    size = max(height, width, 16)
    programs.run("parity_probe", "holes", count, size, seed, 0, "mixed", scratch.path / "masks")
    masks = scratch.get("masks", np.uint8, (count, size, size))[:, :height, :width].copy()
    masks[:, -1, -1], masks[:, 0, 0] = 1, 0
    return masks


def rectangles(count, height, width, channels, seed):
    return np.ascontiguousarray(pictures.make(count, max(height, width), channels, seed)[:, :height, :width])


def whole_pictures(programs, flags):
    """Sizes that the levels divide: the program's own painting."""
    channels, shares = flags["image_channel"], []
    with Scratch() as scratch:
        checkpoint = trained(programs, scratch, {**WHOLE, **flags})
        session = session_of(exported(programs, checkpoint, scratch.path / "model.onnx"))
        names = [(given.name, given.type, given.shape) for given in session.get_inputs() + session.get_outputs()]
        sides = ["batch", "height", "width"]
        check(names == [("image", "tensor(uint8)", [*sides, channels]), ("mask", "tensor(uint8)", [*sides, 1]),
                        ("filled", "tensor(uint8)", [*sides, channels])], f"inputs and outputs: {names}")
        for count, height, width in ((3, 64, 64), (1, 64, 64), (2, 32, 112), (1, 160, 96)):
            image = rectangles(count, height, width, channels, height + count)
            mask = free_holes(programs, scratch, count, height, width, width)
            programs.run("parity_probe", "paint", checkpoint, count, height, width, scratch.put("image", image),
                         scratch.put("mask", mask), scratch.path / "out")
            want = scratch.get("out", np.uint8, image.shape)
            shares.append(compare(paint(session, image, mask)[0], want, image, mask, f"{count} x {height} x {width}"))
        check_paints(session, image, mask, harmonic_bytes(image, mask))
        hidden = np.where(mask[..., None] != 0, np.uint8(201), image)
        check(np.array_equal(paint(session, hidden, mask)[0][mask != 0], paint(session, image, mask)[0][mask != 0]),
              "what lies under the hole is read")
    return f"largest share of values that differ by 1: {max(shares):.2%}"


def mirrored(array, height, width):
    """[N, H, W, C] enlarged; end pixels are not repeated."""
    return np.pad(array, ((0, 0), (0, height - array.shape[1]), (0, width - array.shape[2]), (0, 0)), mode="reflect")


def any_size(programs, flags):
    """Sizes that the levels do not divide: a direct solution, mirrored, and PyTorch's network."""
    channels, shares = flags["image_channel"], []
    with Scratch() as scratch:
        checkpoint = trained(programs, scratch, {**WHOLE, **flags})
        session = session_of(exported(programs, checkpoint, scratch.path / "model.onnx"))
        generator, _ = inpaint_torch.load(checkpoint)
        for count, height, width in ((2, 61, 83), (1, 100, 47), (2, 5, 7), (1, 1, 9), (1, 17, 1)):
            image = rectangles(count, height, width, channels, height)
            mask = free_holes(programs, scratch, count, height, width, width)
            filled = np.stack([laplace.fill(*pair) for pair in zip(image / 127.5 - 1, mask)])
            x = np.concatenate([filled, (mask != 0)[..., None]], axis=3)
            step = generator.multiple
            x = mirrored(x, -(-height // step) * step, -(-width // step) * step).transpose(0, 3, 1, 2)
            with torch.no_grad():
                residual = generator(torch.from_numpy(np.ascontiguousarray(x)).float()).numpy()
            painted = filled + residual.transpose(0, 2, 3, 1)[:, :height, :width]
            want = np.where(mask[..., None] != 0, (painted * 127.5 + 127.5).clip(0, 255).astype(np.uint8), image)
            shares.append(compare(paint(session, image, mask)[0], want, image, mask, f"{count} x {height} x {width}"))
        nothing = np.zeros_like(mask)
        check(np.array_equal(paint(session, image, nothing)[0], image), "a picture without a hole changed")
    return f"largest share of values that differ by 1: {max(shares):.2%}"


def harmonic_fill(programs):
    """The graph's harmonic fill, an inner value of it, against a direct solution: as close as the header says, and after
    as few rounds of the loop as multigrid takes."""
    worst, most = {}, 0
    with Scratch() as scratch:
        checkpoint = trained(programs, scratch, {**WHOLE, "image_channel": 1}, steps=0)
        model = exported(programs, checkpoint, scratch.path / "model.onnx")
        (joined,) = [node for node in model.graph.node if node.op_type == "Concat" and len(node.input) == 2
                     and any(a.name == "axis" and a.i == 1 for a in node.attribute)]
        model.graph.output.append(onnx.helper.make_tensor_value_info(joined.input[0], onnx.TensorProto.FLOAT, None))
        (loop,) = [node for node in model.graph.node if node.op_type == "Loop"]
        (largest,) = [node.output[0] for node in loop.attribute[0].g.node if node.op_type == "ReduceMax"]
        loop.attribute[0].g.output.append(onnx.helper.make_tensor_value_info(largest, onnx.TensorProto.FLOAT, []))
        loop.output.append("corrections")  # the largest of every round
        model.graph.output.append(onnx.helper.make_tensor_value_info("corrections", onnx.TensorProto.FLOAT, None))
        session = session_of(model)
        for height, width in ((64, 64), (60, 75), (250, 250)):
            image = rectangles(5, height, width, 1, 9)
            masks = holes(5, max(height, width), 19)[:, :height, :width].copy()
            masks[0] = 1  # one known pixel
            masks[0, 0, 0] = 0
            masks[1, :, 2:] = 1  # the hole touches three sides
            masks[1, :, :2] = 0
            masks[4, -1, 0] = 1
            _, got, corrections = paint(session, image, masks, ("filled", joined.input[0], "corrections"))
            most = max(most, len(corrections))
            for name, mask, picture, fill in zip(("one known pixel", "three sides", "specks", "frame", "corner"), masks,
                                                 image / 127.5 - 1, got):
                off = float(np.abs(fill[0] - laplace.fill(picture, mask)[..., 0]).max())
                worst[name] = max(worst.get(name, 0.0), off)
        all_missing, filled = np.ones((1, 64, 64), np.uint8), np.full((1, 64, 64, 1), 127, np.uint8)
        check(np.array_equal(paint(session, image[:1, :64, :64], all_missing)[0], filled), "no known pixel: not mid grey")
    check(worst["one known pixel"] <= 1e-4, f"one known pixel: {worst['one known pixel']:.1e}")
    check(max(off for name, off in worst.items() if name != "one known pixel") <= 2e-5, f"{worst}")
    check(most <= 10, f"{most} rounds")
    return ", ".join(f"{name} {off:.0e}" for name, off in worst.items()) + f"; at most {most} rounds"


def picture_of(path):
    array = np.asarray(Image.open(path))
    return array.reshape(*array.shape[:2], -1)


def programs_paint(programs, flags, form):
    """What inpaint_eval saves and inpaint_fill writes, of pictures of the training size."""
    with Scratch() as scratch:
        checkpoint = trained(programs, scratch, flags)
        session = session_of(exported(programs, checkpoint, scratch.path / "model.onnx"))
        data = scratch.put("set.bin", pictures.make(9, 64, flags["image_channel"], 73))
        fills = scratch.path / "fills"
        programs.run("inpaint_eval", "--checkpoint", checkpoint, "--data", data, "--holes", form, "--batch_size", 4,
                     "--save_fills", fills, "--device", "cpu", "--threads", 1)
        names = sorted(path.name for path in (fills / "truth").iterdir())
        image, mask, want = (np.stack([picture_of(fills / folder / name) for name in names])
                             for folder in ("truth", "masks", "model"))
        mask = mask[..., 0]
        share = compare(paint(session, image, mask)[0], want, image, mask, "inpaint_eval")
        one = [paint(session, image[i:i + 1], mask[i:i + 1])[0] for i in range(len(image))]
        compare(np.concatenate(one), paint(session, image, mask)[0], image, mask, "one at a time")
        check_paints(session, image, mask, harmonic_bytes(image, mask))
        # A hole smaller than the square of a context encoder, near a side.
        small = np.zeros_like(mask[:1])
        small[0, 3:21, 30:52] = 255
        for holes_of in (mask[:1], small):
            paths = [scratch.path / name for name in ("a.png", "m.png", "out.png")]
            Image.fromarray(image[0].squeeze()).save(paths[0])
            Image.fromarray(holes_of[0]).save(paths[1])
            programs.run("inpaint_fill", paths[0], "--mask", paths[1], "--out", paths[2], "--finish", "none",
                         "--checkpoint", checkpoint, "--device", "cpu", "--threads", 1)
            # inpaint_fill adds what a context encoder paints to a fill that was rounded to bytes in between.
            compare(paint(session, image[:1], holes_of)[0], picture_of(paths[2])[None], image[:1], holes_of,
                    "inpaint_fill", most=1)
    return f"{len(names)} pictures, {share:.2%} of the values differ by 1"


def beyond_the_square(programs):
    """A context encoder leaves what it cannot reach as it was given, and does not look at it."""
    with Scratch() as scratch:
        checkpoint = trained(programs, scratch, {**SQUARE, "image_channel": 3}, steps=2)
        session = session_of(exported(programs, checkpoint, scratch.path / "model.onnx"))
        image, mask = rectangles(1, 64, 64, 3, 8), np.zeros((1, 64, 64), np.uint8)
        mask[0, 10:20, 2:60] = 255  # its box has its middle in column 31, row 15
        painted, square = paint(session, image, mask)[0], np.zeros_like(mask)
        square[0, 0:32, 15:47] = 1
        changed = (painted != image).any(axis=3)
        check(not changed[(mask == 0) | (square == 0)].any(), "pixels beyond the square changed")
        check(changed[(mask != 0) & (square != 0)].mean() > 0.9, "the hole in the square was not painted")
        image[mask != 0] = 7
        again = paint(session, image, mask)[0]
        check(np.array_equal(again[(mask != 0) & (square != 0)], painted[(mask != 0) & (square != 0)]),
              "what lies under the hole is read")


def forward_agrees(programs, scratch, checkpoint, generator, shape):
    """The program's own forward pass of random input [N, rows, columns, channels] against the module's."""
    x = np.random.default_rng(5).uniform(-1, 1, shape).astype(np.float32)
    programs.run("parity_probe", "network", checkpoint, *shape[:3], scratch.put("x", x), scratch.path / "y")
    with torch.no_grad():
        got = generator(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy().transpose(0, 2, 3, 1)
    want = scratch.get("y", np.float32, got.shape)
    off = float(np.abs(got - want).max())
    check(np.abs(want).max() > 1e-2, "the network's output is nothing")
    check(off <= 1e-5, f"generator: {off:.1e}")
    return f"generator {off:.0e}"


def made_in_torch(programs, size):
    """A network with PyTorch's initial values comes here."""
    torch.manual_seed(7)
    generator = inpaint_torch.HarmonicUnet(size, 3).eval()
    torch.nn.init.normal_(generator.last.weight, std=0.03)  # 0 at first
    with Scratch() as scratch:
        save_file(generator.state_dict(), scratch.path / "state.safetensors")
        programs.run("inpaint_export", "--from_torch", scratch.path / "state.safetensors", "--out", scratch.path / "made",
                     "--model=harmonic_unet", f"--model_size={size}", "--image_size=64", "--image_channel=3")
        return forward_agrees(programs, scratch, scratch.path / "made", generator, (2, 48, 80, 4))


def torch_agrees(programs, flags):
    """The modules of a trained model against the program's generator and the oracle's discriminator."""
    with Scratch() as scratch:
        checkpoint = trained(programs, scratch, flags)
        generator, discriminator = inpaint_torch.load(checkpoint)
        size = (48, 80) if flags["model"] == "harmonic_unet" else (64, 64)
        text = forward_agrees(programs, scratch, checkpoint, generator, (2, *size, generator.inputs))
        if discriminator is not None:
            oracle = Oracle(settings_of(flags), safetensors_file.read(checkpoint)[0])
            square = torch.from_numpy(np.random.default_rng(6).uniform(-1, 1, (3, 32, 32, flags["image_channel"])))
            logits = oracle.forward("discriminator", square, training=False).flatten()
            with torch.no_grad():
                off = float((discriminator(square.permute(0, 3, 1, 2).float()) - logits).abs().max())
            check(off <= 1e-5, f"discriminator: {off:.1e}")
            text += f", discriminator {off:.0e}"
    return text


def round_trip(programs, flags):
    """Checkpoint, module, file, checkpoint: the same bytes, and the programs go on from there."""
    with Scratch() as scratch:
        checkpoint = trained(programs, scratch, flags)
        networks = inpaint_torch.load(checkpoint)
        inpaint_torch.save(scratch.path / "tuned.safetensors", *networks)
        back = scratch.path / "run" / "back"
        programs.run("inpaint_export", "--from_torch", scratch.path / "tuned.safetensors", "--out", back)
        was, now = (safetensors_file.read(path)[0] for path in (checkpoint, back / "model-0.safetensors"))
        painting = {name.removeprefix("average."): tensor for name, tensor in was.items()
                    if name.startswith(("generator.", "discriminator.", "average."))}  # averages come last
        if flags["model"] == "harmonic_unet":
            painting.update({name.removeprefix("average."): was[name] for name in was if name.startswith("average.")})
            painting.update({f"average.{name}": tensor for name, tensor in list(painting.items())})
        for name, tensor in painting.items():
            check(np.array_equal(tensor.view(np.uint8), now[name].view(np.uint8)), f"{name} changed")
        rest = [name for name in now if name not in painting and name != "crc32c"]
        check(all(name.startswith("adam.") and not now[name].any() for name in rest), f"{rest[:3]}: not Adam's, or not 0")

        # The generator alone, its names without a prefix, and the flags on the command line.
        plain = scratch.path / "state.safetensors"
        save_file({name: tensor.contiguous() for name, tensor in networks[0].state_dict().items()}, plain)
        named = [f"--{name}={flags[name]}" for name in ("model", "image_size", "image_channel", "model_size",
                                                        "base_channels", "bottleneck") if name in flags]
        programs.run("inpaint_export", "--from_torch", plain, "--out", scratch.path / "plain", *named)
        again = safetensors_file.read(scratch.path / "plain" / "model-0.safetensors")[0]
        for name in now:
            if name.startswith(("generator.", "average.")):
                check(np.array_equal(again[name], now[name]), f"{name} of the state_dict changed")

        # Both paint alike, and training goes on.
        for path, folder in ((checkpoint, "one"), (back, "two")):
            programs.run("inpaint_eval", "--checkpoint", path, "--data", scratch.path / "data" / "parity64_train.bin",
                         "--limit", 3, "--save_fills", scratch.path / folder, "--device", "cpu", "--threads", 1)
        for path in (scratch.path / "one" / "model").iterdir():
            check(path.read_bytes() == (scratch.path / "two" / "model" / path.name).read_bytes(), "another fill")
        data = pictures.make(8, flags["image_size"], flags["image_channel"], 71)
        Trainer(programs, scratch, flags, data).run("on", 2, resume=back / "model-0.safetensors")
    return f"{len(painting)} tensors"


def documentation(programs):
    """The blocks of docs/export.md, in their order."""
    text = (ROOT / "docs" / "export.md").read_text()
    blocks = re.findall(r"^```(sh|python)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    check(len(blocks) >= 5, f"{len(blocks)} blocks")
    with Scratch() as scratch:
        checkpoint = trained(programs, scratch, {**WHOLE, "image_channel": 3}, steps=1)
        shutil.copytree(checkpoint.parent, scratch.path / "checkpoints" / "mine128" / "gpu0")
        Image.fromarray(rectangles(1, 70, 90, 3, 1)[0]).save(scratch.path / "photo.png")
        hole = np.zeros((70, 90), np.uint8)
        hole[20:40, 30:60] = 255
        Image.fromarray(hole).save(scratch.path / "hole.png")
        state = inpaint_torch.load(checkpoint)[0].state_dict()
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, scratch.path / "state.safetensors")
        environment = {**os.environ, "PATH": f"{programs.folder}:{os.environ['PATH']}",
                       "PYTHONPATH": str(ROOT / "tools" / "python")}
        for language, block in blocks:
            command = ["bash", "-euc", block] if language == "sh" else [sys.executable, "-c", block]
            done = subprocess.run(command, cwd=scratch.path, env=environment, capture_output=True, text=True)
            check(done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}")
        filled, given = picture_of(scratch.path / "filled.png"), picture_of(scratch.path / "photo.png")
        check(np.array_equal(filled[hole == 0], given[hole == 0]), "known pixels changed")
        check((filled != given).any(axis=2)[hole != 0].mean() > 0.5, "the hole was not painted")
        tuned = load_file(scratch.path / "checkpoints" / "tuned128" / "gpu0" / "model-0.safetensors")
        check(all(torch.equal(tensor, tuned[f"generator.{name}"]) for name, tensor in state.items()), "other weights")
    return f"{len(blocks)} blocks"


def run(report, programs):
    grey, colour = {"image_channel": 1}, {"image_channel": 3}
    for flags in (colour, {**grey, "model_size": "base"}):
        title = f"{flags.get('model_size', 'small')}, {flags['image_channel']} channels"
        report.case(f"export: harmonic_unet as ONNX: {title}", whole_pictures, programs, flags)
        report.case(f"export: harmonic_unet as ONNX, any size: {title}", any_size, programs, flags)
    report.case("export: harmonic fill in ONNX", harmonic_fill, programs)
    report.case("export: context_encoder as ONNX: beyond the square", beyond_the_square, programs)
    for flags, form in (({**WHOLE, **colour}, "mixed"), ({**SQUARE, **colour}, "square"), ({**SQUARE, **grey}, "square")):
        title = f"{flags['model']}, {flags['image_channel']} channels"
        report.case(f"export: ONNX and the programs: {title}", programs_paint, programs, flags, form)
        report.case(f"export: there and back: {title}", round_trip, programs, flags)
        report.case(f"export: PyTorch: {title}", torch_agrees, programs, flags)
    report.case("export: ONNX and the programs: a model trained in fp64", programs_paint, programs,
                {**WHOLE, **grey, "precision": "fp64"}, "mixed")
    for size in inpaint_torch.HarmonicUnet.LEVELS:
        report.case(f"export: made in PyTorch: harmonic_unet {size}", made_in_torch, programs, size)
    report.case("export: the documentation's commands", documentation, programs)
