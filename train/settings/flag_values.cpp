#include "train/settings/flag_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>

#include "core/base/nearest_name.h"

namespace inpaint {
namespace {
// Well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates, at most U+10FFFF.
bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    if (lead < 0x80) continue;
    if (lead < 0xC2 || lead > 0xF4) return false;
    const int more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    for (int k = 0; k < more; ++k, ++i) {
      const unsigned low = k == 0 && lead == 0xE0 ? 0xA0 : k == 0 && lead == 0xF0 ? 0x90 : 0x80;
      const unsigned high = k == 0 && lead == 0xED ? 0x9F : k == 0 && lead == 0xF4 ? 0x8F : 0xBF;
      if (i >= text.size()) return false;
      const auto byte = static_cast<unsigned char>(text[i]);
      if (byte < low || byte > high) return false;
    }
  }
  return true;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }
}  // namespace

std::string WholeRange::text() const { return fmt::format("{} to {}", min, max); }

std::string RealRange::text() const {
  return fmt::format("{}, at most {}", zero == Lower::kExcluded ? "greater than 0" : "0 or greater", kMax);
}

std::string parse_whole(std::string_view text, WholeRange range, int64_t& value) {
  int64_t parsed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (error == std::errc::invalid_argument || end != text.data() + text.size())
    return "is not a whole number";
  if (error != std::errc() || parsed < range.min || parsed > range.max) return "is out of range";
  value = parsed;
  return {};
}

std::string parse_real(std::string_view text, RealRange range, double& value) {
  double parsed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) return "is not a number";
  if (error != std::errc()) return "is too large or too small for a number";
  if (!std::isfinite(parsed)) return "is not a finite number";
  const bool above = range.zero == RealRange::Lower::kExcluded ? parsed > 0 : parsed >= 0;
  if (!above || parsed > RealRange::kMax) return "is out of range";
  value = parsed;
  return {};
}

std::string parse_bool(std::string_view text, bool& value) {
  const bool yes = text == "true" || text == "1" || text == "yes";
  const bool no = text == "false" || text == "0" || text == "no";
  if (!yes && !no) return "is neither true nor false";
  value = yes;
  return {};
}

std::string parse_choice(std::string_view text, std::span<const std::string_view> names, size_t& value) {
  const auto found = std::find(names.begin(), names.end(), text);
  if (found == names.end()) return "is not known" + did_you_mean(text, names);
  value = static_cast<size_t>(found - names.begin());
  return {};
}

std::string parse_text(std::string_view text, std::string& value) {
  if (text.empty()) return "is empty";
  if (std::any_of(text.begin(), text.end(), is_control)) return "has a control character";
  if (!is_utf8(text)) return "is not UTF-8";
  value = text;
  return {};
}

std::string print_real(double value) { return fmt::format("{}", value); }

std::string print_bool(bool value) { return value ? "true" : "false"; }

std::string shown(std::string_view text) {
  constexpr size_t kMost = 100;
  std::string line(text.substr(0, kMost));
  std::replace_if(line.begin(), line.end(), is_control, '?');
  return text.size() > kMost ? line + "..." : line;
}

std::string list_of(std::span<const std::string_view> names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text;
}

}  // namespace inpaint
