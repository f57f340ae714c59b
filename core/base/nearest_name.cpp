#include "core/base/nearest_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace inpaint {

int edit_distance(std::string_view a, std::string_view b) {
  // Row i: distances from a's first i bytes to each beginning of b. Two rows back, for the swaps.
  std::vector<int> before, above, row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    before = std::exchange(above, row);
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1), above[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row.back();
}

std::string_view nearest_name(std::string_view word, std::span<const std::string_view> names) {
  constexpr int kMaxEdits = 2;
  constexpr size_t kLongestWord = 100;  // far beyond any name: a hostile word costs no quadratic time
  if (word.size() > kLongestWord) return {};
  std::string_view nearest;
  int least = std::min(kMaxEdits + 1, static_cast<int>(word.size()));
  for (const std::string_view name : names) {
    const int edits = edit_distance(word, name);
    if (edits < least) {
      least = edits;
      nearest = name;
    }
  }
  return nearest;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> names) {
  const std::string_view nearest = nearest_name(word, names);
  return nearest.empty() ? "" : fmt::format(" (did you mean {}?)", nearest);
}

}  // namespace inpaint
