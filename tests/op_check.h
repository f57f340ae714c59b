// What every op's proof is made of: the backends it runs on, and comparisons whose failure names the op, the
// backend, the shape, the seed, the element, what was got and what was wanted.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/context.h"
#include "tests/bounded.h"
#include "tests/error_message.h"
#include "tests/guarded_tensor.h"

namespace inpaint::test {

inline constexpr uint64_t kSeed = 20240;

// Where a test body runs. The bodies ask it for contexts and know no device themselves.
struct Backend {
  std::string name;
  DType dtype;
  MatrixBackend matrix;

  std::unique_ptr<Context> context(int threads = 2) const {
    return std::make_unique<Context>(threads, matrix);
  }
  double unit_roundoff() const { return dtype == DType::kF32 ? 0x1p-24 : 0x1p-53; }
};

// For the ops without matrix products.
inline std::vector<Backend> backends() {
  return {{"cpu f32", DType::kF32, MatrixBackend::kEigen}, {"cpu f64", DType::kF64, MatrixBackend::kEigen}};
}

// For the ops with matrix products.
inline std::vector<Backend> matrix_backends() {
  std::vector<Backend> all = {{"cpu, Eigen, f32", DType::kF32, MatrixBackend::kEigen},
                              {"cpu, Eigen, f64", DType::kF64, MatrixBackend::kEigen},
                              {"cpu, tiles, f32", DType::kF32, MatrixBackend::kTile},
                              {"cpu, tiles, f64", DType::kF64, MatrixBackend::kTile}};
  if (Context::has_one_dnn()) all.push_back({"cpu, oneDNN, f32", DType::kF32, MatrixBackend::kOneDnn});
  return all;
}

// Plans exactly the workspace the op asks for and fills it with NaN.
inline void prepare_workspace(Context& ctx, int64_t bytes) {
  ctx.reserve_workspace(bytes);
  if (bytes > 0) std::memset(ctx.workspace(bytes), 0xFF, static_cast<size_t>(bytes));
}

struct Label {
  std::string op;
  const Backend& backend;
  std::string shape;
  uint64_t seed = kSeed;
};

inline std::string describe(const Label& label, const char* tensor) {
  return fmt::format("{} on {}, shape {}, seed {}: {}", label.op, label.backend.name, label.shape, label.seed,
                     tensor);
}

inline void check_guards(const Label& label, const char* tensor, const GuardedTensor& got) {
  CHECK_MESSAGE(got.guards_intact(), describe(label, tensor), ": written outside the tensor");
}

// Every element within factor * unit roundoff * magnitude of the wanted value, the roundoff being that of the
// backend's type: results in double of sums of f32 values are no better than their terms.
inline void check_close(const Label& label, const char* tensor, const GuardedTensor& got,
                        const std::vector<Bounded>& want, int factor = 8) {
  REQUIRE(got.elements() == static_cast<int64_t>(want.size()));
  std::string first;
  int64_t wrong = 0;
  for (int64_t i = 0; i < got.elements(); ++i) {
    const Bounded& w = want[static_cast<size_t>(i)];
    const long double bound = factor * label.backend.unit_roundoff() * w.magnitude;
    if (std::abs(got[i] - w.value) <= bound) continue;  // false for a NaN on either side
    if (wrong++ == 0)
      first = fmt::format("element {}: got {:.17g}, want {:.17g} within {:.3g}", i, got[i], w.value, bound);
  }
  CHECK_MESSAGE(wrong == 0, describe(label, tensor), ": ", wrong, " of ", got.elements(), " wrong, ", first);
  check_guards(label, tensor, got);
}

// Every element equal.
inline void check_exact(const Label& label, const char* tensor, const GuardedTensor& got,
                        const std::vector<double>& want) {
  std::vector<Bounded> exact;
  for (const double w : want) exact.push_back({w, 0});
  check_close(label, tensor, got, exact);
}

inline std::vector<Bounded> plus(std::vector<Bounded> a, const GuardedTensor& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] += b[static_cast<int64_t>(i)];
  return a;
}

// Runs an op by run(ctx), which returns its outputs, twice and with 1, 2, 3 and 8 threads: all bits must
// agree.
template <typename F>
void check_same_bits(const Label& label, F&& run) {
  const std::vector<GuardedTensor> want = run(*label.backend.context(1));
  for (const int threads : {1, 2, 3, 8}) {
    const std::vector<GuardedTensor> got = run(*label.backend.context(threads));
    for (size_t i = 0; i < want.size(); ++i)
      CHECK_MESSAGE(got[i].same_bits(want[i]), describe(label, "output "), i, " differs in its bits with ",
                    threads, " threads");
  }
}

// The call must throw a ShapeError whose message names the op and the tensor.
template <typename F>
void check_refused(const std::string& op, const std::string& tensor, F&& call) {
  const std::string message = error_message<ShapeError>(call);
  CHECK_MESSAGE(contains(message, op), message, " does not name ", op);
  CHECK_MESSAGE(contains(message, tensor), message, " does not name ", tensor);
}

template <typename... Tensors>
std::vector<GuardedTensor> outputs(Tensors&&... tensors) {
  std::vector<GuardedTensor> all;
  (all.push_back(std::move(tensors)), ...);
  return all;
}

}  // namespace inpaint::test
