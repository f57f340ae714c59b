// Lets the parity scripts call library functions that no program shows by itself. Arrays travel as raw files,
// row-major, little-endian.
//
//   parity_probe decode PICTURE OUT                  OUT: u8 [height, width, channels]; prints the three
//   parity_probe safetensors IN OUT                  every tensor and the metadata of IN, read and written
//   again parity_probe quality N SIZE CHANNELS A B         A, B: u8 [N, SIZE, SIZE, CHANNELS]; prints per
//   picture its
//                                                    absolute error, squared error, PSNR ("-": perfect), SSIM
//   parity_probe harmonic N SIZE CHANNELS HOLE MASKED OFFSETS OUT
//                                                    f64 [N, SIZE, SIZE, CHANNELS], i32 [N, 2];
//                                                    OUT: f64 [N, HOLE, HOLE, CHANNELS]
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "core/file/safetensors.h"
#include "core/image/image_codec.h"
#include "kernels/picture/image_quality.h"
#include "train/fill/harmonic_fill.h"

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

void quality(const Shape& shape, const std::string& first, const std::string& second) {
  const int64_t n = shape[0];
  Context ctx(1);
  ctx.reserve_workspace(ssim_workspace_bytes(ctx, shape));
  const Buffer a = read_raw(first, shape, DType::kU8), b = read_raw(second, shape, DType::kU8);
  const Buffer figures(3 * n * size_of(DType::kF64));
  const Tensor absolute = figures.tensor({n}, DType::kF64), squared = figures.tensor({n}, DType::kF64, 8 * n),
               similarity = figures.tensor({n}, DType::kF64, 16 * n);
  byte_errors(ctx, a.tensor(shape, DType::kU8), b.tensor(shape, DType::kU8), absolute, squared);
  ssim(ctx, a.tensor(shape, DType::kU8), b.tensor(shape, DType::kU8), similarity);
  for (int64_t i = 0; i < n; ++i) {
    const double error = squared.as<double>()[i];
    const auto decibel = psnr(error, static_cast<double>(shape.elements() / n));
    fmt::print("{} {} {} {}\n", absolute.as<double>()[i], error, decibel ? fmt::format("{}", *decibel) : "-",
               similarity.as<double>()[i]);
  }
}

void harmonic(const Shape& shape, int64_t hole, const std::string& masked, const std::string& offsets,
              const std::string& out) {
  const Shape offsets_shape{shape[0], 2}, holes_shape{shape[0], hole, hole, shape[3]};
  const Buffer pictures = read_raw(masked, shape, DType::kF64);
  const Buffer places = read_raw(offsets, offsets_shape, DType::kI32);
  const Buffer holes(holes_shape.elements() * size_of(DType::kF64));
  const Context ctx(1);
  HarmonicFill(hole).fill(ctx, pictures.tensor(shape, DType::kF64), places.tensor(offsets_shape, DType::kI32),
                          holes.tensor(holes_shape, DType::kF64));
  write_raw(out, holes.data(), holes.bytes());
}

int64_t number(const std::string& text) { return std::strtoll(text.c_str(), nullptr, 10); }

void run(const std::vector<std::string>& words) {
  const std::string command = words.empty() ? "" : words[0];
  if (command == "decode" && words.size() == 3) return decode(words[1], words[2]);
  if (command == "safetensors" && words.size() == 3) return copy_safetensors(words[1], words[2]);
  const auto shape = [&] {
    return Shape{number(words[1]), number(words[2]), number(words[2]), number(words[3])};
  };
  if (command == "quality" && words.size() == 6) return quality(shape(), words[4], words[5]);
  if (command == "harmonic" && words.size() == 8)
    return harmonic(shape(), number(words[4]), words[5], words[6], words[7]);
  user_error("usage: parity_probe decode | safetensors | quality | harmonic, see probe.cpp");
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
