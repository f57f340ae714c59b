#include "kernels/channel/batch_norm.h"

#include <functional>

#include "tests/harness/derivative.h"
#include "tests/harness/op_check.h"
#include "tests/harness/reference.h"

using namespace inpaint;
using namespace inpaint::test;
using reference::Values;

namespace {

constexpr double kEpsilon = 1e-5;
constexpr Activation kActivations[] = {Activation::kNone, Activation::kRelu, Activation::kLeakyRelu};

// Around the widths at which the rows of an array are cut: vectors, 128 or 256 lanes, 32768 elements.
const Shape kShapes[] = {
    {1, 1},          // a batch of one value: variance 0
    {1, 64},         //
    {7, 1},          //
    {5, 3},          //
    {2, 3, 3, 5},    //
    {2, 4, 4, 64},   //
    {3, 5, 5, 65},   //
    {67, 31},        // four rows to a wide row, and a rest
    {9, 127},        //
    {9, 128},        //
    {9, 129},        // a second chunk of one channel
    {9, 257},        // the same, twice as wide
    {17, 513},       //
    {32769, 1},      // one value past a tile
    {11001, 3},      //
    {2, 24, 23, 64}  // three tiles of one chunk
};
const Shape kOrderShapes[] = {{5, 3}, {9, 257}, {300, 64}, {11001, 3}};  // sums of one and of more row blocks
const Shape kSmallShapes[] = {{1, 3}, {6, 1}, {5, 3}, {2, 2, 2, 5}};     // for derivatives by every element

struct Case {
  const Backend& backend;
  Shape shape, channels;
  GuardedTensor x, dy, mean, variance, gamma, beta, bias;

  Case(const Backend& b, const Shape& s) : Case(b, s, b.parameters()) {}
  Case(const Backend& b, const Shape& s, const Placement& parameters)
      : backend(b),
        shape(s),
        channels{s.back()},
        x(random_tensor(s, b, kSeed, 0, 0.5)),
        dy(random_tensor(s, b, kSeed, 1)),
        mean(random_tensor(channels, parameters, kSeed, 2, 0.5, 0.1)),
        variance(channels, parameters, [](int64_t c) { return 0.5 + 0.1 * static_cast<double>(c % 7); }),
        gamma(random_tensor(channels, parameters, kSeed, 3, 1, 0.3)),
        beta(random_tensor(channels, parameters, kSeed, 4, 0, 0.3)),
        bias(random_tensor(channels, parameters, kSeed, 5)) {}

  Label label(const char* op, Activation act = Activation::kNone) const {
    return {fmt::format("{}, activation {}", op, static_cast<int>(act)), backend, to_string(shape)};
  }

  std::unique_ptr<Context> context(int threads = 2) const {
    auto ctx = backend.context(threads);
    prepare_workspace(*ctx, batch_norm_workspace_bytes(*ctx, shape));
    return ctx;
  }

  template <typename R>
  reference::BatchNorm<R> reference_of() const {
    return {mean.values<R>(), variance.values<R>(), gamma.values<R>(), beta.values<R>(), kEpsilon};
  }

  // Moves every z that lies at the activation's kink, where types may disagree about the side.
  void leave_kink() {
    const auto norm = reference_of<double>();
    const Values<double> values = x.values();
    for (size_t i = 0; i < values.size(); ++i)
      if (std::abs(norm.z(values, i)) < 1e-3) x.set(static_cast<int64_t>(i), values[i] + 0.1);
  }
};

// <dy, training-mode batch norm of x>, whose gradients backward has to give.
template <typename R>
R training_objective(const Values<R>& x, const Values<R>& gamma, const Values<R>& beta, Activation act,
                     const Values<R>& dy) {
  const reference::Moments<R> m = reference::moments(x, static_cast<int64_t>(gamma.size()));
  const reference::BatchNorm<R> norm{m.mean, m.variance, gamma, beta, kEpsilon};
  return reference::dot(dy, norm.forward(x, act));
}

std::vector<Bounded> with_magnitudes(const std::vector<long double>& values,
                                     const std::vector<Bounded>& like) {
  std::vector<Bounded> result;
  for (size_t i = 0; i < values.size(); ++i) result.push_back({values[i], like[i].magnitude});
  return result;
}

}  // namespace

TEST_CASE("batch_norm: statistics match the reference") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes) {
      const Case c(backend, shape);
      GuardedTensor mean(c.channels, backend.parameters()), variance(c.channels, backend.parameters());
      batch_norm_statistics(*c.context(), c.x, mean, variance);
      const auto want = reference::moments(c.x.values<Bounded>(), shape.back());
      // The terms that are summed are x - shift, the shift being a row of x: larger than the formula's by the
      // deviations that row is off, squared in the variance.
      constexpr int kFactor = 8 * 16;
      check_close(c.label("batch_norm_statistics"), "mean", mean, want.mean, kFactor);
      check_close(c.label("batch_norm_statistics"), "variance", variance, want.variance, kFactor);
    }
}

TEST_CASE("batch_norm: a mean a thousand deviations away does not spoil the variance") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : {Shape{40000, 1}, Shape{700, 64}}) {
      GuardedTensor x = random_tensor(shape, backend, kSeed, 0, 1000, 1);
      x.set(0, 0);  // the shift of the one-pass formula is the mean of the first rows: let one be far off
      GuardedTensor mean({shape.back()}, backend.parameters()),
          variance({shape.back()}, backend.parameters());
      const auto ctx = backend.context();
      prepare_workspace(*ctx, batch_norm_workspace_bytes(*ctx, shape));
      batch_norm_statistics(*ctx, x, mean, variance);
      const auto want = reference::moments(x.values<long double>(), shape.back());
      std::vector<Bounded> want_mean, want_variance;  // their own size is the bound: nothing may cancel,
      for (const long double v : want.mean) want_mean.push_back(v);
      // but in double a shift far off costs up to a factor of the rows it serves (2^-53 rows at the most).
      const long double loss = backend.dtype == DType::kF64 ? static_cast<long double>(shape.rows()) : 1;
      for (const long double v : want.variance) want_variance.push_back({v, loss * v});
      const Label label{"batch_norm_statistics, far mean", backend, to_string(shape)};
      check_close(label, "mean", mean, want_mean);
      check_close(label, "variance", variance, want_variance);
    }
}

TEST_CASE("batch_norm: long columns far from 0 are summed as well as short ones") {
  const Shape shape{300000, 1}, channels{1};
  // Deviations of 1 about 1000 and a slow wave, so that no row block has the mean of all.
  const auto value = [](int64_t i) {
    return 1000 + std::sin(1e-4 * static_cast<double>(i)) +
           0.5 * static_cast<double>(i * 7919 % 257 - 128) / 128;
  };
  for (const Backend& backend : activation_backends()) {
    if (backend.dtype == DType::kF64) continue;  // there is no wider type to sum in
    const GuardedTensor x(shape, backend, value);
    const auto ctx = backend.context();
    prepare_workspace(*ctx, batch_norm_workspace_bytes(*ctx, shape));
    GuardedTensor mean(channels, backend.parameters()), variance(channels, backend.parameters());
    batch_norm_statistics(*ctx, x, mean, variance);
    const auto moments = reference::moments(x.values<long double>(), 1);
    const Label label{"batch_norm, long column", backend, to_string(shape)};
    check_close(label, "mean", mean, {moments.mean[0]});
    check_close(label, "variance", variance, {moments.variance[0]});

    // One value in all rows, whose sums in single precision would err to the same side.
    const GuardedTensor dy(shape, backend, [](int64_t) { return 0.7; }),
        ones(channels, backend.parameters(), [](int64_t) { return 1.0; });
    GuardedTensor dx(shape, backend), dbeta(channels, backend.parameters());
    batch_norm_backward(*ctx, x, mean, variance, ones, ones, kEpsilon, Activation::kNone, dy, dx,
                        {nullptr, dbeta.pointer(), GradMode::kOverwrite});
    check_close(label, "dbeta", dbeta,
                {static_cast<long double>(dy[0]) * static_cast<long double>(shape.rows())});
  }
}

TEST_CASE("batch_norm: forward matches the reference") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes)
      for (const Activation act : kActivations) {
        const Case c(backend, shape);
        GuardedTensor y(shape, backend);
        batch_norm_forward(*c.context(), c.x, c.mean, c.variance, c.gamma, c.beta, kEpsilon, act, y);
        check_close(c.label("batch_norm_forward", act), "y", y,
                    c.reference_of<Bounded>().forward(c.x.values<Bounded>(), act));
      }
}

TEST_CASE("batch_norm: inference adds the bias and takes the running values") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes)
      for (const Activation act : kActivations) {
        const Case c(backend, shape);
        GuardedTensor y(shape, backend);
        const auto ctx = c.context();
        const auto x = c.x.values<Bounded>();
        const auto with_bias = reference::bias_activation(x, c.bias.values<Bounded>(), Activation::kNone);
        batch_norm_inference(*ctx, c.x, c.bias.pointer(), c.mean, c.variance, c.gamma, c.beta, kEpsilon, act,
                             y);
        check_close(c.label("batch_norm_inference", act), "y", y,
                    c.reference_of<Bounded>().forward(with_bias, act));
        batch_norm_inference(*ctx, c.x, nullptr, c.mean, c.variance, c.gamma, c.beta, kEpsilon, act, y);
        check_close(c.label("batch_norm_inference, no bias", act), "y", y,
                    c.reference_of<Bounded>().forward(x, act));
      }
}

TEST_CASE("batch_norm: the bits do not depend on where the parameters begin") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : {Shape{2, 4, 4, 64}, Shape{9, 128}}) {
      const Activation act = Activation::kRelu;
      const Placement anywhere{backend.parameters().dtype, backend.device};  // aligned to no pack
      const Case c(backend, shape), moved(backend, shape, anywhere);
      std::vector<GuardedTensor> y, dx, dgamma, dbeta;
      for (const Case* k : {&c, &moved}) {
        for (std::vector<GuardedTensor>* list : {&y, &dx}) list->emplace_back(shape, backend);
        for (std::vector<GuardedTensor>* list : {&dgamma, &dbeta})
          list->emplace_back(c.channels, backend.parameters());
        const auto ctx = k->context();
        batch_norm_inference(*ctx, k->x, k->bias.pointer(), k->mean, k->variance, k->gamma, k->beta, kEpsilon,
                             act, y.back());
        batch_norm_backward(*ctx, k->x, k->mean, k->variance, k->gamma, k->beta, kEpsilon, act, k->dy,
                            dx.back(),
                            {dgamma.back().pointer(), dbeta.back().pointer(), GradMode::kOverwrite});
      }
      const Label label = c.label("batch_norm, parameters elsewhere", act);
      CHECK_MESSAGE(y[1].same_bits(y[0]), describe(label, "y"));
      CHECK_MESSAGE(dx[1].same_bits(dx[0]), describe(label, "dx"));
      CHECK_MESSAGE(dgamma[1].same_bits(dgamma[0]), describe(label, "dgamma"));
      CHECK_MESSAGE(dbeta[1].same_bits(dbeta[0]), describe(label, "dbeta"));
    }
}

TEST_CASE("batch_norm: running values move by one minus the decay, the mean with its bias") {
  for (const Backend& backend : activation_backends())
    for (const int64_t channels : {1, 3, 65})
      for (const bool biased : {true, false}) {
        const Case c(backend, {2, channels});
        GuardedTensor mean = random_tensor({channels}, backend.parameters(), kSeed, 6);
        GuardedTensor variance = random_tensor({channels}, backend.parameters(), kSeed, 7);
        std::vector<Bounded> want_mean, want_variance;
        for (int64_t i = 0; i < channels; ++i) {
          const Bounded keep = 0.9, take = 1 - 0.9, bias = biased ? c.bias[i] : 0;
          want_mean.push_back(keep * mean[i] + take * (bias + c.mean[i]));
          want_variance.push_back(keep * variance[i] + take * c.variance[i]);
        }
        const RunningUpdate update = {c.mean, c.variance, biased ? Tensor(c.bias) : Tensor{},
                                      0.9,    mean,       variance};
        batch_norm_update_running(*c.context(), {&update, 1});
        check_close(c.label("batch_norm_update_running"), "running_mean", mean, want_mean);
        check_close(c.label("batch_norm_update_running"), "running_variance", variance, want_variance);
      }
}

// As many as take several launches on a GPU, each of its own size and decay, some without a bias.
TEST_CASE("batch_norm: many running values at once move as they do one by one") {
  for (const Backend& backend : backends()) {
    const auto ctx = backend.context();
    batch_norm_update_running(*ctx, {});
    std::vector<std::unique_ptr<Case>> cases;
    std::vector<GuardedTensor> alone, together;
    std::vector<RunningUpdate> updates;
    for (int64_t i = 0; i < 70; ++i) {
      const Shape channels{1 + (i * 37) % 300};
      cases.push_back(std::make_unique<Case>(backend, Shape{2, channels[0]}));
      for (std::vector<GuardedTensor>* list : {&alone, &together})
        for (const uint64_t draw : {6, 7})
          list->push_back(random_tensor(channels, backend.parameters(), kSeed, draw));
    }
    for (size_t i = 0; i < cases.size(); ++i) {
      const Case& c = *cases[i];
      const Tensor bias = i % 3 == 0 ? Tensor{} : Tensor(c.bias);
      const double decay = 0.9 - 0.01 * static_cast<double>(i);
      const RunningUpdate one = {c.mean, c.variance, bias, decay, alone[2 * i], alone[2 * i + 1]};
      batch_norm_update_running(*ctx, {&one, 1});
      updates.push_back({c.mean, c.variance, bias, decay, together[2 * i], together[2 * i + 1]});
    }
    batch_norm_update_running(*ctx, updates);
    for (size_t i = 0; i < together.size(); ++i) {
      CHECK_MESSAGE(together[i].same_bits(alone[i]), "update ", i / 2, " of ", backend.name);
      CHECK(together[i].guards_intact());
    }
  }
}

TEST_CASE("batch_norm: backward matches the formula") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes)
      for (const Activation act : kActivations) {
        Case c(backend, shape);
        c.leave_kink();
        GuardedTensor dx(shape, backend), dgamma(c.channels, backend.parameters()),
            dbeta(c.channels, backend.parameters());
        batch_norm_backward(*c.context(), c.x, c.mean, c.variance, c.gamma, c.beta, kEpsilon, act, c.dy, dx,
                            {dgamma.pointer(), dbeta.pointer(), GradMode::kOverwrite});
        const auto want =
            c.reference_of<Bounded>().backward(c.x.values<Bounded>(), act, c.dy.values<Bounded>());
        const Label label = c.label("batch_norm_backward", act);
        check_close(label, "dx", dx, want.dx);
        check_close(label, "dgamma", dgamma, want.dgamma);
        check_close(label, "dbeta", dbeta, want.dbeta);
      }
}

TEST_CASE(
    "batch_norm: backward in two ops, over the rows of one process and of two that have the same rows") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes) {
      Case c(backend, shape);
      c.leave_kink();
      const Activation act = Activation::kLeakyRelu;
      const auto want =
          c.reference_of<Bounded>().backward(c.x.values<Bounded>(), act, c.dy.values<Bounded>());
      const auto ctx = c.context();
      GuardedTensor sums({2, shape.back()}, backend.of(DType::kF64)),
          dgamma(c.channels, backend.parameters()), dbeta(c.channels, backend.parameters());
      batch_norm_gradient_sums(*ctx, c.x, c.mean, c.variance, c.gamma, c.beta, kEpsilon, act, c.dy, sums,
                               {dgamma.pointer(), dbeta.pointer(), GradMode::kOverwrite});
      for (const int processes : {1, 2}) {
        GuardedTensor all({2, shape.back()}, backend.of(DType::kF64)), dx(shape, backend);
        const Values<double> values = sums.values();
        for (size_t i = 0; i < values.size(); ++i) all.set(static_cast<int64_t>(i), processes * values[i]);
        batch_norm_data_gradient(*ctx, c.x, c.mean, c.variance, c.gamma, c.beta, kEpsilon, act, c.dy, all,
                                 processes * shape.rows(), dx);
        check_close(c.label("batch_norm_data_gradient", act), "dx", dx, want.dx);
      }
      const Label label = c.label("batch_norm_gradient_sums", act);
      check_close(label, "dgamma", dgamma, want.dgamma);
      check_close(label, "dbeta", dbeta, want.dbeta);
    }
}

TEST_CASE("batch_norm: backward is the derivative of statistics and forward together") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kSmallShapes)
      for (const Activation act : kActivations) {
        const Case c(backend, shape);
        GuardedTensor mean(c.channels, backend.parameters()), variance(c.channels, backend.parameters());
        GuardedTensor dx(shape, backend), dgamma(c.channels, backend.parameters()),
            dbeta(c.channels, backend.parameters());
        const auto ctx = c.context();
        batch_norm_statistics(*ctx, c.x, mean, variance);
        batch_norm_backward(*ctx, c.x, mean, variance, c.gamma, c.beta, kEpsilon, act, c.dy, dx,
                            {dgamma.pointer(), dbeta.pointer(), GradMode::kOverwrite});

        const auto dy = c.dy.values<Complex>(), gamma = c.gamma.values<Complex>(),
                   beta = c.beta.values<Complex>(), x = c.x.values<Complex>();
        const auto want_dx = complex_step(
            c.x.values(), [&](const auto& v) { return training_objective(v, gamma, beta, act, dy); });
        const auto want_dgamma = complex_step(
            c.gamma.values(), [&](const auto& v) { return training_objective(x, v, beta, act, dy); });
        const auto want_dbeta = complex_step(
            c.beta.values(), [&](const auto& v) { return training_objective(x, gamma, v, act, dy); });
        // The statistics are rounded too before backward sees them: bound with the magnitudes of the whole.
        const auto m = reference::moments(c.x.values<Bounded>(), shape.back());
        const auto bound = reference::BatchNorm<Bounded>{m.mean, m.variance, c.gamma.values<Bounded>(),
                                                         c.beta.values<Bounded>(), kEpsilon}
                               .backward(c.x.values<Bounded>(), act, c.dy.values<Bounded>());
        const Label label = c.label("batch_norm_backward after statistics", act);
        check_close(label, "dx", dx, with_magnitudes(want_dx, bound.dx));
        check_close(label, "dgamma", dgamma, with_magnitudes(want_dgamma, bound.dgamma));
        check_close(label, "dbeta", dbeta, with_magnitudes(want_dbeta, bound.dbeta));
      }
}

TEST_CASE("batch_norm: parameter gradients are added to or left out, and dx may be dy") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes) {
      Case c(backend, shape);
      c.leave_kink();
      const Activation act = Activation::kLeakyRelu;
      const auto want =
          c.reference_of<Bounded>().backward(c.x.values<Bounded>(), act, c.dy.values<Bounded>());
      const Label label = c.label("batch_norm_backward, accumulate, in place", act);
      GuardedTensor dgamma = random_tensor(c.channels, backend.parameters(), kSeed, 8);
      GuardedTensor dbeta = random_tensor(c.channels, backend.parameters(), kSeed, 9);
      const auto want_dgamma = plus(want.dgamma, dgamma), want_dbeta = plus(want.dbeta, dbeta);
      const auto ctx = c.context();
      batch_norm_backward(*ctx, c.x, c.mean, c.variance, c.gamma, c.beta, kEpsilon, act, c.dy, c.dy,
                          {dgamma.pointer(), dbeta.pointer(), GradMode::kAccumulate});
      check_close(label, "dx", c.dy, want.dx);
      check_close(label, "dgamma", dgamma, want_dgamma);
      check_close(label, "dbeta", dbeta, want_dbeta);

      const Case again(backend, shape);
      GuardedTensor dx(shape, backend), only_dbeta(c.channels, backend.parameters());
      batch_norm_backward(*ctx, c.x, c.mean, c.variance, c.gamma, c.beta, kEpsilon, act, again.dy, dx,
                          {nullptr, only_dbeta.pointer(), GradMode::kOverwrite});
      CHECK_MESSAGE(dx.same_bits(c.dy), describe(label, "dx without dgamma"));
      check_close(label, "dbeta without dgamma", only_dbeta, want.dbeta);
    }
}

TEST_CASE("batch_norm: same bits for any number of threads") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kOrderShapes) {
      const Case c(backend, shape);
      check_same_bits(c.label("batch_norm"), [&](Context& ctx) {
        prepare_workspace(ctx, batch_norm_workspace_bytes(ctx, shape));
        GuardedTensor mean(c.channels, backend.parameters()), variance(c.channels, backend.parameters());
        GuardedTensor y(shape, backend), dx(shape, backend);
        GuardedTensor dgamma(c.channels, backend.parameters()), dbeta(c.channels, backend.parameters());
        batch_norm_statistics(ctx, c.x, mean, variance);
        batch_norm_forward(ctx, c.x, mean, variance, c.gamma, c.beta, kEpsilon, Activation::kRelu, y);
        batch_norm_backward(ctx, c.x, mean, variance, c.gamma, c.beta, kEpsilon, Activation::kRelu, c.dy, dx,
                            {dgamma.pointer(), dbeta.pointer(), GradMode::kOverwrite});
        return outputs(mean, variance, y, dx, dgamma, dbeta);
      });
    }
}

TEST_CASE("batch_norm: a GPU's threads take many rows") {
  // So many channels that each column of blocks takes all rows: two groups of four or more for a thread, and
  // the rest.
  const Shape shape{530, 8480}, channels{8480};
  const auto value = [](int64_t i) {
    return 0.25 * static_cast<double>((i * 7919) % 33 - 16);
  };  // exact in bf16
  const auto positive = [&](int64_t c) { return 5 + value(c); };
  const auto run = [&](const Backend& b) {
    const auto ctx = b.context();
    prepare_workspace(*ctx, batch_norm_workspace_bytes(*ctx, shape));
    const GuardedTensor x(shape, b, value), dy(shape, b, [&](int64_t i) { return value(i / 3); });
    const GuardedTensor gamma(channels, b.parameters(), positive), beta(channels, b.parameters(), value);
    GuardedTensor mean(channels, b.parameters()), variance(channels, b.parameters());
    GuardedTensor dgamma(channels, b.parameters()), dx(shape, b), y(shape, b);
    batch_norm_statistics(*ctx, x, mean, variance);
    batch_norm_forward(*ctx, x, mean, variance, gamma, beta, kEpsilon, Activation::kNone, y);
    batch_norm_backward(*ctx, x, mean, variance, gamma, beta, kEpsilon, Activation::kNone, dy, dx,
                        {dgamma.pointer(), nullptr, GradMode::kOverwrite});
    return outputs(mean, variance, y, dx, dgamma);
  };
  std::vector<GuardedTensor> want;
  for (const Backend& backend : activation_backends()) {
    const bool wide = backend.dtype == DType::kBF16 && backend.aligned;
    const bool narrow = backend.dtype == DType::kF32 && !backend.aligned;
    if (backend.device != Device::kCuda || !(wide || narrow)) continue;
    if (want.empty()) want = run({"cpu f64", DType::kF64});
    const std::vector<GuardedTensor> got = run(backend);
    const char* const names[] = {"mean", "variance", "y", "dx", "dgamma"};
    for (size_t t = 0; t < want.size(); ++t) {
      // Values up to 4, their squares, gamma up to 9, sums of 530 rows: 8000 is what nothing exceeds.
      std::vector<Bounded> bounded;
      for (const double v : want[t].values()) bounded.push_back({v, t < 2 ? 20.0 : t == 4 ? 8000.0 : 40.0});
      check_close({"batch_norm, many rows", backend, to_string(shape)}, names[t], got[t], bounded);
    }
  }
}

TEST_CASE("batch_norm: wrong tensors are refused") {
  const Backend backend = backends().front();
  const Case c(backend, {4, 3});
  const auto ctx = c.context();
  const GuardedTensor y(c.shape, DType::kF32), sums({2, 3}, DType::kF64), no_rows({0, 3}, DType::kF32);
  const Activation none = Activation::kNone;
  using Call = std::function<void(const Tensor& x, const NamedTensors& others)>;
  const auto check = [&](const std::string& op, NamedTensors right, const Call& call) {
    check_each_refused(op, right, [&](const NamedTensors& t) { call(c.x, t); });
    for (const char* const of_rows : {"y", "dy", "dx"})
      if (right.contains(of_rows)) right.at(of_rows) = no_rows;
    check_refused(op + " x:", "at least one row", [&] { call(no_rows, right); });
  };
  const NamedTensors moments = {{"mean", c.mean}, {"variance", c.variance}};
  const NamedTensors affine = {
      {"mean", c.mean}, {"variance", c.variance}, {"gamma", c.gamma}, {"beta", c.beta}};
  const auto with = [](NamedTensors tensors, const NamedTensors& others) {
    tensors.insert(others.begin(), others.end());
    return tensors;
  };
  const auto grads = [](const NamedTensors& t) {
    return BatchNormGrads{&t.at("dgamma"), &t.at("dbeta"), GradMode::kOverwrite};
  };
  const NamedTensors backward = with(affine, {{"dy", c.dy}, {"dgamma", c.gamma}, {"dbeta", c.beta}});

  check("batch_norm_statistics", moments, [&](const Tensor& x, const NamedTensors& t) {
    batch_norm_statistics(*ctx, x, t.at("mean"), t.at("variance"));
  });
  check("batch_norm_forward", with(affine, {{"y", y}}), [&](const Tensor& x, const NamedTensors& t) {
    batch_norm_forward(*ctx, x, t.at("mean"), t.at("variance"), t.at("gamma"), t.at("beta"), kEpsilon, none,
                       t.at("y"));
  });
  const NamedTensors inference = {
      {"bias", c.bias},   {"running_mean", c.mean}, {"running_variance", c.variance},
      {"gamma", c.gamma}, {"beta", c.beta},         {"y", y}};
  check("batch_norm_inference", inference, [&](const Tensor& x, const NamedTensors& t) {
    batch_norm_inference(*ctx, x, &t.at("bias"), t.at("running_mean"), t.at("running_variance"),
                         t.at("gamma"), t.at("beta"), kEpsilon, none, t.at("y"));
  });
  check("batch_norm_backward", with(backward, {{"dx", y}}), [&](const Tensor& x, const NamedTensors& t) {
    batch_norm_backward(*ctx, x, t.at("mean"), t.at("variance"), t.at("gamma"), t.at("beta"), kEpsilon, none,
                        t.at("dy"), t.at("dx"), grads(t));
  });
  check("batch_norm_gradient_sums", with(backward, {{"sums", sums}}),
        [&](const Tensor& x, const NamedTensors& t) {
          batch_norm_gradient_sums(*ctx, x, t.at("mean"), t.at("variance"), t.at("gamma"), t.at("beta"),
                                   kEpsilon, none, t.at("dy"), t.at("sums"), grads(t));
        });
  check("batch_norm_data_gradient", with(affine, {{"dy", c.dy}, {"sums", sums}, {"dx", y}}),
        [&](const Tensor& x, const NamedTensors& t) {
          batch_norm_data_gradient(*ctx, x, t.at("mean"), t.at("variance"), t.at("gamma"), t.at("beta"),
                                   kEpsilon, none, t.at("dy"), t.at("sums"), 4, t.at("dx"));
        });
  check_each_refused("batch_norm_update_running",
                     {{"variance", c.variance},
                      {"bias", c.bias},
                      {"running_mean", c.mean},
                      {"running_variance", c.variance}},
                     [&](const NamedTensors& t) {
                       const RunningUpdate update = {c.mean, t.at("variance"),     t.at("bias"),
                                                     0.9,    t.at("running_mean"), t.at("running_variance")};
                       batch_norm_update_running(*ctx, {&update, 1});
                     });
  CHECK_THROWS_AS(
      batch_norm_forward(*ctx, c.x, c.mean, c.variance, c.gamma, c.beta, kEpsilon, Activation::kTanh, y),
      Error);
}
