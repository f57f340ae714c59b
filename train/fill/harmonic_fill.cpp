#include "train/fill/harmonic_fill.h"

#include <Eigen/Core>
#include <cmath>
#include <numbers>

#include "train/holes/hole_view.h"

namespace inpaint {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic>;

}  // namespace

// With vectors cos or sin(angle * position), the second difference 2 v[j] - v[j-1] - v[j+1] has the value
// 2 - 2 cos(angle). The end conditions choose the angles: v = 0 one step outside (known: the neighbour's
// value is on the right hand side), or v alike on both sides of the border (reflecting).
HarmonicFill::Basis HarmonicFill::make_basis(int64_t n, End first, End last) {
  const auto size = static_cast<double>(n);
  Basis basis{std::vector<double>(static_cast<size_t>(n)), std::vector<double>(static_cast<size_t>(n * n))};
  Eigen::Map<Matrix> vectors(basis.vectors.data(), n, n);
  for (int64_t k = 0; k < n; ++k) {
    const auto wave = static_cast<double>(k);
    double angle;
    if (first == last)
      angle =
          first == End::kKnown ? std::numbers::pi * (wave + 1) / (size + 1) : std::numbers::pi * wave / size;
    else
      angle = std::numbers::pi * (wave + 0.5) / (size + 0.5);
    for (int64_t j = 0; j < n; ++j) {
      const auto position = static_cast<double>(first == last || first == End::kReflecting ? j : n - 1 - j);
      const bool sine = first == End::kKnown && last == End::kKnown;
      vectors(j, k) = sine ? std::sin(angle * (position + 1)) : std::cos(angle * (position + 0.5));
    }
    vectors.col(k).normalize();
    basis.values[static_cast<size_t>(k)] = 2 - 2 * std::cos(angle);
  }
  return basis;
}

HarmonicFill::HarmonicFill(int64_t hole_size) : hole_size_(hole_size) {
  INPAINT_CHECK(hole_size >= 1, "hole of {} pixels", hole_size);
  for (const End first : {End::kReflecting, End::kKnown})
    for (const End last : {End::kReflecting, End::kKnown})
      bases_[2 * (first == End::kKnown) + (last == End::kKnown)] = make_basis(hole_size, first, last);
}

const HarmonicFill::Basis& HarmonicFill::basis(bool first_known, bool last_known) const {
  return bases_[2 * static_cast<size_t>(first_known) + static_cast<size_t>(last_known)];
}

// f [H, H], column-major, becomes u. At least one end is known, so that no sum of eigenvalues is 0.
void HarmonicFill::solve(const Basis& rows, const Basis& columns, double* f) const {
  const int64_t n = hole_size_;
  const Eigen::Map<const Matrix> q_rows(rows.vectors.data(), n, n), q_columns(columns.vectors.data(), n, n);
  Eigen::Map<Matrix> u(f, n, n);
  Matrix waves = q_rows.transpose() * u * q_columns;
  for (int64_t k = 0; k < n; ++k)
    for (int64_t i = 0; i < n; ++i)
      waves(i, k) /= rows.values[static_cast<size_t>(i)] + columns.values[static_cast<size_t>(k)];
  u.noalias() = q_rows * waves * q_columns.transpose();
}

void HarmonicFill::fill(const Context& ctx, const Tensor& masked, const Tensor& offsets,
                        const Tensor& fake) const {
  const HoleShape s = hole_shape("harmonic_fill", masked, offsets, fake);
  if (s.hole != hole_size_)
    throw ShapeError(fmt::format("harmonic_fill: made for holes of {} pixels, got {}", hole_size_, s.hole));
  visit_real(fake.dtype, [&]<typename T>(T) {
    ctx.parallel(s.pictures, [&](int64_t n, int) {
      const HoleOffset at = hole_offset("harmonic_fill", s, offsets, n);
      const int64_t h = s.hole;
      const bool above = at.row > 0, below = at.row + h < s.rows;
      const bool left = at.column > 0, right = at.column + h < s.columns;
      const T* picture = masked.as<T>() + n * s.picture_values();
      T* to = fake.as<T>() + n * s.hole_values();
      Matrix u(h, h);
      for (int64_t c = 0; c < s.channels; ++c) {
        const auto known = [&](int64_t row, int64_t column) {
          return static_cast<double>(
              picture[((at.row + row) * s.columns + at.column + column) * s.channels + c]);
        };
        u.setZero();
        for (int64_t i = 0; i < h; ++i) {
          if (above) u(0, i) += known(-1, i);
          if (below) u(h - 1, i) += known(h, i);
          if (left) u(i, 0) += known(i, -1);
          if (right) u(i, h - 1) += known(i, h);
        }
        if (above || below || left || right) solve(basis(above, below), basis(left, right), u.data());
        for (int64_t i = 0; i < h; ++i)
          for (int64_t j = 0; j < h; ++j) to[(i * h + j) * s.channels + c] = static_cast<T>(u(i, j));
      }
    });
  });
}

}  // namespace inpaint
