#include "core/base/crc32c.h"

#include <algorithm>
#include <boost/crc.hpp>

#ifdef INPAINT_ISAL
#include <isa-l/crc.h>
#endif

namespace inpaint {

uint32_t crc32c_boost(std::span<const std::byte> bytes, uint32_t previous) {
  // Boost takes the starting remainder in the order of the polynomial's bits, and gives the result reflected.
  uint32_t start = 0;
  for (int bit = 0; bit < 32; ++bit) start |= (~previous >> bit & 1u) << (31 - bit);
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc(start);
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

#ifdef INPAINT_ISAL
uint32_t crc32c(std::span<const std::byte> bytes, uint32_t previous) {
  constexpr size_t kPiece = size_t{1} << 30;  // the library's lengths are int
  uint32_t crc = ~previous;                   // it leaves the inversions to us
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), kPiece));
    // It takes a pointer to non-const and only reads.
    auto* data = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(piece.data()));
    crc = crc32_iscsi(data, static_cast<int>(piece.size()), crc);
    bytes = bytes.subspan(piece.size());
  }
  return ~crc;
}
#else
uint32_t crc32c(std::span<const std::byte> bytes, uint32_t previous) { return crc32c_boost(bytes, previous); }
#endif

}  // namespace inpaint
