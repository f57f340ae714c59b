// How a whole-picture model paints: the hole is filled harmonically, and the network's residual is added
// there. Holds the memory of one batch.
#pragma once

#include "nn/pass.h"

namespace inpaint {

class ResidualPainter {
 public:
  // pictures: the shape [N, H, W, C] of a batch. The network takes C + 1 channels, and must outlive this
  // object. Plans the workspace of ctx.
  ResidualPainter(Context& ctx, const Network& network, const Shape& pictures, DType activation,
                  Pass::Keep keep);
  static int64_t planned_bytes(const Network& network, const Shape& pictures, DType activation,
                               Pass::Keep keep);

  // In the device's memory, written by the caller: the pictures u8 and their mask u8 [N, H, W], 1 = missing.
  Tensor images() const { return tensor(memory_.images); }
  Tensor mask() const { return tensor(memory_.mask); }

  // Makes what the network reads of them: the filled pictures and the mask.
  void fill(const Context& ctx) const;
  void paint(const Context& ctx, const Parameters& params);

  // In [-1, 1], f32, or f64 beside f64: the harmonic fill, and the painted pictures.
  Tensor filled() const { return tensor(memory_.filled); }
  Tensor painted() const { return tensor(memory_.painted); }

  Pass& pass() { return pass_; }
  const Pass& pass() const { return pass_; }
  int64_t bytes() const { return pass_.bytes() + memory_.arena.planned_bytes(); }

 private:
  struct Memory {
    Memory(const Shape& pictures, DType activation);

    Arena arena;
    int images, mask, filled, x, painted;
  };

  Tensor tensor(int id) const { return memory_.arena.tensor(id); }

  const Network& network_;
  Pass pass_;
  Memory memory_;
};

}  // namespace inpaint
