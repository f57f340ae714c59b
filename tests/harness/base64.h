// Base64 (RFC 4648) read back, letter by letter.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace inpaint {

inline std::vector<uint8_t> from_base64(const std::string& text) {
  static const std::string kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0) throw std::runtime_error("base64 of a length that is no multiple of 4");
  std::vector<uint8_t> bytes;
  uint32_t bits = 0;
  size_t digits = 0;
  for (const char c : text) {
    if (c == '=') break;
    const size_t digit = kDigits.find(c);
    if (digit == std::string::npos) throw std::runtime_error("no digit of base64");
    bits = bits << 6 | static_cast<uint32_t>(digit);
    if (++digits % 4 != 1) bytes.push_back(static_cast<uint8_t>(bits >> (6 - 2 * ((digits - 1) % 4))));
  }
  return bytes;
}

}  // namespace inpaint
