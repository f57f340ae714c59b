#include "kernels/fill/patch_match_plan.h"

#include <algorithm>

namespace inpaint {
namespace {

constexpr int64_t kLeastMargin = 64;
constexpr int kLeastPartPatches = 4;  // in the part's shorter side at the coarsest level

// Hands out pieces of the workspace.
class Pieces {
 public:
  explicit Pieces(std::byte* begin) : begin_(begin) {}

  template <typename T>
  T* take(int64_t count) {
    constexpr int64_t kAlignment = 64;
    const int64_t at = used_;
    used_ += (count * static_cast<int64_t>(sizeof(T)) + kAlignment - 1) / kAlignment * kAlignment;
    return begin_ == nullptr ? nullptr : reinterpret_cast<T*>(begin_ + at);
  }
  int64_t used() const { return used_; }

 private:
  std::byte* begin_;
  int64_t used_ = 0;
};

// The box [begin, begin + length) of a line of `size` pixels, grown.
struct Line {
  int64_t begin, length;
  Line grown(int64_t by, int64_t size) const {
    const int64_t first = std::max<int64_t>(0, begin - by);
    return {first, std::min(size, begin + length + by) - first};
  }
};

PatchRectangle target_centres(const PatchLevel& level, int radius) {
  const PatchRectangle& m = level.missing;
  const auto range = [radius](int begin, int length, int size) {
    const int first = std::max(begin - radius, radius),
              last = std::min(begin + length - 1 + radius, size - 1 - radius);
    return std::pair{first, last - first + 1};
  };
  const auto [top, rows] = range(m.top, m.rows, level.height);
  const auto [left, columns] = range(m.left, m.columns, level.width);
  return {top, left, rows, columns};
}

PatchLevel coarser(const PatchLevel& fine) {
  const PatchRectangle& m = fine.missing;
  const int top = m.top / 2, left = m.left / 2;
  PatchLevel level{};
  level.height = (fine.height + 1) / 2;
  level.width = (fine.width + 1) / 2;
  level.missing = {top, left, (m.top + m.rows + 1) / 2 - top, (m.left + m.columns + 1) / 2 - left};
  return level;
}

bool may_halve(const PatchMatchOptions& options, const PatchLevel& level, size_t levels) {
  const auto patch = static_cast<int>(options.patch);
  const PatchLevel next = coarser(level);
  const int part = std::min(next.height, next.width);
  if (options.levels > 0) return static_cast<int>(levels) < options.levels && part >= patch;
  return std::min(next.missing.rows, next.missing.columns) >= patch && part >= kLeastPartPatches * patch;
}

void expect_possible(const PatchMatchOptions& options, const PixelBox& box, const Shape& pictures) {
  if (pictures.rank() != 4 || pictures[3] < 1 || pictures[3] > 4)
    throw ShapeError(
        fmt::format("patch_match pictures {}: expected [N, H, W, C], C at most 4", to_string(pictures)));
  if (options.patch < 3 || options.patch > 9 || options.patch % 2 == 0)
    throw ShapeError(fmt::format("patch_match: patches of {} pixels; odd, 3 to 9", options.patch));
  if (options.levels < 0 || options.coarsest_rounds < 1 || options.middle_rounds < 1 ||
      options.fine_rounds < 1 || options.sweeps < 1)
    throw ShapeError("patch_match: no rounds, sweeps or levels");
  if (!(options.sharpness >= 0 && options.guide_colour >= 0 && options.guide_colour <= 1))
    throw ShapeError("patch_match: a sharpness below 0, or a guide_colour outside of 0 to 1");
  if (box.top < 0 || box.left < 0 || box.height < 0 || box.width < 1 || box.top + box.height > pictures[1] ||
      box.left + box.width > pictures[2])
    throw ShapeError(fmt::format("patch_match box: {} x {} at ({}, {}) lies outside of pictures {}",
                                 box.height, box.width, box.top, box.left, to_string(pictures)));
}

}  // namespace

PatchPlan plan_patch_match(const PatchMatchOptions& options, const Shape& pictures, std::byte* workspace) {
  const PixelBox box = options.box.height == 0 ? PixelBox{0, 0, pictures[1], pictures[2]} : options.box;
  expect_possible(options, box, pictures);
  const Line rows = Line{box.top, box.height}.grown(std::max(box.height, kLeastMargin), pictures[1]);
  const Line columns = Line{box.left, box.width}.grown(std::max(box.width, kLeastMargin), pictures[2]);
  const auto whole = [](int64_t value) { return static_cast<int>(value); };
  PatchPlan plan;
  plan.pictures = whole(pictures[0]);
  plan.channels = whole(pictures[3]);
  plan.picture_height = whole(pictures[1]);
  plan.picture_width = whole(pictures[2]);
  plan.part_top = whole(rows.begin);
  plan.part_left = whole(columns.begin);
  plan.patch = whole(options.patch);
  if (pictures.elements() == 0 || std::min(rows.length, columns.length) < options.patch) return plan;
  INPAINT_CHECK(std::max(rows.length, columns.length) < 1 << 15, "patch_match: a part of {} x {} pixels",
                rows.length, columns.length);

  PatchLevel level{};
  level.height = whole(rows.length);
  level.width = whole(columns.length);
  level.missing = {whole(box.top - rows.begin), whole(box.left - columns.begin), whole(box.height),
                   whole(box.width)};
  plan.levels = {level};
  while (may_halve(options, plan.levels.back(), plan.levels.size()))
    plan.levels.push_back(coarser(plan.levels.back()));

  Pieces pieces(workspace);
  for (PatchLevel& l : plan.levels) {
    l.targets = target_centres(l, plan.patch / 2);
    const int64_t all = pictures[0] * l.height * l.width, targets = pictures[0] * l.targets.pixels();
    l.colour = pieces.take<PatchPixel>(all);
    l.low = pieces.take<PatchPixel>(all);
    l.is_missing = pieces.take<uint8_t>(all);
    l.known = pieces.take<uint8_t>(all);
    for (uint32_t*& match : l.match) match = pieces.take<uint32_t>(targets);
    l.cost = pieces.take<float>(targets);
  }
  plan.row_means = pieces.take<PatchPixel>(pictures[0] * plan.levels[0].height * plan.levels[0].width);
  plan.inverse_scale = pieces.take<float>(pictures[0]);
  plan.bytes = pieces.used();
  return plan;
}

}  // namespace inpaint
