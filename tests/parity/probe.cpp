// Lets the parity scripts call library functions that no program shows by itself. Arrays travel as raw files,
// row-major, little-endian.
//
//   parity_probe decode PICTURE OUT      OUT: u8 [height, width, channels]; prints the three
//   parity_probe safetensors IN OUT      every tensor and the metadata of IN, read and written again
//   parity_probe quality N SIZE CHANNELS A B [MASK]
//                                        A, B: u8 [N, SIZE, SIZE, CHANNELS], MASK: u8 [N, SIZE, SIZE];
//                                        prints per picture its absolute error, squared error, PSNR ("-":
//                                        perfect) and SSIM; with a mask all over the missing pixels, and then
//                                        the gradient energy of A
//   parity_probe harmonic N SIZE CHANNELS MASK PICTURES OUT
//                                        u8 [N, SIZE, SIZE], f64 [N, SIZE, SIZE, CHANNELS]; OUT: PICTURES
//                                        with the missing pixels filled
//   parity_probe holes N SIZE SEED FIRST FORM OUT
//                                        OUT: u8 [N, SIZE, SIZE], the masks of a training run's pictures
//                                        FIRST, FIRST + 1, ... with the default areas
//   parity_probe network CHECKPOINT N HEIGHT WIDTH X OUT
//                                        X: f32 [N, HEIGHT, WIDTH, channels] that the generator reads; OUT:
//                                        what it makes of them, f32
//   parity_probe paint CHECKPOINT N HEIGHT WIDTH PICTURES MASK OUT
//                                        a whole-picture model; u8 [N, HEIGHT, WIDTH, channels] and
//                                        [N, HEIGHT, WIDTH]; OUT: the painted pictures, u8
//   parity_probe features NETWORK N SIZE CHANNELS PICTURES OUT
//                                        a feature network; PICTURES: u8 [N, SIZE, SIZE, CHANNELS]; OUT: f64,
//                                        picture by picture its pooled features, then the unit vectors of
//                                        each compared layer
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "core/device/copy.h"
#include "core/file/safetensors.h"
#include "core/image/image_codec.h"
#include "kernels/fill/harmonic_fill.h"
#include "kernels/picture/gradient_energy.h"
#include "kernels/picture/image_quality.h"
#include "kernels/picture/to_bytes.h"
#include "train/checkpoint/trained_generator.h"
#include "train/features/feature_network.h"
#include "train/holes/hole_form.h"
#include "train/model/residual_painter.h"

namespace inpaint {
namespace {

Buffer read_raw(const std::string& path, const Shape& shape, DType dtype) {
  Buffer buffer(shape.elements() * size_of(dtype));
  std::ifstream file(path, std::ios::binary);
  file.read(static_cast<char*>(buffer.data()), buffer.bytes());
  if (file.gcount() != buffer.bytes() || file.peek() != std::ifstream::traits_type::eof())
    user_error("{}: expected {} bytes", path, buffer.bytes());
  return buffer;
}

void write_raw(const std::string& path, const void* data, int64_t bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(static_cast<const char*>(data), bytes);
  file.close();
  if (!file) user_error("{}: not written", path);
}

void decode(const std::string& picture, const std::string& out) {
  const Image image = decode_image(picture);
  write_raw(out, image.bytes.data(), static_cast<int64_t>(image.bytes.size()));
  fmt::print("{} {} {}\n", image.height, image.width, image.channels);
}

Tensor tensor_for(const SafetensorsEntry& entry, const Buffer& buffer) {
  for (const DType dtype : {DType::kU8, DType::kI32, DType::kF32, DType::kF64}) {
    if (entry.dtype != safetensors_dtype(dtype)) continue;
    const std::vector<int64_t>& d = entry.shape;
    switch (d.size()) {
      case 0:
        return buffer.tensor({}, dtype);
      case 1:
        return buffer.tensor({d[0]}, dtype);
      case 2:
        return buffer.tensor({d[0], d[1]}, dtype);
      case 3:
        return buffer.tensor({d[0], d[1], d[2]}, dtype);
      case 4:
        return buffer.tensor({d[0], d[1], d[2], d[3]}, dtype);
    }
  }
  user_error("tensor {}: type {} of rank {} has no place in this program", entry.name, entry.dtype,
             entry.shape.size());
}

void copy_safetensors(const std::string& in, const std::string& out) {
  const SafetensorsFile file(in, SafetensorsFile::Checksum::kIfPresent);
  std::vector<Buffer> buffers;
  std::vector<NamedTensor> tensors;
  for (const SafetensorsEntry& entry : file.tensors()) {
    buffers.emplace_back(entry.bytes());
    tensors.push_back({entry.name, tensor_for(entry, buffers.back())});
    file.read(entry.name, tensors.back().tensor);
  }
  save_safetensors(out, tensors, file.metadata());
}

void quality(const Shape& shape, const std::vector<std::string>& files) {
  const int64_t n = shape[0];
  Context ctx(1);
  ctx.reserve_workspace(ssim_workspace_bytes(ctx, shape));
  const Buffer first = read_raw(files[0], shape, DType::kU8), second = read_raw(files[1], shape, DType::kU8);
  const Tensor a = first.tensor(shape, DType::kU8), b = second.tensor(shape, DType::kU8);
  const Shape mask_shape{n, shape[1], shape[2]};
  Buffer mask_bytes;
  Tensor mask;
  if (files.size() == 3) {
    mask_bytes = read_raw(files[2], mask_shape, DType::kU8);
    mask = mask_bytes.tensor(mask_shape, DType::kU8);
  }
  const Buffer figures(4 * n * size_of(DType::kF64));
  const auto figure = [&](int64_t i) { return figures.tensor({n}, DType::kF64, i * 8 * n); };
  const Tensor absolute = figure(0), squared = figure(1), similarity = figure(2), energy = figure(3);
  byte_errors(ctx, a, b, mask, absolute, squared);
  ssim(ctx, a, b, mask, similarity);
  if (mask.data != nullptr) gradient_energy(ctx, a, mask, energy);
  for (int64_t i = 0; i < n; ++i) {
    int64_t pixels = shape[1] * shape[2];
    if (mask.data != nullptr) {
      const uint8_t* begin = mask.as<uint8_t>() + i * pixels;
      pixels -= std::count(begin, begin + pixels, 0);
    }
    const double error = squared.as<double>()[i];
    const auto decibel = psnr(error, static_cast<double>(pixels * shape[3]));
    fmt::print("{} {} {} {}{}\n", absolute.as<double>()[i], error,
               decibel ? fmt::format("{}", *decibel) : "-", similarity.as<double>()[i],
               mask.data == nullptr ? "" : fmt::format(" {}", energy.as<double>()[i]));
  }
}

void harmonic(const Shape& shape, const std::string& mask, const std::string& pictures,
              const std::string& out) {
  const Shape mask_shape{shape[0], shape[1], shape[2]};
  const Buffer missing = read_raw(mask, mask_shape, DType::kU8),
               values = read_raw(pictures, shape, DType::kF64);
  Context ctx(1);
  ctx.reserve_workspace(harmonic_fill_workspace_bytes(ctx, shape, DType::kF64));
  harmonic_fill(ctx, missing.tensor(mask_shape, DType::kU8), values.tensor(shape, DType::kF64));
  write_raw(out, values.data(), values.bytes());
}

void holes(const Shape& shape, uint64_t seed, uint64_t first, const std::string& form,
           const std::string& out) {
  const auto names = names_of(HoleForm{});
  const auto named = std::find(names.begin(), names.end(), form);
  if (named == names.end()) user_error("{}: no form of holes", form);
  const Buffer bytes(shape.elements());
  draw_holes({.form = static_cast<HoleForm>(named - names.begin())}, Philox(seed, RandomStream::kHoleOffsets),
             first, bytes.tensor(shape, DType::kU8));
  write_raw(out, bytes.data(), bytes.bytes());
}

// extents: N, height and width.
void network(const std::string& checkpoint, const Shape& extents, const std::string& in,
             const std::string& out) {
  Context ctx(1);
  const TrainedGenerator generator = load_trained_generator(ctx, checkpoint);
  const Shape shape{extents[0], extents[1], extents[2], generator.network.in_shape(1)[3]};
  const Buffer x = read_raw(in, shape, DType::kF32);
  Pass pass(ctx, generator.network, shape, DType::kF32, Pass::Keep::kOutputOnly);
  const Tensor y = generator.network.forward(ctx, generator.parameters, x.tensor(shape, DType::kF32),
                                             Statistics::kRunning, pass);
  write_raw(out, y.data, y.bytes());
}

void paint(const std::string& checkpoint, const Shape& extents, const std::string& pictures,
           const std::string& mask, const std::string& out) {
  Context ctx(1);
  const TrainedGenerator generator = load_trained_generator(ctx, checkpoint);
  const Shape shape{extents[0], extents[1], extents[2], generator.settings.image_channel};
  ResidualPainter painter(ctx, generator.network, shape, DType::kF32, Pass::Keep::kOutputOnly);
  copy_on_device(ctx, read_raw(pictures, shape, DType::kU8).tensor(shape, DType::kU8), painter.images());
  copy_on_device(ctx, read_raw(mask, extents, DType::kU8).tensor(extents, DType::kU8), painter.mask());
  painter.fill(ctx);
  painter.paint(ctx, generator.parameters);
  const Buffer bytes(shape.elements());
  to_bytes(ctx, painter.painted(), bytes.tensor(shape, DType::kU8));
  write_raw(out, bytes.data(), bytes.bytes());
}

void features(const std::string& file, const Shape& shape, const std::string& in, const std::string& out) {
  Context ctx(1);
  const FeatureNetwork network(ctx, file);
  const Buffer pictures = read_raw(in, shape, DType::kU8);
  const Shape one{1, shape[1], shape[2], shape[3]};
  std::vector<double> all;
  for (int64_t n = 0; n < shape[0]; ++n) {
    const PictureFeatures found = network.features(pictures.tensor(one, DType::kU8, n * one.elements()));
    all.insert(all.end(), found.pooled.begin(), found.pooled.end());
    for (const FeatureMap& map : found.compared) all.insert(all.end(), map.values.begin(), map.values.end());
  }
  write_raw(out, all.data(), static_cast<int64_t>(all.size() * sizeof(double)));
}

int64_t number(const std::string& text) { return std::strtoll(text.c_str(), nullptr, 10); }

void run(const std::vector<std::string>& words) {
  const std::string command = words.empty() ? "" : words[0];
  if (command == "decode" && words.size() == 3) return decode(words[1], words[2]);
  if (command == "safetensors" && words.size() == 3) return copy_safetensors(words[1], words[2]);
  const auto shape = [&] {
    return Shape{number(words[1]), number(words[2]), number(words[2]), number(words[3])};
  };
  if (command == "quality" && (words.size() == 6 || words.size() == 7))
    return quality(shape(), {words.begin() + 4, words.end()});
  if (command == "harmonic" && words.size() == 7) return harmonic(shape(), words[4], words[5], words[6]);
  if (command == "holes" && words.size() == 7) {
    const Shape masks{number(words[1]), number(words[2]), number(words[2])};
    return holes(masks, static_cast<uint64_t>(number(words[3])), static_cast<uint64_t>(number(words[4])),
                 words[5], words[6]);
  }
  const auto extents = [&] { return Shape{number(words[2]), number(words[3]), number(words[4])}; };
  if (command == "network" && words.size() == 7) return network(words[1], extents(), words[5], words[6]);
  if (command == "paint" && words.size() == 8)
    return paint(words[1], extents(), words[5], words[6], words[7]);
  if (command == "features" && words.size() == 7)
    return features(words[1], Shape{number(words[2]), number(words[3]), number(words[3]), number(words[4])},
                    words[5], words[6]);
  user_error(
      "usage: parity_probe decode | safetensors | quality | harmonic | holes | network | paint | features, "
      "see probe.cpp");
}

}  // namespace
}  // namespace inpaint

int main(int argc, char** argv) {
  try {
    inpaint::run({argv + 1, argv + argc});
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
}
