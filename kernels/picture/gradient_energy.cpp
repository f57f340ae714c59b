#include "kernels/picture/gradient_energy.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(gradient_energy)

void gradient_energy(const Context& ctx, const Tensor& a, const Tensor& mask, const Tensor& energy) {
  if (a.shape.rank() != 4 || a.dtype != DType::kU8)
    throw ShapeError(fmt::format("gradient_energy: expected u8 of rank 4, got {} {}", to_string(a.dtype),
                                 to_string(a.shape)));
  expect_shape("gradient_energy mask", mask, {a.shape[0], a.shape[1], a.shape[2]}, DType::kU8);
  expect_shape("gradient_energy energy", energy, {a.shape[0]}, DType::kF64);
  INPAINT_DISPATCH(ctx, gradient_energy, a, mask, energy);
}

}  // namespace inpaint
