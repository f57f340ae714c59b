#include "train/score/hole_batch.h"

#include <algorithm>
#include <cmath>

#include "kernels/picture/image_quality.h"
#include "kernels/picture/to_bytes.h"

namespace inpaint {

HoleBatch::HoleBatch(const PictureSet& source, int64_t capacity, HoleSource holes)
    : source_(source), capacity_(capacity), holes_(std::move(holes)) {
  const int64_t size = source.image_size();
  if (size < kSsimWindow)
    user_error("image_size {}: pictures are compared in windows of {} pixels; give {} or more", size,
               kSsimWindow, kSsimWindow);
  if (holes_.squares && size % 2 != 0)
    user_error("image_size {}: square holes take half of it; give an even number, or holes of another form",
               size);
  const Shape pictures = source.shape(capacity);
  pictures_ = arena_.reserve(pictures, DType::kU8);
  mask_ = arena_.reserve({capacity, size, size}, DType::kU8);
  offsets_ = arena_.reserve({capacity, 2}, DType::kI32);
  inpainted_ = arena_.reserve(pictures, DType::kF32);
  inpainted_bytes_ = arena_.reserve(pictures, DType::kU8);
  masked_ = arena_.reserve(pictures, DType::kU8);
  arena_.allocate();
}

// The part of a tensor that the pictures loaded take up.
Tensor HoleBatch::first(int id) const {
  Tensor tensor = arena_.tensor(id);
  const auto n = static_cast<int64_t>(numbers_.size());
  const Shape& s = tensor.shape;
  tensor.shape = s.rank() == 2   ? Shape{n, s[1]}
                 : s.rank() == 3 ? Shape{n, s[1], s[2]}
                                 : Shape{n, s[1], s[2], s[3]};
  return tensor;
}

Holes HoleBatch::holes_of(int64_t n) const {
  const int64_t size = source_.image_size();
  Holes holes{
      {{1, size, size}, DType::kU8, Device::kCpu, arena_.tensor(mask_).as<uint8_t>() + n * size * size}, {}};
  if (holes_.squares)
    holes.offsets = {{1, 2}, DType::kI32, Device::kCpu, arena_.tensor(offsets_).as<int32_t>() + 2 * n};
  return holes;
}

std::vector<SkippedPicture> HoleBatch::load(const Context& ctx, std::span<const int64_t> numbers) {
  INPAINT_CHECK(static_cast<int64_t>(numbers.size()) <= capacity_, "{} pictures, room for {}", numbers.size(),
                capacity_);
  auto* pixels = arena_.tensor(pictures_).as<uint8_t>();
  const int64_t bytes = source_.shape(1).elements();
  std::vector<std::string> faults(numbers.size());
  ctx.parallel(static_cast<int64_t>(numbers.size()), [&](int64_t i, int) {
    faults[static_cast<size_t>(i)] = source_.read(numbers[static_cast<size_t>(i)], pixels + i * bytes);
  });
  // The readable ones move up to the unreadable ones' places.
  numbers_.clear();
  std::vector<SkippedPicture> skipped;
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (!faults[i].empty()) {
      skipped.push_back({source_.name(numbers[i]), faults[i]});
      continue;
    }
    if (numbers_.size() < i)
      std::copy_n(pixels + static_cast<int64_t>(i) * bytes, bytes,
                  pixels + static_cast<int64_t>(numbers_.size()) * bytes);
    numbers_.push_back(numbers[i]);
  }
  ctx.parallel(static_cast<int64_t>(numbers_.size()),
               [&](int64_t n, int) { holes_.draw(numbers_[static_cast<size_t>(n)], holes_of(n)); });
  return skipped;
}

Batch HoleBatch::batch() const {
  return {first(pictures_), {first(mask_), holes_.squares ? first(offsets_) : Tensor{}}};
}

void HoleBatch::paint(const Context& ctx, const Method& method) {
  method.paint(batch(), first(inpainted_));
  check_finite(method);
  to_bytes(ctx, first(inpainted_), inpainted());
  check_known(method);
}

void HoleBatch::check_finite(const Method& method) const {
  const Tensor painted = first(inpainted_);
  const float* values = painted.as<float>();
  for (int64_t i = 0; i < painted.elements(); ++i)
    if (!std::isfinite(values[i]))
      user_error("{} painted a value that is not finite ({}) into picture {}; its weights are no use",
                 method.name, values[i], name(i / source_.shape(1).elements()));
}

void HoleBatch::check_known(const Method& method) const {
  const Batch given = batch();
  const uint8_t *truth = given.pictures.as<uint8_t>(), *painted = inpainted().as<uint8_t>();
  const uint8_t* missing = given.holes.mask.as<uint8_t>();
  const int64_t channels = source_.image_channel(), pixels = source_.image_size() * source_.image_size();
  for (int64_t pixel = 0; pixel < given.holes.mask.elements();
       ++pixel, truth += channels, painted += channels)
    INPAINT_CHECK(missing[pixel] != 0 || std::equal(truth, truth + channels, painted),
                  "{} changed a known pixel of picture {}", method.name, name(pixel / pixels));
}

Tensor HoleBatch::masked() const {
  const Batch given = batch();
  const Tensor masked = first(masked_);
  const int64_t channels = source_.image_channel();
  constexpr uint8_t kGrey = 127;
  for (int64_t i = 0; i < masked.elements(); ++i)
    masked.as<uint8_t>()[i] =
        given.holes.mask.as<uint8_t>()[i / channels] != 0 ? kGrey : given.pictures.as<uint8_t>()[i];
  return masked;
}

}  // namespace inpaint
