#include "kernels/picture/to_bytes.h"

#include <cmath>
#include <limits>

#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

// The bytes of the values, which are rounded to the backend's type first.
template <typename F>
std::vector<double> bytes_of(const Backend& backend, int64_t n, F&& value, int threads = 1) {
  const GuardedTensor values({n}, backend, value);
  const GuardedTensor bytes({n}, backend.of(DType::kU8));
  to_bytes(*backend.context(threads), values, bytes);
  check_guards({"to_bytes", backend, fmt::format("[{}]", n)}, "bytes", bytes);
  return bytes.values();
}

std::vector<double> bytes_of(const Backend& backend, const std::vector<double>& values) {
  return bytes_of(backend, static_cast<int64_t>(values.size()),
                  [&](int64_t i) { return values[static_cast<size_t>(i)]; });
}

}  // namespace

TEST_CASE("to_bytes: every byte comes back as itself") {
  for (const Backend& backend : backends()) {
    INFO(backend.name);
    const auto bytes = bytes_of(backend, 256, [&](int64_t b) {
      return backend.dtype == DType::kF32 ? static_cast<double>((static_cast<float>(b) - 127.5f) / 127.5f)
                                          : (static_cast<double>(b) - 127.5) / 127.5;
    });
    for (size_t b = 0; b < 256; ++b) CHECK(bytes[b] == static_cast<double>(b));
  }
}

TEST_CASE("to_bytes: truncates between bytes and clamps outside") {
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const auto at = [](double byte) { return (byte - 127.5) / 127.5; };
  for (const Backend& backend : backends()) {
    INFO(backend.name);
    CHECK(bytes_of(backend, {0, at(127.99), at(128.01), at(10.9), at(254.9)}) ==
          std::vector<double>{127, 127, 128, 10, 254});
  }
  for (const Backend& backend : activation_backends()) {
    INFO(backend.name);
    CHECK(bytes_of(backend, {-1, 1, -7, 7, -infinity, infinity, nan, at(-0.5)}) ==
          std::vector<double>{0, 255, 0, 255, 0, 255, 0, 0});
  }
}

TEST_CASE("to_bytes: long tensors, for any number of threads") {
  // Around packs and blocks; the CPU's blocks are of 65536.
  for (const Backend& backend : activation_backends())
    for (const int64_t n : {int64_t{1}, int64_t{15}, int64_t{2049}, int64_t{200003}}) {
      const auto value = [](int64_t i) { return std::sin(0.37 * static_cast<double>(i)) * 1.1; };
      const GuardedTensor values({n}, backend.dtype, value);
      std::vector<double> want;
      for (const double x : values.values()) {
        volatile auto product = static_cast<float>(x * 127.5);  // volatile: rounded, never fused
        const float sum = product + 127.5f;
        want.push_back(std::trunc(static_cast<double>(sum < 0 ? 0 : sum > 255 ? 255 : sum)));
      }
      INFO(backend.name, ", ", n);
      const bool gpu = backend.device == Device::kCuda;
      for (const int threads : {1, 2, 3, 8}) {
        CHECK(bytes_of(backend, n, value, threads) == want);
        if (gpu) break;
      }
    }
}

TEST_CASE("to_bytes: another shape or type is refused") {
  const Backend backend = backends().front();
  const auto ctx = backend.context();
  const GuardedTensor from({2, 3}, DType::kF32), other_shape({3, 2}, DType::kU8), flat({6}, DType::kU8);
  check_refused("to_bytes", "bytes", [&] { to_bytes(*ctx, from, other_shape); });
  check_refused("to_bytes", "bytes", [&] { to_bytes(*ctx, from, from); });
  CHECK_THROWS_AS(to_bytes(*ctx, flat, flat), ShapeError);
}
