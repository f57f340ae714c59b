#include "core/base/plain_text.h"

#include <fmt/core.h>

namespace inpaint {

size_t utf8_bytes(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const size_t bytes = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (text.size() < bytes) return 0;
  for (size_t i = 1; i < bytes; ++i) {
    const unsigned low = i == 1 && lead == 0xE0 ? 0xA0 : i == 1 && lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = i == 1 && lead == 0xED ? 0x9F : i == 1 && lead == 0xF4 ? 0x8F : 0xBF;
    if (byte(i) < low || byte(i) > high) return 0;
  }
  return bytes;
}

std::string escaped(std::string_view text) {
  std::string line;
  while (!text.empty()) {
    const size_t bytes = utf8_bytes(text);
    const auto first = static_cast<unsigned char>(text[0]);
    const bool is_c1 = bytes == 2 && first == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
    if (first == '\n')
      line += "\\n";
    else if (first == '\r')
      line += "\\r";
    else if (first == '\t')
      line += "\\t";
    else if (bytes == 0 || first < 0x20 || first == 0x7F)
      line += fmt::format("\\x{:02x}", first);
    else if (is_c1)
      line += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[1]));
    else
      line += text.substr(0, bytes);
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return line;
}

}  // namespace inpaint
