// The harmonic fill of a square hole: the smoothest continuation of what surrounds it. Each channel solves
// Laplace's equation on the hole's pixels, in the five-point form
//
//   sum over the neighbours q of p of (u[p] - u[q]) = 0        for every pixel p of the hole
//
// where u is known at the neighbours outside the hole (at its sides; corners take no part). A side of the
// hole on the border of the picture has no neighbours there, and the sum runs over those that exist: the
// reflecting (Neumann) boundary.
//
//   masked   f [N, R, W, C]  pictures in [-1, 1]; what stands in the hole is not read
//   offsets  i32 [N, 2]      (row, column) of the hole's top left corner
//   fake     f [N, H, H, C]  overwritten
//
// f is f32 or f64, alike within a call. A hole without any known neighbour is filled with 0, mid grey. The
// solution is exact but for rounding in double (error below 1e-12); 4 products of H x H matrices a channel.
//
// Method: the equations are A_rows u + u A_columns = f with tridiagonal A; their eigenvectors are
// sampled cosines and sines, and in that basis every equation stands alone. Source: Buzbee, Golub and
// Nielson 1970, "On direct methods for solving Poisson's equations"; the bases: Strang 1999, "The
// discrete cosine transform".
#pragma once

#include <array>
#include <vector>

#include "core/device/context.h"

namespace inpaint {

class HarmonicFill {
 public:
  explicit HarmonicFill(int64_t hole_size);

  int64_t hole_size() const { return hole_size_; }

  // Throws ShapeError for a hole that leaves the picture or is of another size. Threads may share the object.
  void fill(const Context& ctx, const Tensor& masked, const Tensor& offsets, const Tensor& fake) const;

 private:
  // Eigenvalues and orthonormal eigenvectors (column k at k * hole_size_) of the second difference with
  // these ends.
  struct Basis {
    std::vector<double> values, vectors;
  };
  enum class End { kKnown, kReflecting };

  static Basis make_basis(int64_t n, End first, End last);
  const Basis& basis(bool first_known, bool last_known) const;
  void solve(const Basis& rows, const Basis& columns, double* f) const;

  int64_t hole_size_;
  std::array<Basis, 4> bases_;
};

}  // namespace inpaint
