// The harmonic fill (kernels/fill/harmonic_fill.h has the equations) as nodes of an ONNX graph.
//
//   picture f32 [N, C, H, W]   0 where pixels are missing; any H and W
//   mask    f32 [N, 1, H, W]   1 = missing, 0 = known
//   result  f32 [N, C, H, W]   the picture with its missing pixels filled
//
// Method: conjugate gradients in a Loop, all in f32, preconditioned by a multigrid cycle as in the kernel.
// Two things differ, because a graph works on whole arrays:
//   relaxation   Jacobi's, with the two factors of a Chebyshev polynomial, in place of red-black
//   grids        seven at any size, on the box that holds all holes of the batch: it is padded to a multiple
//                of 64, and the coarsest grid is relaxed, not solved
// The loop ends when no correction in the batch exceeds 2e-6. The deviation from a direct solution was at
// most 3e-6 for strokes, squares and noise, and 6e-5 for a picture of 512 x 512 with one known pixel.
#pragma once

#include "train/export/onnx_graph.h"

namespace inpaint {

OnnxGraph::Value add_harmonic_fill(OnnxGraph& graph, const OnnxGraph::Value& picture,
                                   const OnnxGraph::Value& mask, int64_t channels);

}  // namespace inpaint
