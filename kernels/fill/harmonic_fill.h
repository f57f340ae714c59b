// The harmonic fill of a hole of any form: the smoothest continuation of what surrounds it. Each channel
// solves Laplace's equation on the missing pixels, in the five-point form
//
//   deg(p) u(p) - sum over neighbours q in the hole of u(q) = sum over known neighbours q of I(q)
//
// for every missing pixel p. Neighbours share a side with p. deg(p) is the number of neighbours inside the
// picture: the picture's border reflects.
//
//   mask     u8 [N, H, W]     0: known; any other value: missing
//   pictures f [N, H, W, C]   known pixels in [-1, 1] are read, and stay as they are to the bit;
//                             missing pixels are not read, and are overwritten
//
// f is f32 or f64. A picture without a known pixel is filled with 0, mid grey. Needs
// harmonic_fill_workspace_bytes(): about 64 bytes for each pixel of a picture, on a CPU for each channel that
// is filled at the same time (at most one per thread), on a GPU for each block (at most 264).
//
// Each value is within harmonic_fill_error(f) of the solution; an f32 is then rounded once. No value leaves
// the range of the known pixels that touch the hole, so that a constant is continued to the bit. All sums
// are in double, in an order that follows from the mask. The fill of a picture depends on nothing but this
// picture and its mask. The two devices do not agree to the bit.
//
// Method: conjugate gradients on the box that holds the hole. The preconditioner B is one multigrid cycle in
// float. The time is nearly proportional to the pixels of the box.
//
// Stop: the error e = inverse(A) r of the equations A u = f is what has to be small. The residual r does not
// bound it well, because e may be L * L / 8 times as large in a hole of L pixels across. But the next
// correction z = B r is close to e, because B is close to inverse(A): if |e - z| <= c |e|, then
// |e| <= |z| / (1 - c). The iteration stops when |z| is at most a sixteenth of the allowed error everywhere.
// |e| / |z| was 2.2 for squares. It was at most 8.2 over some thirty forms: for a picture of 2000 x 2000
// pixels in which one corner is known.
//
// Sources: Briggs, Henson and McCormick 2000, "A multigrid tutorial" (red-black relaxation, V-cycle); Braess
// 1995, "Towards algebraic multigrid for elliptic problems of second order" (halved edges of coarse cells);
// Tatebe 1993, "The multigrid preconditioned conjugate gradient method".
#pragma once

#include "core/device/context.h"

namespace inpaint {

// For f32 a thousandth of the step between two bytes.
constexpr double harmonic_fill_error(DType dtype) { return dtype == DType::kF64 ? 1e-9 : 1e-3 / 127.5; }

int64_t harmonic_fill_workspace_bytes(const Context& ctx, const Shape& pictures, DType dtype);
void harmonic_fill(const Context& ctx, const Tensor& mask, const Tensor& pictures);

}  // namespace inpaint
