// sum_of_squares on the CPU; contract in sum_of_squares.h. Memory-bound.
#include "kernels/cpu/lane_sum_cpu.h"
#include "kernels/parameter/sum_of_squares.h"

namespace inpaint::cpu {
namespace {
constexpr int64_t kBlock = 65536;
int64_t blocks(int64_t elements) { return (elements + kBlock - 1) / kBlock; }
}  // namespace

int64_t sum_of_squares_workspace_bytes(const Context&, int64_t elements) {
  return blocks(elements) * size_of(DType::kF64);
}

void sum_of_squares(const Context& ctx, const Tensor& x, const Tensor& sum) {
  const int64_t n = x.elements();
  double* partial = static_cast<double*>(ctx.workspace(cpu::sum_of_squares_workspace_bytes(ctx, n)));
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    const T* values = x.as<T>();
    ctx.parallel_blocks(n, kBlock, [&](int64_t begin, int64_t end, int) {
      cpu::LaneSum squares;
      squares.add(begin, end, [=](int64_t i) {
        const auto value = static_cast<double>(values[i]);
        return value * value;
      });
      partial[begin / kBlock] = squares.total();
    });
  });
  *sum.as<double>() = cpu::sum_in_order(partial, blocks(n));
}

}  // namespace inpaint::cpu
