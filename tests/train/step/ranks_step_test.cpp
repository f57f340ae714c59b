// Ranks that train on shares of a batch come to what one process comes to on the whole of it.
#include <doctest/doctest.h>

#include <cmath>

#include "tests/train/step/parted_training.h"

using namespace inpaint;

namespace {

Way synchronized(bool sync_batch_norm) {
  return {.options = {.gene_iter = 2, .sync_batch_norm = sync_batch_norm}};
}

}  // namespace

TEST_CASE("ranks: in fp64 two and four come to what one comes to on the whole batch") {
  REQUIRE(make_generator(kWide).spec().elements(ParameterId::Kind::kWeight) > GradientExchange::kSlice);
  for (const ModelOptions& options : {kGan, kUnet, kWide, kTextured}) {
    constexpr int kSteps = 10;
    const State begin = train_alone(options, DType::kF64, 0), one = train_alone(options, DType::kF64, kSteps);
    for (const int count : {2, 4}) {
      CAPTURE(count);
      const std::vector<State> all = train_ranks(options, DType::kF64, kSteps, count, synchronized(true));
      for (size_t i = 0; i < one.losses.size(); ++i)
        CHECK(all[0].losses[i] == doctest::Approx(one.losses[i]).epsilon(1e-9));
      for (size_t i = 0; i < one.values.size(); ++i) {
        CAPTURE(i);
        CHECK(relative_difference(one.values[i], all[0].values[i], begin.values[i]) < 1e-9);
      }
      for (const State& other : all) CHECK(other == all[0]);
    }
  }
}

TEST_CASE("ranks: in fp32 the same ranks give the same bytes, and all ranks have them") {
  for (const bool sync_batch_norm : {false, true}) {
    const std::vector<State> all = train_ranks(kGan, DType::kF32, 3, 2, synchronized(sync_batch_norm)),
                             again = train_ranks(kGan, DType::kF32, 3, 2, synchronized(sync_batch_norm));
    CHECK(all[1] == all[0]);
    CHECK(again[0] == all[0]);
  }
}

TEST_CASE("ranks: without sync_batch_norm each normalises its share") {
  const State one = train_alone(kGan, DType::kF64, 1);
  const std::vector<State> all = train_ranks(kGan, DType::kF64, 1, 2, synchronized(false));
  CHECK(std::abs(all[0].losses[0] / one.losses[0] - 1) > 1e-6);
  CHECK(all[1] == all[0]);  // also the running averages, which each moved by its own statistics
}
