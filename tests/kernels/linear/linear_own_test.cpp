// The kernels that make the linear products for which cuBLASLt has no algorithm, each called by itself, and
// the text by which an algorithm of cuBLASLt is remembered.
#include <algorithm>

#include "kernels/linear/cublaslt_product.h"
#include "kernels/linear/linear_direct_cuda.h"
#include "tests/kernels/linear/linear_case.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

// Few outputs, and tiles of 32 x 32; rows of whole packs and with a rest; more examples than slices.
const LinearShape kShapes[] = {{1, 1, 1}, {5, 16, 2}, {19, 257, 4}, {3, 5, 7}, {33, 31, 65}, {40, 64, 33}};

}  // namespace

TEST_CASE("linear own kernels: exact on small integers, the weight gradient overwritten or added to") {
  for (const Backend& backend : activation_backends()) {
    if (backend.device != Device::kCuda) continue;
    const int factor = backend.dtype == DType::kBF16 ? 1 : 0;  // the one rounding of a sum to bf16
    for (const LinearShape& shape : kShapes) {
      const LinearCase c(backend, shape, integers);
      GuardedTensor y({c.s.n, c.s.out}, backend), dx({c.s.n, c.s.in}, backend),
          dw({c.s.out, c.s.in}, backend.parameters());
      const auto ctx = backend.context();
      cuda::linear_direct_forward(*ctx, c.x, c.w, y);
      check_close(c.label("linear_direct_forward"), "y", y, c.want_y, factor);
      cuda::linear_direct_backward_data(*ctx, c.dy, c.w, dx);
      check_close(c.label("linear_direct_backward_data"), "dx", dx, c.want_dx, factor);
      cuda::linear_direct_backward_weight(*ctx, c.x, c.dy, dw, GradMode::kOverwrite);
      check_close(c.label("linear_direct_backward_weight"), "dw", dw, c.want_dw, 0);
      const auto want_sum = plus(c.want_dw, dw);
      cuda::linear_direct_backward_weight(*ctx, c.x, c.dy, dw, GradMode::kAccumulate);
      check_close(c.label("linear_direct_backward_weight"), "dw, added to", dw, want_sum, 0);
    }
  }
}

TEST_CASE("linear: the text of a cuBLASLt algorithm holds all of it") {
  cublasLtMatmulAlgo_t algorithm{};
  for (size_t i = 0; i < std::size(algorithm.data); ++i) algorithm.data[i] = 0x0123456789abcdef + (i << 60);
  std::string text = cuda::CublasLtProduct::to_text(algorithm);
  CHECK(std::ranges::equal(cuda::CublasLtProduct::from_text(text).data, algorithm.data));
  CHECK_THROWS_AS(cuda::CublasLtProduct::from_text(text.substr(1)), Error);
  text.front() = 'g';
  CHECK_THROWS_AS(cuda::CublasLtProduct::from_text(text), Error);
}
