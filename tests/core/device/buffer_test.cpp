#include "core/device/buffer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "tests/harness/error_message.h"

using namespace inpaint;

TEST_CASE("buffer: zeroed and aligned at every size, again after others have been given back") {
  constexpr int64_t kHugePage = int64_t{2} << 20;
  for (int round = 0; round < 3; ++round) {
    for (const int64_t bytes : {int64_t{1}, int64_t{64}, int64_t{1000}, kHugePage - 1, kHugePage,
                                kHugePage + 1, 5 * kHugePage + 4097}) {
      const Buffer buffer(bytes);
      const auto* begin = static_cast<const uint8_t*>(buffer.data());
      CHECK(buffer.bytes() == bytes);
      CHECK(reinterpret_cast<uintptr_t>(begin) % (bytes >= kHugePage ? kHugePage : 64) == 0);
      CHECK(std::all_of(begin, begin + bytes, [](uint8_t byte) { return byte == 0; }));
      std::memset(buffer.data(), 0xff, static_cast<size_t>(bytes));
    }
  }
  CHECK(Buffer(0).data() == nullptr);
}

TEST_CASE("buffer: moved, it keeps its memory") {
  Buffer a(int64_t{3} << 20);
  const void* data = a.data();
  Buffer b = std::move(a);
  CHECK(b.data() == data);
  b = Buffer(10);
  CHECK(b.bytes() == 10);
}

TEST_CASE("buffer: more than any machine has is refused with the figure") {
  CHECK(contains(error_message<OutOfMemory>([] { Buffer(int64_t{1} << 60); }),
                 "out of memory: 1152921504606846976 bytes"));
}
