#include "core/base/crc32c.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace inpaint;

namespace {
std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
}  // namespace

TEST_CASE("crc32c: known answers") {
  // The check value of the CRC catalogue, and the examples of RFC 3720, appendix B.4.
  std::string zeros(32, '\0'), ones(32, '\xff'), up, down;
  for (int i = 0; i < 32; ++i) up += static_cast<char>(i);
  for (int i = 31; i >= 0; --i) down += static_cast<char>(i);
  for (const auto crc : {crc32c, crc32c_boost}) {
    CHECK(crc({}, 0) == 0);
    CHECK(crc(bytes_of("123456789"), 0) == 0xE3069283);
    CHECK(crc(bytes_of(zeros), 0) == 0x8A9136AA);
    CHECK(crc(bytes_of(ones), 0) == 0x62A8AB43);
    CHECK(crc(bytes_of(up), 0) == 0x46DD794E);
    CHECK(crc(bytes_of(down), 0) == 0x113FDB5C);
  }
}

TEST_CASE("crc32c: in pieces, at any alignment, as Boost has it") {
  std::string data(1000, '\0');
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * i * 31 + i / 7);
  const auto all = bytes_of(data);
  for (size_t start = 0; start < 9; ++start) {
    const auto part = all.subspan(start);
    const uint32_t whole = crc32c_boost(part);
    CHECK(crc32c(part) == whole);
    for (size_t cut = 0; cut <= part.size(); cut += 37) {
      CHECK(crc32c(part.subspan(cut), crc32c(part.first(cut))) == whole);
      CHECK(crc32c_boost(part.subspan(cut), crc32c_boost(part.first(cut))) == whole);
    }
  }
}
