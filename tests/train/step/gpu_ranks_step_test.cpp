// Ranks on GPUs of their own, threads of one process, come to what one GPU comes to on the whole batch. They
// need as many GPUs; the executor has them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "kernels/ranks/open_gpu_ranks.h"
#include "tests/harness/error_message.h"
#include "tests/harness/nightly.h"
#include "tests/harness/several_gpus.h"
#include "tests/train/step/parted_training.h"
#include "train/run/rank_agreement.h"

using namespace inpaint;

namespace {

// The weights of one convolution of the generator alone are a slice, which goes out while the rest of
// backward runs; the gradient comes from the branch of weight gradients.
const ModelOptions kWideGan{
    .context_encoder = {.image_size = 16, .image_channel = 3, .base_channels = 24, .bottleneck = 16}};

Way on_gpus(StepOptions options = {.gene_iter = 2}) {
  return {.options = options, .open = [](int rank) { return Context(Gpu{rank}, 1); }};
}

void check_alike(const State& one, const std::vector<State>& all, const State& begin, double losses,
                 double updates) {
  REQUIRE(all[0].losses.size() == one.losses.size());  // it has come to its end
  for (size_t i = 0; i < one.losses.size(); ++i)
    CHECK(all[0].losses[i] == doctest::Approx(one.losses[i]).epsilon(losses));
  for (size_t i = 0; i < one.values.size(); ++i) {
    CAPTURE(i);
    CHECK(relative_difference(one.values[i], all[0].values[i], begin.values[i]) <= updates);
  }
  for (const State& other : all) CHECK(other == all[0]);
}

}  // namespace

TEST_CASE("GPU ranks: in fp64 two and four come to what one GPU comes to on the whole batch" *
          doctest::skip(too_few_gpus(4))) {
  const SeveralGpus gpus(4);
  const int steps = nightly() ? 10 : 4;
  const Way way = on_gpus({.gene_iter = 1, .sync_batch_norm = true});
  const State begin = train_alone(kGan, DType::kF64, 0, way),
              one = train_alone(kGan, DType::kF64, steps, way);
  for (const int count : {2, 4}) {
    CAPTURE(count);
    check_alike(one, train_ranks(kGan, DType::kF64, steps, count, way), begin, 1e-9, 1e-9);
  }
}

TEST_CASE("GPU ranks: a whole-picture model too" * doctest::skip(too_few_gpus(2))) {
  const SeveralGpus gpus(2);
  const State begin = train_alone(kUnet, DType::kF32, 0, on_gpus()),
              one = train_alone(kUnet, DType::kF32, 3, on_gpus());
  check_alike(one, train_ranks(kUnet, DType::kF32, 3, 2, on_gpus()), begin, 1e-5, 0.05);
}

TEST_CASE("GPU ranks: and its adversarial phase" * doctest::skip(too_few_gpus(2))) {
  const SeveralGpus gpus(2);
  const State begin = train_alone(kTextured, DType::kF64, 0, on_gpus()),
              one = train_alone(kTextured, DType::kF64, 3, on_gpus());
  check_alike(one, train_ranks(kTextured, DType::kF64, 3, 2, on_gpus()), begin, 1e-9, 1e-8);
}

TEST_CASE("GPU ranks: two micro-batches, and gradients that go out while backward runs" *
          doctest::skip(too_few_gpus(2))) {
  const SeveralGpus gpus(2);
  REQUIRE(std::ranges::any_of(
      make_generator(kWideGan).spec().list(ParameterId::Kind::kWeight), [](const ParameterInfo& weight) {
        return weight.shape.rank() == 4 && weight.shape.elements() >= GradientExchange::kSlice;
      }));
  const Way way = on_gpus({.gene_iter = 1, .micro_batches = 2, .sync_batch_norm = true});
  const State begin = train_alone(kWideGan, DType::kF64, 0, way),
              one = train_alone(kWideGan, DType::kF64, 2, way);
  check_alike(one, train_ranks(kWideGan, DType::kF64, 2, 2, way), begin, 1e-9, 1e-9);
}

// As the CPU's ranks and one GPU: fp32 rounds, and a rounding that takes an activation across its kink
// changes more.
TEST_CASE("GPU ranks: in fp32 and bf16 losses stay near those of one GPU" * doctest::skip(too_few_gpus(2))) {
  const SeveralGpus gpus(2);
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const Way way = on_gpus({.gene_iter = 2, .sync_batch_norm = true});
    const State one = train_alone(kGan, dtype, 3, way);
    const std::vector<State> two = train_ranks(kGan, dtype, 3, 2, way);
    for (size_t i = 0; i < one.losses.size(); ++i)
      CHECK(two[0].losses[i] == doctest::Approx(one.losses[i]).epsilon(dtype == DType::kF32 ? 1e-3 : 2e-2));
    CHECK(two[1] == two[0]);
  }
}

TEST_CASE("GPU ranks: the same ranks give the same bytes, and all ranks have them" *
          doctest::skip(too_few_gpus(2))) {
  const SeveralGpus gpus(2);
  for (const bool sync_batch_norm : {false, true}) {
    const Way way = on_gpus({.gene_iter = 2, .sync_batch_norm = sync_batch_norm});
    const std::vector<State> all = train_ranks(kGan, DType::kF32, 4, 2, way),
                             again = train_ranks(kGan, DType::kF32, 4, 2, way);
    CHECK(all[1] == all[0]);
    CHECK(again[0] == all[0]);
  }
}

TEST_CASE("GPU ranks: one that does not come is named, and the other ends" * doctest::skip(too_few_gpus(2))) {
  const SeveralGpus gpus(2);
  const RanksEnding ending = run_ranks(
      2,
      [](Ranks& ranks) {
        const int steps = ranks.is_first() ? 2 : 1;
        (void)train(kGan, DType::kF32, steps, ranks, on_gpus({.gene_iter = 1}));
      },
      2);
  CHECK(contains(ending.errors[0], "rank 1 ("));
  CHECK(contains(ending.errors[0], "has not answered for 2 s"));
}

TEST_CASE("GPU ranks: all begin at the model of rank 0, and one that drifts is named" *
          doctest::skip(too_few_gpus(2))) {
  const SeveralGpus gpus(2);
  std::vector<std::vector<double>> values(2);
  const RanksEnding ending = run_ranks(2, [&](Ranks& ranks) {
    const Context ctx(Gpu{ranks.rank()}, 1);
    Model model(kGan, DType::kF32, Parameters::Use::kTraining, ctx.device());
    model.initialize(ctx, 3 + static_cast<uint64_t>(ranks.rank()));
    share_model(ranks, ctx, model);
    check_same_weights(ranks, ctx, model);
    const Tensor weights = model.generator_params.values();
    values[static_cast<size_t>(ranks.rank())] = host_values(ctx, weights);
    if (ranks.rank() == 1) {
      const float other = 7;
      upload(ctx, {{1}, DType::kF32, Device::kCpu, const_cast<float*>(&other)}, weights.slice(5, 1));
    }
    check_same_weights(ranks, ctx, model);
  });
  CHECK(values[0].size() > 5);  // before one drifts
  CHECK(values[0] == values[1]);
  for (const std::string& error : ending.errors) {
    CHECK(contains(error, "the weights of rank 1 ("));
    CHECK(contains(error, "are no longer those of rank 0"));
  }
}

TEST_CASE("GPU ranks: batch norms of the widest layer that the flags allow" *
          doctest::skip(too_few_gpus(2))) {
  const SeveralGpus gpus(2);
  constexpr int64_t kWidest = 65536;  // --bottleneck
  const RanksEnding ending = run_ranks(2, [&](Ranks& ranks) {
    const Context ctx(Gpu{ranks.rank()}, 1);
    const std::unique_ptr<DeviceRanks> device = open_gpu_ranks(ctx, ranks);
    const double mine = ranks.is_first() ? 1 : 5;
    std::vector<double> values(2 * kWidest, mine);
    const Tensor sums = device->room_for_sums(2 * kWidest);
    upload(ctx, {{2 * kWidest}, DType::kF64, Device::kCpu, values.data()}, sums);
    device->sum(sums);
    CHECK(host_values(ctx, sums) == std::vector<double>(2 * kWidest, 6));
    upload(ctx, {{2 * kWidest}, DType::kF64, Device::kCpu, values.data()}, sums);
    const Tensor means = sums.slice(0, kWidest), variances = sums.slice(kWidest, kWidest);
    device->merge_statistics(means, variances);
    CHECK(host_values(ctx, means) == std::vector<double>(kWidest, 3));
    CHECK(host_values(ctx, variances) == std::vector<double>(kWidest, 3 + 4));
  });
  for (const std::string& error : ending.errors) CHECK(error == "");
}

#ifdef INPAINT_CUDA_EXECUTOR
TEST_CASE("GPU ranks: the same bits in every order of streams, recorded or not") {
  const SeveralGpus gpus(2);
  const Way way = on_gpus({.gene_iter = 1, .sync_batch_norm = true});
  executor::in_every_schedule([&] {
    const std::vector<State> all = train_ranks(kGan, DType::kF32, 3, 2, way);
    CHECK(all[1] == all[0]);
    std::vector<double> bytes = all[0].losses;
    for (const std::vector<double>& values : all[0].values)
      bytes.insert(bytes.end(), values.begin(), values.end());
    return bytes;
  });
}

// A kernel that reads another rank's memory, or what no rank has sent, is a violation.
TEST_CASE("GPU ranks: a step with every load and store checked") {
  const SeveralGpus gpus(2, true);
  const std::vector<State> all =
      train_ranks(kGan, DType::kF32, 1, 2, on_gpus({.gene_iter = 1, .sync_batch_norm = true}));
  CHECK(all[1] == all[0]);
  CHECK(executor::take_violations().empty());
}

TEST_CASE("GPU ranks: a step is one launch, with its exchanges in it") {
  const SeveralGpus gpus(2);
  const RanksEnding ending = run_ranks(
      2, [](Ranks& ranks) { (void)train(kWideGan, DType::kF32, 3, ranks, on_gpus({.gene_iter = 1})); });
  for (const std::string& error : ending.errors) CHECK(error == "");
  const std::vector<std::string> nodes = executor::newest_graph();
  // Two slices or more of each network, one for the running averages of each: two exchanges for each.
  CHECK(std::ranges::count(nodes, "NCCL") >= 2 * 6);
}
#endif
