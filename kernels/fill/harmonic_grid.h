// What the devices of the harmonic fill share: the grids of its multigrid cycle, and how they lie in memory.
//
// The finest grid is the box that holds the hole. Each coarser grid has a cell for every 2 x 2 cells. The
// arrays of a grid have a ring of cells around them: one on the left and above, two on the right and below,
// because the last coarse cell may reach out by one.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/fill/harmonic_fill.h"

namespace inpaint {

// The diagonal of a cell that holds no missing pixel: its u is practically 0.
inline constexpr float kHarmonicOutside = 1e12f;
// Sums of a cell's weights to known pixels end here on coarse grids: more does not tie the cell down any
// better, and the coarse grids would push the known pixels too far into the hole.
inline constexpr float kMostKnownWeight = 4;
// Input that is not finite ends the iteration here. A hole of a million pixels takes 10 steps in f32.
inline constexpr int kMostHarmonicSteps = 200;

// The equations  d u - e (right) - e (left) - s (below) - s (above) = f  of a grid's cells, where e is the
// weight of the edge to the right, and s of the edge below. Each pointer leads to cell (0, 0); cell (y, x)
// lies y * stride() + x behind.
struct HarmonicGrid {
  static constexpr int kArrays = 6;

  int h, w;
  float *u, *f, *r, *e, *s, *d;  // solution, right side, residual, edges, diagonal

  constexpr int stride() const { return w + 3; }
  constexpr int64_t cells() const { return int64_t{h + 3} * stride(); }
  constexpr int64_t first() const { return stride() + 1; }  // cell (0, 0) in an array with its ring
  constexpr bool coarsest() const { return h == 1 && w == 1; }
};

// Pixels (row, column) to (row + h, column + w) of a picture.
struct HarmonicBox {
  int row, column, h, w;
};

// Which sides of a grid reflect.
struct HarmonicSides {
  bool top, bottom, left, right;
};

// One channel of one picture.
struct HarmonicProblem {
  static constexpr int kMostGrids = 32, kDoubles = 4;

  HarmonicBox box;
  HarmonicSides border;  // where the box's sides lie on the picture's border
  int grid_count;
  HarmonicGrid grids[kMostGrids];
  double *x, *r, *p, *q;  // on the finest grid: solution, residual, direction, matrix times direction

  // Between a grid and the next. Behind a coarse cell that reaches out there is nothing to reflect.
  constexpr HarmonicSides mirrors(const HarmonicGrid& fine) const {
    return {border.top, border.bottom && fine.h % 2 == 0, border.left, border.right && fine.w % 2 == 0};
  }
};

// Numbers that the arrays of a box take: in double, then in float.
struct HarmonicMemory {
  int64_t doubles, floats;
  constexpr int64_t bytes() const { return 8 * doubles + 4 * floats; }
};

constexpr HarmonicMemory harmonic_memory(int h, int w) {
  HarmonicGrid grid{h, w, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
  HarmonicMemory memory{HarmonicProblem::kDoubles * grid.cells(), HarmonicGrid::kArrays * grid.cells()};
  while (!grid.coarsest()) {
    grid.h = (grid.h + 1) / 2;
    grid.w = (grid.w + 1) / 2;
    memory.floats += HarmonicGrid::kArrays * grid.cells();
  }
  return memory;
}

// Places a problem's arrays. All of their memory has to be 0 before the equations are set.
constexpr void lay_out(const HarmonicBox& box, int rows, int columns, double* doubles, float* floats,
                       HarmonicProblem& problem) {
  problem.box = box;
  problem.border = {box.row == 0, box.row + box.h == rows, box.column == 0, box.column + box.w == columns};
  problem.grid_count = 0;
  for (int h = box.h, w = box.w;; h = (h + 1) / 2, w = (w + 1) / 2) {
    HarmonicGrid& g = problem.grids[problem.grid_count++];
    g.h = h;
    g.w = w;
    for (float** const array : {&g.u, &g.f, &g.r, &g.e, &g.s, &g.d}) {
      *array = floats + g.first();
      floats += g.cells();
    }
    if (g.coarsest()) break;
  }
  for (double** const array : {&problem.x, &problem.r, &problem.p, &problem.q}) {
    *array = doubles + problem.grids[0].first();
    doubles += problem.grids[0].cells();
  }
}

// One problem's workspace; the box may be the whole picture.
inline int64_t harmonic_workspace_bytes(const Shape& pictures) {
  const int64_t bytes = harmonic_memory(static_cast<int>(pictures[1]), static_cast<int>(pictures[2])).bytes();
  return (bytes + 63) / 64 * 64;
}

// The correction of the last step may be this large: harmonic_fill.h tells why.
constexpr double most_correction(DType dtype) { return harmonic_fill_error(dtype) / 16; }

}  // namespace inpaint
