#include "train/settings/flag_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <system_error>

#include "core/base/nearest_name.h"
#include "core/base/plain_text.h"

namespace inpaint {
namespace {
bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t bytes = utf8_bytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }
}  // namespace

std::string WholeRange::text() const { return fmt::format("{} to {}", min, max); }

std::string RealRange::text() const {
  return fmt::format("{}, at most {}", zero == Lower::kExcluded ? "greater than 0" : "0 or greater", max);
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
  if (!above || parsed > range.max) return "is out of range";
  value = parsed;
  return {};
}

std::string parse_bool(std::string_view text, bool& value) {
  static constexpr std::string_view kYes[] = {"true", "t", "yes", "y", "1"},
                                    kNo[] = {"false", "f", "no", "n", "0"};
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const bool yes = std::ranges::find(kYes, lower) != std::end(kYes);
  if (!yes && std::ranges::find(kNo, lower) == std::end(kNo)) return "is neither true nor false";
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

std::string parse_path(std::string_view text, std::string& value) {
  if (text != "~" && !text.starts_with("~/")) return parse_text(text, value);
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') return "begins with ~, and HOME is not set";
  return parse_text(std::string(home) + std::string(text.substr(1)), value);
}

std::string parse_box(std::string_view text, PixelBox& box) {
  constexpr WholeRange kPlace{0, 1 << 28};
  std::array<int64_t, 4> numbers{};
  for (size_t k = 0; k < numbers.size(); ++k) {
    const size_t comma = text.find(',');
    if ((comma == std::string_view::npos) != (k + 1 == numbers.size())) return "does not have four numbers";
    const std::string fault = parse_whole(text.substr(0, comma), kPlace, numbers[k]);
    if (!fault.empty()) return fault;
    text.remove_prefix(std::min(text.size(), comma + 1));
  }
  box = {numbers[1], numbers[0], numbers[3], numbers[2]};
  return box.height == 0 || box.width == 0 ? "has no pixels" : "";
}

std::string print_real(double value) { return fmt::format("{}", value); }

std::string print_bool(bool value) { return value ? "true" : "false"; }

std::string shown(std::string_view text) {
  constexpr size_t kMost = 100;
  return text.size() > kMost ? escaped(text.substr(0, kMost)) + "..." : escaped(text);
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
