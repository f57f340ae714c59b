// The training step on a GPU beside the CPU's, and what it asks of the GPU. Where there is none, doctest
// reports these as skipped.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "tests/harness/orders.h"
#include "tests/train/step/tiny_training.h"
#ifdef INPAINT_CUDA_EXECUTOR
#include "tests/cuda_executor/executor.h"
#endif

using namespace inpaint;

namespace {

bool no_gpu() { return Context::gpu_count() == 0; }

TinyTraining on_gpu(const StepOptions& options, DType dtype = DType::kF32) {
  return TinyTraining(
      options, [] { return Context(Gpu{}, 1); }, dtype, 8);
}

Tensor host_view(const HostCopy& copy) { return copy; }

// The largest difference between two tensors' changes since `start`, beside the size of the CPU's change.
template <typename T>
double relative_difference(const Tensor& start, const Tensor& a, const Tensor& b) {
  double difference = 0, change = 0;
  for (int64_t i = 0; i < a.elements(); ++i) {
    const double moved = static_cast<double>(a.as<T>()[i]) - static_cast<double>(start.as<T>()[i]);
    const double other = static_cast<double>(b.as<T>()[i]) - static_cast<double>(start.as<T>()[i]);
    difference += (moved - other) * (moved - other);
    change += moved * moved;
  }
  return change == 0 ? std::sqrt(difference) : std::sqrt(difference / change);
}

double apart(double got, double want) { return std::abs(got - want) / std::abs(want); }

// The largest difference of any loss.
double apart(const Losses& got, const Losses& want) {
  return std::max({apart(got.rec_loss, want.rec_loss), apart(got.adv_gene_loss, want.adv_gene_loss),
                   apart(got.tv_loss, want.tv_loss), apart(got.adv_disc_loss, want.adv_disc_loss)});
}

// Adam's first updates are nearly the gradients' signs: they make a rounding into a different network.
// Trained a little, two devices stay together for a step.
constexpr int kCalmingSteps = 30;

void calm_down(TinyTraining& t) {
  for (int step = 0; step < kCalmingSteps; ++step) {
    t.load(static_cast<uint64_t>(1000 + 8 * step));
    t.train();
  }
}

void copy_state(TinyTraining& from, TinyTraining& to) {
  const auto copy = [&](const Parameters& f, const Parameters& t) {
    const auto put = [&](const Tensor& a, const Tensor& b) { upload(to.ctx, HostCopy(from.ctx, a), b); };
    put(f.values(), t.values());
    put(f.moments1(), t.moments1());
    put(f.moments2(), t.moments2());
    const auto kind = ParameterId::Kind::kRunning;
    for (size_t i = 0; i < f.spec().list(kind).size(); ++i) put(f.value({kind, i}), t.value({kind, i}));
    t.refresh_copy(to.ctx);
  };
  copy(from.model.generator_params, to.model.generator_params);
  copy(from.model.discriminator_params, to.model.discriminator_params);
  to.step.generator().updates = from.step.generator().updates;
  to.step.discriminator()->updates = from.step.discriminator()->updates;
}

}  // namespace

// Each step starts from the CPU's state. Left to themselves two correct devices part within a few steps: a
// rounding that takes an activation across its kink changes gradients by about 1e-3. That may also happen
// within a step, which is five updates long: in one step of ten at most.
TEST_CASE("GPU: ten training steps agree with the CPU's, recorded" * doctest::skip(no_gpu())) {
  for (const bool weight_clip : {false, true}) {
    StepOptions options;
    options.weight_clip = weight_clip;
    TinyTraining cpu(options), gpu = on_gpu(options), start(options);
    calm_down(cpu);
    int parted = 0;
    std::optional<UncheckedAccesses> unchecked;
    for (int step = 0; step < 10; ++step) {
      if (step == 2) unchecked.emplace();  // every kernel has been seen
      copy_state(cpu, gpu);
      copy_state(cpu, start);
      for (TinyTraining* t : {&cpu, &gpu}) t->load(static_cast<uint64_t>(8 * step));
      const Losses want = cpu.train(), got = gpu.train();
      const double losses = std::max(
          apart(got, want), apart(gpu.step.generator().decay_loss(), cpu.step.generator().decay_loss()));
      double updates = 0;
      const auto compare = [&](const Parameters& s, const Parameters& c, const Parameters& g) {
        for (const auto kind : {ParameterId::Kind::kWeight, ParameterId::Kind::kOther})
          for (size_t i = 0; i < c.spec().list(kind).size(); ++i) {
            const HostCopy there(gpu.ctx, g.value({kind, i}));
            updates = std::max(updates, relative_difference<float>(s.value({kind, i}), c.value({kind, i}),
                                                                   host_view(there)));
          }
      };
      compare(start.model.generator_params, cpu.model.generator_params, gpu.model.generator_params);
      compare(start.model.discriminator_params, cpu.model.discriminator_params,
              gpu.model.discriminator_params);
      INFO("step ", step, ": losses differ by ", losses, ", updates by ", updates);
      CHECK(losses <= 1e-3);
      CHECK(updates <= 0.1);
      if (losses > 1e-5 || updates > 1e-3 || got.disc_acc != want.disc_acc) ++parted;
    }
    CHECK(parted <= 1);
  }
}

TEST_CASE("GPU: a recorded step gives the bits of one that was not, with and without reuse" *
          doctest::skip(no_gpu())) {
  StepOptions options;
  options.gene_iter = 2;
  StepOptions plain = options;
  plain.reuse = false;
  TinyTraining once = on_gpu(options), plainly = on_gpu(plain);
  for (int step = 0; step < 5; ++step)
    for (TinyTraining* t : {&once, &plainly}) {
      t->load(static_cast<uint64_t>(8 * step));
      t->train();
    }
  CHECK(once.state() == plainly.state());
}

// The host's rates must not change before the GPU has taken them.
TEST_CASE("GPU: steps enqueued one behind the other have rates of their own" * doctest::skip(no_gpu())) {
  StepOptions options;
  options.gene_iter = 2;
  TinyTraining waited_for = on_gpu(options), enqueued = on_gpu(options);
  for (int step = 0; step < 4; ++step) {
    waited_for.load(static_cast<uint64_t>(8 * step));
    waited_for.train();  // its losses are looked at
    enqueued.load(static_cast<uint64_t>(8 * step));
    enqueued.step.train();
  }
  CHECK(enqueued.state() == waited_for.state());
}

TEST_CASE("GPU: in bf16 the losses stay near the CPU's in fp32" * doctest::skip(no_gpu())) {
  const StepOptions options;
  TinyTraining cpu(options), gpu = on_gpu(options, DType::kBF16);
  for (int step = 0; step < 3; ++step) {
    for (TinyTraining* t : {&cpu, &gpu}) t->load(static_cast<uint64_t>(8 * step));
    const Losses want = cpu.train(), got = gpu.train();
    CHECK(apart(got.rec_loss, want.rec_loss) <= 0.05);
    CHECK(apart(got.adv_disc_loss, want.adv_disc_loss) <= 0.05);
  }
}

#ifdef INPAINT_CUDA_EXECUTOR
TEST_CASE("GPU: the branches of a step give the same bits in every order") {
  const UncheckedAccesses unchecked;
  StepOptions options;
  options.gene_iter = 2;
  for (const DType dtype : {DType::kF32, DType::kBF16})
    executor::in_every_schedule([&] {
      TinyTraining t = on_gpu(options, dtype);
      for (int step = 0; step < 3; ++step) {  // two plainly, one recorded
        t.load(static_cast<uint64_t>(8 * step));
        t.train();
      }
      const auto state = t.state();
      return std::string(reinterpret_cast<const char*>(state.data()), state.size() * sizeof(state[0]));
    });
  CHECK(executor::take_violations().empty());
}

TEST_CASE("GPU: a step is one launch, and neither allocates nor waits") {
  TinyTraining t = on_gpu(StepOptions{});
  const int64_t begun = executor::counters().kernel_launches;
  t.load(0);
  t.train();
  const int64_t kernels = executor::counters().kernel_launches - begun;
  MESSAGE("a step launches ", kernels, " kernels beside those of libraries");
  CHECK(kernels <= 290);                  // each costs a GPU two microseconds or more, however little it does
  for (int step = 1; step < 4; ++step) {  // both places of the input, first plainly, then recorded
    t.load(static_cast<uint64_t>(8 * step));
    t.train();
  }
  t.load(32);
  const executor::Counters before = executor::counters();
  t.step.train();
  const executor::Counters after = executor::counters();
  CHECK(after.kernel_launches == before.kernel_launches);
  CHECK(after.graph_launches == before.graph_launches + 1);
  CHECK(after.allocations == before.allocations);
  CHECK(after.host_waits == before.host_waits);
  t.step.losses();
}
#endif
