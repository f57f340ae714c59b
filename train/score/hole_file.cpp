#include "train/score/hole_file.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "core/device/buffer.h"
#include "core/file/safetensors.h"

namespace inpaint {
namespace {

constexpr const char *kMask = "mask", *kOffsets = "offsets";

// Room for the holes of N pictures.
struct StoredHoles {
  StoredHoles(int64_t count, int64_t image_size, bool squares)
      : mask_buffer(count * image_size * image_size), offset_buffer(squares ? 8 * count : 0) {
    all.mask = mask_buffer.tensor({count, image_size, image_size}, DType::kU8);
    if (squares) all.offsets = offset_buffer.tensor({count, 2}, DType::kI32);
  }

  // The holes of one picture.
  Holes at(int64_t n) const {
    const int64_t size = all.mask.shape[1];
    Holes one{{{1, size, size}, DType::kU8, Device::kCpu, all.mask.as<uint8_t>() + n * size * size}, {}};
    if (all.offsets.data != nullptr)
      one.offsets = {{1, 2}, DType::kI32, Device::kCpu, all.offsets.as<int32_t>() + 2 * n};
    return one;
  }

  Buffer mask_buffer, offset_buffer;
  Holes all;
};

void check_masks(const std::filesystem::path& path, const StoredHoles& holes) {
  const Shape& s = holes.all.mask.shape;
  for (int64_t n = 0; n < s[0]; ++n) {
    const uint8_t *begin = holes.at(n).mask.as<uint8_t>(), *end = begin + s[1] * s[2];
    if (std::any_of(begin, end, [](uint8_t byte) { return byte > 1; }))
      user_error("{}: the mask of picture {} holds other values than 0 (known) and 1 (missing)",
                 path.string(), n);
    if (std::find(begin, end, 1) == end)
      user_error("{}: nothing is missing of picture {}; every mask needs a missing pixel", path.string(), n);
  }
}

// The squares that the offsets name have to be those of the masks.
void check_squares(const std::filesystem::path& path, const StoredHoles& holes) {
  const Shape& s = holes.all.mask.shape;
  std::vector<uint8_t> square(static_cast<size_t>(s[1] * s[2]));
  for (int64_t n = 0; n < s[0]; ++n) {
    const Holes one = holes.at(n);
    const int32_t* at = one.offsets.as<int32_t>();
    const bool inside = std::min(at[0], at[1]) >= 0 && std::max(at[0], at[1]) <= s[1] - s[1] / 2;
    if (inside) mark_squares(one.offsets, {one.mask.shape, DType::kU8, Device::kCpu, square.data()});
    if (!inside || std::memcmp(square.data(), one.mask.data, square.size()) != 0)
      user_error("{}: offsets and mask of picture {} are not the same square", path.string(), n);
  }
}

}  // namespace

void save_holes(const std::filesystem::path& path, const HoleSource& source, int64_t count,
                int64_t image_size) {
  const StoredHoles holes(count, image_size, source.squares);
  for (int64_t n = 0; n < count; ++n) source.draw(n, holes.at(n));
  std::vector<NamedTensor> tensors{{kMask, holes.all.mask}};
  if (source.squares) tensors.push_back({kOffsets, holes.all.offsets});
  save_safetensors(path, tensors, {});
}

HoleSource load_holes(const std::filesystem::path& path, int64_t count, int64_t image_size) {
  const SafetensorsFile file(path, SafetensorsFile::Checksum::kIfPresent);
  const SafetensorsEntry* mask = file.find(kMask);
  if (mask == nullptr)
    user_error("{}: no tensor `mask` here; give a file that --save_holes wrote", path.string());
  if (mask->shape.size() != 3 || mask->shape[1] != image_size || mask->shape[2] != image_size)
    user_error("{}: the masks are not of {} x {} pixels, as the pictures are", path.string(), image_size,
               image_size);
  if (mask->shape[0] < count)
    user_error("{}: {} masks for {} pictures; give --limit {}, or a file with more", path.string(),
               mask->shape[0], count, mask->shape[0]);
  const bool squares = file.find(kOffsets) != nullptr;
  const auto holes = std::make_shared<const StoredHoles>(mask->shape[0], image_size, squares);
  file.read(kMask, holes->all.mask);
  check_masks(path, *holes);
  if (squares) {
    file.read(kOffsets, holes->all.offsets);
    check_squares(path, *holes);
  }
  return {squares, [holes](int64_t number, const Holes& to) {
            const Holes from = holes->at(number);
            std::memcpy(to.mask.data, from.mask.data, static_cast<size_t>(from.mask.bytes()));
            if (from.offsets.data != nullptr)
              std::memcpy(to.offsets.data, from.offsets.data, static_cast<size_t>(from.offsets.bytes()));
          }};
}

}  // namespace inpaint
