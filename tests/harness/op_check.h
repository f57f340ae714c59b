// What every op's proof is made of: the backends it runs on, and comparisons whose failure names the op, the
// backend, the shape, the seed, the element, what was got and what was wanted.
#pragma once

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/device/context.h"
#include "core/device/copy.h"
#include "tests/harness/bounded.h"
#include "tests/harness/error_message.h"
#include "tests/harness/guarded_tensor.h"
#include "tests/harness/nightly.h"
#include "tests/harness/orders.h"

namespace inpaint::test {

inline constexpr uint64_t kSeed = 20240;

// Where a test body runs. The bodies ask it for contexts and know no device themselves; it takes a
// placement's place where they make tensors.
struct Backend {
  std::string name;
  DType dtype;
  MatrixBackend matrix = MatrixBackend::kEigen;
  Device device = Device::kCpu;
  bool aligned = false;  // tensors begin at multiples of 64 bytes, as those of an arena do
  Fp32Products fp32_products = Fp32Products::kExact;

  std::unique_ptr<Context> context(int threads = 2) const {
    if (device == Device::kCuda) return std::make_unique<Context>(Gpu{0, fp32_products}, threads);
    return std::make_unique<Context>(threads, matrix);
  }
  Placement of(DType type) const { return {type, device, aligned}; }
  operator Placement() const { return of(dtype); }  // NOLINT
  // For what belongs to a channel or a parameter.
  Placement parameters() const { return of(parameter_dtype(dtype)); }
  // The rounding of the type it computes in, and of another type.
  double unit_roundoff() const {
    return fp32_products == Fp32Products::kTf32 && dtype == DType::kF32 ? 0x1p-11
                                                                        : roundoff(parameter_dtype(dtype));
  }
  static double roundoff(DType type) {
    return type == DType::kBF16 ? 0x1p-8 : type == DType::kF32 ? 0x1p-24 : 0x1p-53;
  }
};

// Those a GPU adds, twice each: the kernels take other ways where tensors are aligned. Empty without a GPU,
// and where a level of the CPU kernels is what is tested.
inline std::vector<Backend> cuda_backends() {
  std::vector<Backend> all;
  if (Context::gpu_count() == 0 || std::getenv("INPAINT_CPU_LEVEL") != nullptr) return all;
  for (const auto& [name, dtype] : {std::pair{"f32", DType::kF32}, std::pair{"f64", DType::kF64}})
    for (const bool aligned : {false, true})
      all.push_back({fmt::format("cuda {}{}", name, aligned ? " aligned" : ""), dtype, MatrixBackend::kEigen,
                     Device::kCuda, aligned});
  return all;
}

// For the ops without matrix products, on the CPU.
inline std::vector<Backend> cpu_backends() { return {{"cpu f32", DType::kF32}, {"cpu f64", DType::kF64}}; }

// For the ops without matrix products.
inline std::vector<Backend> backends() {
  std::vector<Backend> all = cpu_backends();
  for (const Backend& backend : cuda_backends()) all.push_back(backend);
  return all;
}

// For the ops on what travels between layers: in bf16 too.
inline std::vector<Backend> activation_backends() {
  std::vector<Backend> all = backends();
  all.push_back({"cpu bf16", DType::kBF16});
  if (Context::gpu_count() == 0) return all;
  for (const bool aligned : {false, true})
    all.push_back({fmt::format("cuda bf16{}", aligned ? " aligned" : ""), DType::kBF16, MatrixBackend::kEigen,
                   Device::kCuda, aligned});
  return all;
}

// For the ops with matrix products.
inline std::vector<Backend> matrix_backends() {
  std::vector<Backend> all = {{"cpu, Eigen, f32", DType::kF32, MatrixBackend::kEigen},
                              {"cpu, Eigen, f64", DType::kF64, MatrixBackend::kEigen},
                              {"cpu, tiles, f32", DType::kF32, MatrixBackend::kTile},
                              {"cpu, tiles, f64", DType::kF64, MatrixBackend::kTile},
                              {"cpu, Eigen, bf16", DType::kBF16, MatrixBackend::kEigen},
                              {"cpu, tiles, bf16", DType::kBF16, MatrixBackend::kTile}};
  if (Context::has_one_dnn()) all.push_back({"cpu, oneDNN, f32", DType::kF32, MatrixBackend::kOneDnn});
  if (Context::gpu_count() == 0) return all;
  const auto add = [&](const char* name, DType dtype, Fp32Products fp32_products) {
    all.push_back({name, dtype, MatrixBackend::kEigen, Device::kCuda, true, fp32_products});
  };
  add("cuda bf16", DType::kBF16, Fp32Products::kExact);
  add("cuda f32", DType::kF32, Fp32Products::kExact);
  add("cuda tf32", DType::kF32, Fp32Products::kTf32);
  add("cuda f64", DType::kF64, Fp32Products::kExact);
  return all;
}

// Plans exactly the workspace the op asks for and fills it with NaN.
inline void prepare_workspace(Context& ctx, int64_t bytes) {
  ctx.reserve_workspace(bytes);
  if (bytes == 0) return;
  const std::vector<uint8_t> nan(static_cast<size_t>(bytes), 0xFF);
  upload(ctx, {{bytes}, DType::kU8, Device::kCpu, const_cast<uint8_t*>(nan.data())},
         {{bytes}, DType::kU8, ctx.device(), ctx.workspace(bytes)});
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

// What an element has to be, and how far off it may be.
struct Wanted {
  long double value, bound;
};

inline void check_within(const Label& label, const char* tensor, const GuardedTensor& got,
                         const std::vector<Wanted>& want) {
  REQUIRE(got.elements() == static_cast<int64_t>(want.size()));
  std::string first;
  int64_t wrong = 0;
  for (int64_t i = 0; i < got.elements(); ++i) {
    const Wanted& w = want[static_cast<size_t>(i)];
    if (std::abs(got[i] - w.value) <= w.bound) continue;  // false for a NaN on either side
    if (wrong++ == 0)
      first = fmt::format("element {}: got {:.17g}, want {:.17g} within {:.3g}", i, got[i], w.value, w.bound);
  }
  CHECK_MESSAGE(wrong == 0, describe(label, tensor), ": ", wrong, " of ", got.elements(), " wrong, ", first);
  check_guards(label, tensor, got);
}

// Every element within factor * unit roundoff * magnitude of the wanted value, the roundoff being that of
// what the backend computes in (results in double of sums of f32 values are no better than their terms); and
// once rounded, where the tensor is bf16.
inline void check_close(const Label& label, const char* tensor, const GuardedTensor& got,
                        const std::vector<Bounded>& want, int factor = 8) {
  std::vector<Wanted> within;
  for (const Bounded& w : want) {
    long double bound = factor * label.backend.unit_roundoff() * w.magnitude;
    if (got.dtype() == DType::kBF16) bound += Backend::roundoff(DType::kBF16) * (std::abs(w.value) + bound);
    within.push_back({w.value, bound});
  }
  check_within(label, tensor, got, within);
}

// Every element equal.
inline void check_exact(const Label& label, const char* tensor, const GuardedTensor& got,
                        const std::vector<double>& want) {
  std::vector<Wanted> exact;
  for (const double w : want) exact.push_back({w, 0});
  check_within(label, tensor, got, exact);
}

// Products of small integers: equal, but for the one rounding of a sum to bf16.
inline void check_exact_sums(const Label& label, const char* tensor, const GuardedTensor& got,
                             const std::vector<double>& want) {
  if (label.backend.dtype != DType::kBF16) return check_exact(label, tensor, got, want);
  check_close(label, tensor, got, {want.begin(), want.end()}, 1);
}

inline std::vector<Bounded> plus(std::vector<Bounded> a, const GuardedTensor& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] += b[static_cast<int64_t>(i)];
  return a;
}

// Runs an op by run(ctx), which returns its outputs, again and again: with 1, 2, 3 and 8 threads on the CPU
// (1 and 3 under sanitizers), in every order on a GPU. With the first context it runs twice: an op must leave
// its context as it was. All bits must agree.
template <typename F>
void check_same_bits(const Label& label, F&& run) {
  std::vector<GuardedTensor> want;
  const auto check = [&](const std::string& how, int threads) {
    const auto ctx = label.backend.context(threads);
    if (want.empty()) want = run(*ctx);
    const std::vector<GuardedTensor> got = run(*ctx);
    for (size_t i = 0; i < got.size(); ++i)
      CHECK_MESSAGE(got[i].same_bits(want[i]), describe(label, "output "), i, " differs in its bits: ", how);
  };
  if (label.backend.device == Device::kCuda)
    for_each_order([&](const std::string& order) { check(order, 1); });
  else
    for (const int threads : kSanitized ? std::vector{1, 3} : std::vector{1, 2, 3, 8})
      check(fmt::format("{} threads", threads), threads);
}

// The call must throw a ShapeError whose message names the op and the tensor.
template <typename F>
void check_refused(const std::string& op, const std::string& tensor, F&& call) {
  const std::string message = error_message<ShapeError>(call);
  CHECK_MESSAGE(contains(message, op), message, " does not name ", op);
  CHECK_MESSAGE(contains(message, tensor), message, " does not name ", tensor);
}

// Tensors of a call by the names that messages give them.
using NamedTensors = std::map<std::string, Tensor>;

// call(tensors) must refuse each of the tensors in turn when it has another shape, and when it has a type of
// integers. Its message names the op and the tensor.
template <typename F>
void check_each_refused(const std::string& op, const NamedTensors& right, F&& call) {
  for (const auto& [name, tensor] : right) {
    NamedTensors wrong = right;
    const int64_t n = tensor.elements();
    wrong.at(name).shape = tensor.shape.rank() == 1 ? Shape{n, 1} : Shape{n};
    check_refused(op + " " + name + ":", "expected", [&] { call(wrong); });
    wrong = right;
    wrong.at(name).dtype = tensor.dtype == DType::kI32 ? DType::kU8 : DType::kI32;
    check_refused(op + " " + name + ":", "expected", [&] { call(wrong); });
  }
}

template <typename... Tensors>
std::vector<GuardedTensor> outputs(Tensors&&... tensors) {
  std::vector<GuardedTensor> all;
  (all.push_back(std::move(tensors)), ...);
  return all;
}

}  // namespace inpaint::test
