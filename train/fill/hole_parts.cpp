#include "train/fill/hole_parts.h"

#include <algorithm>
#include <numeric>

namespace inpaint {
namespace {

// Sets of runs that touch each other. The root is the first run of its set.
class Sets {
 public:
  void add() { parent_.push_back(parent_.size()); }
  size_t root(size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(size_t a, size_t b) {
    a = root(a), b = root(b);
    parent_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<size_t> parent_;
};

std::vector<HoleRun> runs_of(const Image& mask) {
  std::vector<HoleRun> runs;
  for (int64_t row = 0; row < mask.height; ++row) {
    const uint8_t* const begin = mask.pixel(row, 0);
    const uint8_t* const end = begin + mask.width;
    const auto is_missing = [](uint8_t value) { return value != 0; };
    for (const uint8_t* at = std::find_if(begin, end, is_missing); at != end;) {
      const uint8_t* const known = std::find(at, end, uint8_t{0});
      runs.push_back({row, at - begin, known - begin, 0});
      at = std::find_if(known, end, is_missing);
    }
  }
  return runs;
}

}  // namespace

std::vector<HolePart> hole_parts(const Image& mask) {
  const std::vector<HoleRun> runs = runs_of(mask);
  Sets sets;
  for (size_t i = 0, above = 0; i < runs.size(); ++i) {
    sets.add();
    // Runs of the row above that end before this one begins touch no later run either.
    while (above < i && (runs[above].row < runs[i].row - 1 ||
                         (runs[above].row == runs[i].row - 1 && runs[above].end < runs[i].begin)))
      ++above;
    for (size_t k = above; k < i && runs[k].row == runs[i].row - 1 && runs[k].begin <= runs[i].end; ++k)
      sets.join(k, i);
  }

  std::vector<HolePart> parts;
  std::vector<size_t> part_of(runs.size());
  for (size_t i = 0; i < runs.size(); ++i) {
    const size_t root = sets.root(i);
    if (root == i) {
      part_of[i] = parts.size();
      parts.push_back({{runs[i].row, runs[i].begin, 0, 0}, {}, 0});
    }
    HolePart& part = parts[part_of[root]];
    HoleRun run = runs[i];
    run.first = part.pixels;
    part.pixels += run.end - run.begin;
    part.runs.push_back(run);
    const int64_t left = std::min(part.box.left, run.begin), right = std::max(part.box.right(), run.end);
    part.box = {part.box.top, left, run.row + 1 - part.box.top, right - left};
  }
  return parts;
}

int64_t part_width(const HolePart& part, int64_t picture_height, int64_t picture_width) {
  // Distances over the box and a border of one pixel; outside of the picture nothing is known.
  const int64_t rows = part.box.height + 2, columns = part.box.width + 2;
  constexpr int32_t kFar = 1 << 30;
  std::vector<int32_t> distance(static_cast<size_t>(rows * columns));
  const auto at = [&](int64_t row, int64_t column) -> int32_t& {
    return distance[static_cast<size_t>(row * columns + column)];
  };
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      const int64_t y = part.box.top - 1 + row, x = part.box.left - 1 + column;
      at(row, column) = y < 0 || x < 0 || y >= picture_height || x >= picture_width ? kFar : 0;
    }
  for (const HoleRun& run : part.runs)
    std::fill_n(&at(run.row - part.box.top + 1, run.begin - part.box.left + 1), run.end - run.begin, kFar);

  const auto relax = [&](int64_t row, int64_t column, int64_t step) {
    int32_t& here = at(row, column);
    if (here == 0) return;
    int32_t nearest = std::min(here, at(row, column + step) + 1);
    for (int64_t side = -1; side <= 1; ++side) nearest = std::min(nearest, at(row + step, column + side) + 1);
    here = std::min(nearest, kFar);
  };
  for (int64_t row = 1; row + 1 < rows; ++row)
    for (int64_t column = 1; column + 1 < columns; ++column) relax(row, column, -1);
  for (int64_t row = rows - 2; row >= 1; --row)
    for (int64_t column = columns - 2; column >= 1; --column) relax(row, column, 1);

  int32_t widest = 1;
  for (const HoleRun& run : part.runs)
    for (int64_t column = run.begin; column < run.end; ++column) {
      const int32_t here = at(run.row - part.box.top + 1, column - part.box.left + 1);
      if (here < kFar) widest = std::max(widest, here);
    }
  return 2 * widest;
}

}  // namespace inpaint
