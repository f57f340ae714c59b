#include "core/device/tensor.h"

#include <doctest/doctest.h>

#include "core/device/buffer.h"
#include "core/device/context.h"

using namespace inpaint;

TEST_CASE("tensor: a slice views the values it names, and no others") {
  const Buffer buffer(10 * 8);
  const Tensor all = buffer.tensor({10}, DType::kF64);
  for (int64_t i = 0; i < 10; ++i) all.as<double>()[i] = static_cast<double>(i);
  const Tensor part = all.slice(3, 4);
  CHECK(part.elements() == 4);
  CHECK(part.as<double>()[0] == 3);
  CHECK(part.slice(1, 2).as<double>()[1] == 5);
  CHECK(all.slice(10, 0).elements() == 0);
  CHECK_THROWS_AS(all.slice(7, 4), ShapeError);
  CHECK_THROWS_AS(all.slice(-1, 2), ShapeError);
  CHECK_THROWS_AS(all.slice(0, -1), ShapeError);
  CHECK_THROWS_AS(all.reshaped({2, 5}).slice(0, 1), ShapeError);
}

TEST_CASE("context: the device's free memory") { CHECK(Context(1).free_memory() > 0); }

TEST_CASE("GPU: free memory is less by what is allocated" * doctest::skip(Context::gpu_count() == 0)) {
  const Context ctx(Gpu{}, 1);
  const int64_t before = ctx.free_memory();
  CHECK(before > 0);
  const Buffer buffer(64 << 20, Device::kCuda);
  CHECK(ctx.free_memory() <= before - (64 << 20));
}
