#include "train/model/residual_painter.h"

#include "kernels/fill/harmonic_fill.h"
#include "kernels/picture/compose_hole.h"
#include "kernels/picture/picture_input.h"

namespace inpaint {
namespace {

// What the network reads: the pictures' channels and the mask.
Shape input_of(const Shape& pictures) { return {pictures[0], pictures[1], pictures[2], pictures[3] + 1}; }

}  // namespace

ResidualPainter::Memory::Memory(const Shape& pictures, DType activation) {
  const DType real = parameter_dtype(activation);
  images = arena.reserve(pictures, DType::kU8);
  mask = arena.reserve({pictures[0], pictures[1], pictures[2]}, DType::kU8);
  filled = arena.reserve(pictures, real);
  x = arena.reserve(input_of(pictures), activation);
  painted = arena.reserve(pictures, real);
}

ResidualPainter::ResidualPainter(Context& ctx, const Network& network, const Shape& pictures,
                                 DType activation, Pass::Keep keep)
    : network_(network),
      pass_(ctx, network, input_of(pictures), activation, keep),
      memory_(pictures, activation) {
  memory_.arena.allocate(ctx.device());
  ctx.reserve_workspace(harmonic_fill_workspace_bytes(ctx, pictures, parameter_dtype(activation)));
}

int64_t ResidualPainter::planned_bytes(const Network& network, const Shape& pictures, DType activation,
                                       Pass::Keep keep) {
  return Pass::planned_bytes(network, input_of(pictures), activation, keep) +
         Memory(pictures, activation).arena.planned_bytes();
}

void ResidualPainter::fill(const Context& ctx) const {
  normalize_pictures(ctx, images(), filled());
  harmonic_fill(ctx, mask(), filled());
  append_mask(ctx, filled(), mask(), tensor(memory_.x));
}

void ResidualPainter::paint(const Context& ctx, const Parameters& params) {
  const Tensor residual = network_.forward(ctx, params, tensor(memory_.x), Statistics::kRunning, pass_);
  compose_hole(ctx, filled(), residual, mask(), painted());
}

}  // namespace inpaint
