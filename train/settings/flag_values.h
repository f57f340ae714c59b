// Text to value and back for one flag's value. Parsers store the value and return "", or leave it alone and
// return what is wrong with the text, as the middle of a sentence ("is not a whole number").
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "core/base/pixel_box.h"

namespace inpaint {

struct WholeRange {
  int64_t min;
  int64_t max;
  std::string text() const;  // "1 to 9"
};

struct RealRange {
  enum class Lower { kIncluded, kExcluded };
  // The values become floats, whose largest is 3.4e38: beyond this bound nothing could be computed.
  static constexpr double kMax = 1e30;
  Lower zero;  // from 0, with or without 0 itself
  double max = kMax;
  std::string text() const;  // "greater than 0, at most 1e+30"
};

// Decimal digits, with a '-' in front of a negative number; nothing else.
[[nodiscard]] std::string parse_whole(std::string_view text, WholeRange range, int64_t& value);
// Decimal or scientific notation; infinities and NaN are refused.
[[nodiscard]] std::string parse_real(std::string_view text, RealRange range, double& value);
// true, t, yes, y or 1, and false, f, no, n or 0, in any case: as Abseil's flags.
[[nodiscard]] std::string parse_bool(std::string_view text, bool& value);
// One of the names; `value` is its position.
[[nodiscard]] std::string parse_choice(std::string_view text, std::span<const std::string_view> names,
                                       size_t& value);
// UTF-8 without control characters, not empty: what can stand in a line of a flags file and in JSON.
[[nodiscard]] std::string parse_text(std::string_view text, std::string& value);
// Likewise a path: a ~ at its beginning, alone or before a '/', is the home folder, as in a shell (which
// leaves it alone in --NAME=~/x).
[[nodiscard]] std::string parse_path(std::string_view text, std::string& value);
// "x,y,width,height", in pixels from the top left.
[[nodiscard]] std::string parse_box(std::string_view text, PixelBox& box);

std::string print_real(double value);  // the shortest decimal that reads back to the same bits
std::string print_bool(bool value);

// The text as an error message shows it: escaped (core/base/plain_text.h), and not more of it than helps.
std::string shown(std::string_view text);

// "a, b or c"
std::string list_of(std::span<const std::string_view> names);

}  // namespace inpaint
