// A number that carries its own error bound: `magnitude` is what the value would be if nothing cancelled and
// every intermediate rounding pushed the same way (sum of |terms|, carried through products, quotients and
// functions by their derivatives). A computation of few roundings in arithmetic of unit roundoff u is then
// within a small factor * u * magnitude of the value. Run the references of harness/reference.h over it. The
// value is a long double, so that the reference's own roundings are well below those of a kernel in double.
#pragma once

#include <cmath>
#include <complex>

namespace inpaint::test {

struct Bounded {
  long double value = 0, magnitude = 0;

  Bounded() = default;
  Bounded(long double v)
      : value(v), magnitude(std::abs(v)) {}  // NOLINT: numbers mix as double and complex do
  Bounded(long double v, long double m) : value(v), magnitude(m) {}

  Bounded& operator+=(const Bounded& b) { return *this = {value + b.value, magnitude + b.magnitude}; }
  friend Bounded operator+(Bounded a, const Bounded& b) { return a += b; }
  friend Bounded operator-(const Bounded& a) { return {-a.value, a.magnitude}; }
  friend Bounded operator-(const Bounded& a, const Bounded& b) { return a + -b; }
  friend Bounded operator*(const Bounded& a, const Bounded& b) {
    return {a.value * b.value, a.magnitude * b.magnitude};
  }
  friend Bounded operator/(const Bounded& a, const Bounded& b) {
    return {a.value / b.value, a.magnitude / std::abs(b.value) * (b.magnitude / std::abs(b.value))};
  }
};

// |f(x)| + |f'(x)| times the magnitude of x.
inline Bounded of_function(long double f, long double derivative, const Bounded& x) {
  return {f, std::abs(f) + std::abs(derivative) * x.magnitude};
}
inline Bounded sqrt(const Bounded& x) {
  const long double root = std::sqrt(x.value);
  return of_function(root, root == 0 ? 0 : 0.5 / root, x);
}
inline Bounded tanh(const Bounded& x) {
  const long double t = std::tanh(x.value);
  return of_function(t, 1 - t * t, x);
}
inline Bounded exp(const Bounded& x) { return of_function(std::exp(x.value), std::exp(x.value), x); }
inline Bounded log(const Bounded& x) { return of_function(std::log(x.value), 1 / x.value, x); }

// The part that decides a comparison: references branch on it, whatever number they run over.
inline long double real_part(long double x) { return x; }
inline long double real_part(const std::complex<long double>& x) { return x.real(); }
inline long double real_part(const Bounded& x) { return x.value; }

}  // namespace inpaint::test
