// A few pictures of a source with holes in them, and what a method painted into the holes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/device/context.h"
#include "train/data/picture_set.h"
#include "train/fill/method.h"
#include "train/score/hole_source.h"

namespace inpaint {

struct SkippedPicture {
  std::string name, reason;
};

class HoleBatch {
 public:
  // The pictures' source has to outlive the batch. UserError when its pictures are too small to score, below
  // 7 pixels, or odd in size where the holes are squares of half the side.
  HoleBatch(const PictureSet& source, int64_t capacity, HoleSource holes);

  // Reads these pictures, at most the capacity, and draws their holes. Those that cannot be read are left out
  // and returned.
  std::vector<SkippedPicture> load(const Context& ctx, std::span<const int64_t> numbers);

  // Lets the method paint. UserError naming the method and the picture when a value is not finite; Error
  // when a known pixel is not the picture's.
  void paint(const Context& ctx, const Method& method);

  // The pictures loaded, n of them: their numbers in the source, and their names.
  std::span<const int64_t> numbers() const { return numbers_; }
  std::string name(int64_t n) const { return source_.name(numbers_[static_cast<size_t>(n)]); }

  // What belongs to the pictures loaded, valid until the next load.
  Batch batch() const;
  Tensor inpainted() const { return first(inpainted_bytes_); }  // u8 [n, S, S, C] of the last paint
  Tensor masked() const;  // u8 [n, S, S, C]: 127, mid grey, in the holes

 private:
  Tensor first(int id) const;
  Holes holes_of(int64_t n) const;
  void check_finite(const Method& method) const;
  void check_known(const Method& method) const;

  const PictureSet& source_;
  int64_t capacity_;
  HoleSource holes_;
  std::vector<int64_t> numbers_;
  Arena arena_;
  int pictures_, mask_, offsets_, inpainted_, inpainted_bytes_, masked_;
};

}  // namespace inpaint
