// Gradients without formulas: of a function of many numbers, one number at a time.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

namespace inpaint::test {

using Complex = std::complex<long double>;  // so that the reference's own roundings do not count

// df/dx[i] of f(vector of Complex) as the imaginary part after a step of 1e-100 along the imaginary axis:
// no difference is taken, so nothing cancels. f must be smooth around x, or piecewise so, branching on real
// parts away from the kink.
template <typename F>
std::vector<long double> complex_step(const std::vector<double>& x, F&& f) {
  constexpr long double kStep = 1e-100L;
  std::vector<Complex> point(x.begin(), x.end());
  std::vector<long double> gradient;
  for (Complex& coordinate : point) {
    coordinate.imag(kStep);
    gradient.push_back(f(point).imag() / kStep);
    coordinate.imag(0);
  }
  return gradient;
}

// (f(x + step) - f(x - step)) / (2 step): exact for functions that are linear between grid points, where the
// step is a fraction of the grid; at a kink between equal slopes of opposite sign it gives 0.
template <typename F>
std::vector<double> central_differences(std::vector<double> x, double step, F&& f) {
  std::vector<double> gradient;
  for (double& coordinate : x) {
    const double middle = coordinate;
    coordinate = middle + step;
    const double above = f(x);
    coordinate = middle - step;
    gradient.push_back((above - f(x)) / (2 * step));
    coordinate = middle;
  }
  return gradient;
}

}  // namespace inpaint::test
