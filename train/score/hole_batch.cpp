#include "train/score/hole_batch.h"

#include <algorithm>
#include <cmath>

#include "kernels/picture/hole.h"
#include "kernels/picture/image_quality.h"
#include "kernels/picture/to_bytes.h"

namespace inpaint {

HoleBatch::HoleBatch(const PictureSet& source, int64_t capacity, HolePlacement placement, uint64_t seed)
    : source_(source),
      capacity_(capacity),
      placement_(placement),
      random_(seed, RandomStream::kEvaluationHoles) {
  const int64_t size = source.image_size(), hole = hole_size();
  if (size % 2 != 0 || hole < kSsimWindow)
    user_error(
        "image_size {}: holes take half of it, and are compared in windows of {} pixels; give an even "
        "number from {} on",
        size, kSsimWindow, 2 * kSsimWindow);
  const Shape pictures = source.shape(capacity), holes{capacity, hole, hole, source.image_channel()};
  images_ = arena_.reserve(pictures, DType::kU8);
  offsets_ = arena_.reserve({capacity, 2}, DType::kI32);
  masked_ = arena_.reserve(pictures, DType::kF32);
  hidden_ = arena_.reserve(holes, DType::kF32);
  fake_ = arena_.reserve(holes, DType::kF32);
  inpainted_ = arena_.reserve(pictures, DType::kF32);
  masked_bytes_ = arena_.reserve(pictures, DType::kU8);
  hidden_bytes_ = arena_.reserve(holes, DType::kU8);
  fake_bytes_ = arena_.reserve(holes, DType::kU8);
  inpainted_bytes_ = arena_.reserve(pictures, DType::kU8);
  arena_.allocate();
}

// The part of a tensor that the pictures loaded take up.
Tensor HoleBatch::first(int id) const {
  Tensor tensor = arena_.tensor(id);
  const auto n = static_cast<int64_t>(numbers_.size());
  const Shape& s = tensor.shape;
  tensor.shape = s.rank() == 2 ? Shape{n, s[1]} : Shape{n, s[1], s[2], s[3]};
  return tensor;
}

std::vector<SkippedPicture> HoleBatch::load(const Context& ctx, std::span<const int64_t> numbers) {
  INPAINT_CHECK(static_cast<int64_t>(numbers.size()) <= capacity_, "{} pictures, room for {}", numbers.size(),
                capacity_);
  auto* pixels = arena_.tensor(images_).as<uint8_t>();
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
    Tensor offset = arena_.tensor(offsets_);
    offset.data = offset.as<int32_t>() + 2 * numbers_.size();
    offset.shape = {1, 2};
    place_holes(placement_, random_, static_cast<uint64_t>(numbers[i]), source_.image_size(), offset);
    numbers_.push_back(numbers[i]);
  }
  if (numbers_.empty()) return skipped;
  cut_hole(ctx, images(), offsets(), first(masked_), first(hidden_));
  to_bytes(ctx, first(hidden_), hidden());
  return skipped;
}

void HoleBatch::paint(const Context& ctx, const Method& method) {
  const Tensor painted = first(fake_);
  method.paint(first(masked_), offsets(), painted);
  const float* values = painted.as<float>();
  const int64_t hole_values = hole_size() * hole_size() * source_.image_channel();
  for (int64_t i = 0; i < painted.elements(); ++i)
    if (!std::isfinite(values[i]))
      user_error("{} painted a value that is not finite ({}) into picture {}; its weights are no use",
                 method.name, values[i], name(i / hole_values));
  to_bytes(ctx, painted, fake());
  paste_hole(ctx, first(masked_), painted, offsets(), first(inpainted_));
  to_bytes(ctx, first(inpainted_), inpainted());
}

Tensor HoleBatch::masked_bytes(const Context& ctx) const {
  to_bytes(ctx, first(masked_), first(masked_bytes_));
  return first(masked_bytes_);
}

}  // namespace inpaint
