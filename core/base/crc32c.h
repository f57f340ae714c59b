// CRC-32C (Castagnoli; polynomial 0x1EDC6F41, reflected, start and final value inverted), as in iSCSI (RFC
// 3720). Any change of up to 32 consecutive bits, and every single flipped bit, changes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace inpaint {

// The CRC of `bytes`. With `previous`, the CRC of the bytes that gave `previous` followed by `bytes`:
// crc32c(b, crc32c(a)) == crc32c(a b). Uses ISA-L where the program is built with it, else Boost.CRC.
uint32_t crc32c(std::span<const std::byte> bytes, uint32_t previous = 0);

// The same by Boost.CRC in every build: what crc32c is compared with.
uint32_t crc32c_boost(std::span<const std::byte> bytes, uint32_t previous = 0);

}  // namespace inpaint
