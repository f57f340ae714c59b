// A few pictures of a source with a hole in each: what a method paints from, what it painted, and both as
// bytes. The hole of a picture depends on the placement, the seed and the picture's number alone, so every
// method paints the same holes, in whatever batches they come.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/device/context.h"
#include "train/data/picture_set.h"
#include "train/fill/method.h"
#include "train/holes/hole_placement.h"

namespace inpaint {

struct SkippedPicture {
  std::string name, reason;
};

class HoleBatch {
 public:
  // The source has to outlive the batch. UserError when its pictures are odd in size or too small to score:
  // below 14 pixels.
  HoleBatch(const PictureSet& source, int64_t capacity, HolePlacement placement, uint64_t seed);

  // Reads these pictures, at most the capacity, and cuts their holes. Those that cannot be read are left out
  // and returned.
  std::vector<SkippedPicture> load(const Context& ctx, std::span<const int64_t> numbers);

  // Lets the method paint. UserError naming the method and the picture when a value is not finite.
  void paint(const Context& ctx, const Method& method);

  // The pictures loaded, n of them: their numbers in the source, and their names.
  std::span<const int64_t> numbers() const { return numbers_; }
  std::string name(int64_t n) const { return source_.name(numbers_[static_cast<size_t>(n)]); }

  // What belongs to the pictures loaded, valid until the next load: images, masked, inpainted u8 [n, S, S,
  // C], hidden and fake u8 [n, H, H, C]; offsets i32 [n, 2].
  Tensor images() const { return first(images_); }
  Tensor offsets() const { return first(offsets_); }
  Tensor masked_bytes(const Context& ctx) const;
  Tensor hidden() const { return first(hidden_bytes_); }
  Tensor fake() const { return first(fake_bytes_); }            // of the last paint
  Tensor inpainted() const { return first(inpainted_bytes_); }  // of the last paint
  int64_t hole_size() const { return source_.image_size() / 2; }

 private:
  Tensor first(int id) const;

  const PictureSet& source_;
  int64_t capacity_;
  HolePlacement placement_;
  Philox random_;
  std::vector<int64_t> numbers_;
  Arena arena_;
  int images_, offsets_, masked_, hidden_, fake_, inpainted_;  // as the kernels make them
  int masked_bytes_, hidden_bytes_, fake_bytes_, inpainted_bytes_;
};

}  // namespace inpaint
