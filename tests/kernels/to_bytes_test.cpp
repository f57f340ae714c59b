#include "kernels/to_bytes.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace inpaint;

namespace {

constexpr uint8_t kGuard = 0xA5;

template <typename T>
std::vector<uint8_t> bytes_of(std::vector<T> values, int threads = 1) {
  const auto n = static_cast<int64_t>(values.size());
  std::vector<uint8_t> bytes(values.size() + 1, kGuard);
  to_bytes(Context(threads), {{n}, kDTypeOf<T>, Device::kCpu, values.data()},
           {{n}, DType::kU8, Device::kCpu, bytes.data()});
  CHECK(bytes.back() == kGuard);
  bytes.pop_back();
  return bytes;
}

}  // namespace

TEST_CASE_TEMPLATE("to_bytes: every byte comes back as itself", T, float, double) {
  std::vector<T> values;
  for (int b = 0; b < 256; ++b) values.push_back((static_cast<T>(b) - T{127.5}) / T{127.5});
  const auto bytes = bytes_of(values);
  for (size_t b = 0; b < 256; ++b) CHECK(bytes[b] == b);
}

TEST_CASE_TEMPLATE("to_bytes: truncates between bytes and clamps outside", T, float, double) {
  const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const auto at = [](double byte) { return static_cast<T>((byte - 127.5) / 127.5); };
  CHECK(bytes_of<T>({0, at(127.99), at(128.01), at(10.9), at(254.9)}) ==
        std::vector<uint8_t>{127, 127, 128, 10, 254});
  CHECK(bytes_of<T>({-1, 1, -7, 7, -infinity, infinity, nan, at(-0.5)}) ==
        std::vector<uint8_t>{0, 255, 0, 255, 0, 255, 0, 0});
}

TEST_CASE("to_bytes: long tensors, for any number of threads") {
  std::vector<float> values;
  for (int i = 0; i < 200003; ++i) values.push_back(std::sin(0.37f * static_cast<float>(i)) * 1.1f);
  std::vector<uint8_t> want;
  for (const float value : values) {
    volatile float product = value * 127.5f;  // volatile: rounded, never fused
    const float sum = product + 127.5f;
    want.push_back(static_cast<uint8_t>(sum < 0 ? 0 : sum > 255 ? 255 : sum));
  }
  for (const int threads : {1, 2, 3, 8}) CHECK(bytes_of(values, threads) == want);
}

TEST_CASE("to_bytes: another shape or type is refused") {
  std::vector<float> values(6);
  std::vector<uint8_t> bytes(6);
  const Context ctx(1);
  const Tensor from{{2, 3}, DType::kF32, Device::kCpu, values.data()};
  CHECK_THROWS_AS(to_bytes(ctx, from, {{3, 2}, DType::kU8, Device::kCpu, bytes.data()}), ShapeError);
  CHECK_THROWS_AS(to_bytes(ctx, from, from), ShapeError);
  CHECK_THROWS_AS(to_bytes(ctx, {{6}, DType::kU8, Device::kCpu, bytes.data()},
                           {{6}, DType::kU8, Device::kCpu, bytes.data()}),
                  ShapeError);
}
