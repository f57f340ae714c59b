// A linear layer's weight gradient applied at once, beside adam on linear's gradient.
#include "kernels/linear/linear_adam.h"

#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

// Odd ones; whole vectors of inputs around the blocks of rows, panels and pieces; more examples than are
// summed in one go, in pairs and singly.
const LinearShape kShapes[] = {{1, 1, 1},    {3, 5, 7},      {5, 257, 19},   {2, 16, 2},
                               {7, 64, 24},  {16, 1040, 50}, {13, 1024, 26}, {5, 2080, 25},
                               {64, 96, 49}, {259, 32, 6},   {515, 16, 4},   {35, 136, 520}};

const AdamOptions kOptions{.learning_rate = 0.1, .beta1 = 0.9, .weight_decay = 0.5, .clip = 0.5};

struct Case {
  const Backend& backend;
  LinearShape s;
  GuardedTensor x, dy, rate, w, m, v, weights_bf16, half_squares;

  Case(const Backend& b, const LinearShape& shape)
      : backend(b),
        s(shape),
        x(integer_tensor({s.n, s.in}, b, kSeed, 0)),
        dy(integer_tensor({s.n, s.out}, b, kSeed, 1)),
        rate({1}, b.of(DType::kF64), [](int64_t) { return adam_rate(kOptions, 3); }),
        w(random_tensor({s.out, s.in}, b.parameters(), kSeed, 2)),
        m(random_tensor({s.out, s.in}, b.parameters(), kSeed, 3, 0, 0.5)),
        v({s.out, s.in}, b.parameters(), [](int64_t i) { return 0.01 * static_cast<double>(i % 101); }),
        weights_bf16({s.out, s.in}, b.of(DType::kBF16)),
        half_squares({1}, b.of(DType::kF64)) {}

  Label label() const { return {"linear_adam", backend, fmt::format("n {} in {} out {}", s.n, s.in, s.out)}; }

  void run(Context& ctx, bool with_all = true) const {
    prepare_workspace(ctx, linear_adam_workspace_bytes(ctx, s, backend.dtype));
    linear_adam(ctx, kOptions, rate, x, dy, w, m, v, with_all ? weights_bf16.pointer() : nullptr,
                with_all ? half_squares.pointer() : nullptr);
  }

  // The two ops, one after the other.
  void run_plainly() const {
    const auto ctx = backend.context();
    prepare_workspace(*ctx, linear_workspace_bytes(*ctx, s, backend.dtype));
    const GuardedTensor dw({s.out, s.in}, backend.parameters());
    linear_backward_weight(*ctx, x, dy, dw, GradMode::kOverwrite);
    const int64_t all = s.in * s.out;
    prepare_workspace(*ctx, adam_workspace_bytes(*ctx, all));
    const auto flat = [&](const GuardedTensor& t) { return Tensor(t).reshaped({all}); };
    adam(*ctx, kOptions, rate, all,
         {.grad = flat(dw),
          .param = flat(w),
          .m = flat(m),
          .v = flat(v),
          .weights_bf16 = flat(weights_bf16),
          .half_squares = half_squares});
  }
};

}  // namespace

TEST_CASE("linear_adam: the bits of the weight gradient and Adam one after the other") {
  // Integers: their sums are exact, whatever the order.
  for (const Backend& backend : matrix_backends())
    for (const LinearShape& shape : kShapes) {
      const Case at_once(backend, shape), plain(backend, shape);
      at_once.run(*backend.context());
      plain.run_plainly();
      const Label label = at_once.label();
      CHECK_MESSAGE(at_once.w.same_bits(plain.w), describe(label, "w"));
      CHECK_MESSAGE(at_once.m.same_bits(plain.m), describe(label, "m"));
      CHECK_MESSAGE(at_once.v.same_bits(plain.v), describe(label, "v"));
      CHECK_MESSAGE(at_once.weights_bf16.same_bits(plain.weights_bf16), describe(label, "weights_bf16"));
      // CUDA kernels sum a few neighbours' squares in float.
      const double want = plain.half_squares[0], bound = backend.device == Device::kCuda ? 1e-6 : 1e-12;
      CHECK_MESSAGE(std::abs(at_once.half_squares[0] - want) <= bound * want,
                    describe(label, "half_squares"));
      for (const GuardedTensor* t : {&at_once.w, &at_once.m, &at_once.v, &at_once.weights_bf16})
        check_guards(label, "updated", *t);
    }
}

TEST_CASE("linear_adam: without a copy and half_squares the update is the same") {
  for (const Backend& backend : matrix_backends())
    for (const LinearShape& shape :
         {kShapes[4], kShapes[5]}) {  // bf16 on a GPU: in one kernel, and in two ops
      const Case with(backend, shape), without(backend, shape);
      with.run(*backend.context());
      without.run(*backend.context(), false);
      CHECK_MESSAGE(with.w.same_bits(without.w), describe(with.label(), "w"));
      CHECK(std::isnan(without.half_squares[0]));
      CHECK(std::isnan(without.weights_bf16[0]));
    }
}

TEST_CASE("linear_adam: same bits for any number of threads") {
  for (const Backend& backend : matrix_backends())
    for (const LinearShape& shape : kShapes)
      check_same_bits(Case(backend, shape).label(), [&](Context& ctx) {
        Case c(backend, shape);
        c.x = random_tensor({shape.n, shape.in}, backend, kSeed, 0);
        c.run(ctx);
        return outputs(c.w, c.m, c.v, c.weights_bf16, c.half_squares);
      });
}

TEST_CASE("linear_adam: wrong tensors are refused") {
  const Backend backend = matrix_backends().front();
  const auto ctx = backend.context();
  const Case c(backend, {2, 3, 4});
  const GuardedTensor turned({3, 4}, DType::kF32), wrong_type({4, 3}, DType::kF64), row({3}, DType::kF32);
  const auto run = [&](const Tensor& x, const Tensor& w, const Tensor& m, const Tensor& v,
                       const Tensor* copies, const Tensor* half_squares) {
    linear_adam(*ctx, kOptions, c.rate, x, c.dy, w, m, v, copies, half_squares);
  };
  check_refused("linear_adam", "x", [&] { run(row, c.w, c.m, c.v, nullptr, nullptr); });
  check_refused("linear_adam", "w", [&] { run(c.x, turned, c.m, c.v, nullptr, nullptr); });
  check_refused("linear_adam", "m", [&] { run(c.x, c.w, wrong_type, c.v, nullptr, nullptr); });
  check_refused("linear_adam", "v", [&] { run(c.x, c.w, c.m, turned, nullptr, nullptr); });
  check_refused("linear_adam", "weights_bf16", [&] { run(c.x, c.w, c.m, c.v, c.m.pointer(), nullptr); });
  check_refused("linear_adam", "half_squares", [&] { run(c.x, c.w, c.m, c.v, nullptr, row.pointer()); });
}
