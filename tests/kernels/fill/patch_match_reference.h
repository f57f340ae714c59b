// Pictures with missing pixels, and the rounds of patch_match in double, for its tests.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "kernels/fill/patch_match.h"

namespace inpaint::test {

struct Pictures {
  int64_t n, height, width, channels;
  std::vector<uint8_t> missing;
  std::vector<double> values;

  Pictures(int64_t pictures, int64_t h, int64_t w, int64_t c)
      : n(pictures),
        height(h),
        width(w),
        channels(c),
        missing(static_cast<size_t>(pictures * h * w)),
        values(static_cast<size_t>(pictures * h * w * c)) {}

  size_t at(int64_t i, int64_t row, int64_t column) const {
    return static_cast<size_t>((i * height + row) * width + column);
  }
  double& value(int64_t i, int64_t row, int64_t column, int64_t c) {
    return values[at(i, row, column) * static_cast<size_t>(channels) + static_cast<size_t>(c)];
  }
  double value(int64_t i, int64_t row, int64_t column, int64_t c) const {
    return const_cast<Pictures*>(this)->value(i, row, column, c);
  }
  template <typename F>
  void paint(F&& f) {
    for (int64_t i = 0; i < n; ++i)
      for (int64_t row = 0; row < height; ++row)
        for (int64_t column = 0; column < width; ++column)
          for (int64_t c = 0; c < channels; ++c) value(i, row, column, c) = f(i, row, column, c);
  }
  // Missing, with the guide's values f(row, column, c).
  template <typename F>
  void cut(int64_t i, const PixelBox& box, F&& f) {
    for (int64_t row = box.top; row < box.top + box.height; ++row)
      for (int64_t column = box.left; column < box.left + box.width; ++column) {
        missing[at(i, row, column)] = 1;
        for (int64_t c = 0; c < channels; ++c) value(i, row, column, c) = f(row, column, c);
      }
  }
  std::string shape() const { return fmt::format("[{}, {}, {}, {}]", n, height, width, channels); }
};

// The contract's rounds at one level, with the nearest source found by looking at all, in double.
class Reference {
 public:
  Reference(const Pictures& p, const PatchMatchOptions& options)
      : p_(p), o_(options), radius_(options.patch / 2) {
    low_ = p_.values;
    for (int64_t i = 0; i < p_.height; ++i)
      for (int64_t j = 0; j < p_.width; ++j)
        for (int64_t c = 0; c < p_.channels; ++c) {
          double sum = 0, count = 0;
          for (int64_t y = std::max<int64_t>(0, i - 3); y <= std::min(p_.height - 1, i + 3); ++y)
            for (int64_t x = std::max<int64_t>(0, j - 3); x <= std::min(p_.width - 1, j + 3); ++x, ++count)
              sum += p_.value(0, y, x, c);
          low_[p_.at(0, i, j) * static_cast<size_t>(p_.channels) + static_cast<size_t>(c)] = sum / count;
        }
  }

  std::vector<double> values() {
    for (int left = o_.coarsest_rounds; left > 0; --left) {
      search();
      vote(left <= 2 ? o_.sharpness : 0);
    }
    return p_.values;
  }

 private:
  struct Target {
    int64_t row, column, known, source_row, source_column;
    double cost;
  };

  template <typename F>
  void centres(F&& f) const {
    for (int64_t i = radius_; i + radius_ < p_.height; ++i)
      for (int64_t j = radius_; j + radius_ < p_.width; ++j) {
        int64_t known = 0;
        for (int64_t y = -radius_; y <= radius_; ++y)
          for (int64_t x = -radius_; x <= radius_; ++x) known += p_.missing[p_.at(0, i + y, j + x)] == 0;
        f(i, j, known);
      }
  }

  double low(int64_t row, int64_t column, int64_t c) const {
    return low_[p_.at(0, row, column) * static_cast<size_t>(p_.channels) + static_cast<size_t>(c)];
  }

  double distance(int64_t i, int64_t j, int64_t k, int64_t l) const {
    double sum = 0;
    const auto pixels = static_cast<double>(o_.patch * o_.patch);
    for (int64_t c = 0; c < p_.channels; ++c) {
      sum += static_cast<double>(o_.fine_guide_weight) * pixels * std::pow(low(i, j, c) - low(k, l, c), 2);
      for (int64_t y = -radius_; y <= radius_; ++y)
        for (int64_t x = -radius_; x <= radius_; ++x)
          sum += std::pow(p_.value(0, i + y, j + x, c) - p_.value(0, k + y, l + x, c), 2);
    }
    return sum;
  }

  void search() {
    targets_.clear();
    centres([&](int64_t i, int64_t j, int64_t known) {
      if (known == o_.patch * o_.patch) return;
      Target target{i, j, known, 0, 0, 1e30};
      centres([&](int64_t k, int64_t l, int64_t all) {
        if (all < o_.patch * o_.patch) return;
        const double cost = distance(i, j, k, l);
        if (cost < target.cost) target = {i, j, known, k, l, cost};
      });
      targets_.push_back(target);
    });
  }

  // Twice the third quartile, by bins of an eighth of an octave.
  double scale() const {
    std::vector<double> costs;
    for (const Target& t : targets_) costs.push_back(t.cost);
    std::sort(costs.begin(), costs.end());
    const double quartile = costs[(3 * costs.size() + 3) / 4 - 1];
    const double octave = std::exp2(std::floor(std::log2(quartile)));
    return 2 * octave * (1 + (std::floor(8 * (quartile / octave - 1)) + 0.5) / 8);
  }

  void vote(double sharpness) {
    const double q = scale();
    std::vector<double> next = p_.values;
    for (int64_t i = 0; i < p_.height; ++i)
      for (int64_t j = 0; j < p_.width; ++j) {
        if (p_.missing[p_.at(0, i, j)] == 0) continue;
        for (int64_t c = 0; c < p_.channels; ++c) {
          double sum = 0, weights = 0;
          for (const Target& t : targets_) {
            const int64_t y = i - t.row, x = j - t.column;
            if (std::abs(y) > radius_ || std::abs(x) > radius_) continue;
            const double share = static_cast<double>(t.known) / static_cast<double>(o_.patch * o_.patch);
            const double weight = std::exp(-t.cost / q) * std::pow(1.3, 10 * share) *
                                  std::exp(-sharpness * static_cast<double>(y * y + x * x));
            const double other_colour = low(t.row, t.column, c) - low(t.source_row, t.source_column, c);
            sum += weight * (p_.value(0, t.source_row + y, t.source_column + x, c) +
                             static_cast<double>(o_.guide_colour) * other_colour);
            weights += weight;
          }
          next[p_.at(0, i, j) * static_cast<size_t>(p_.channels) + static_cast<size_t>(c)] = sum / weights;
        }
      }
    p_.values = next;
  }

  Pictures p_;
  PatchMatchOptions o_;
  int64_t radius_;
  std::vector<double> low_;
  std::vector<Target> targets_;
};

}  // namespace inpaint::test
