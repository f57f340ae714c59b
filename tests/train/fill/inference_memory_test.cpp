// What evaluation and validation may hold: the weights of what they use, once, and small passes; no
// gradients, no moments, no second copy.
#include <doctest/doctest.h>

#include "core/image/image_codec.h"
#include "tests/harness/peak_memory.h"
#include "tests/harness/temporary_folder.h"
#include "tests/train/run/small_run.h"
#include "train/model/model.h"
#include "train/score/evaluation_run.h"
#include "train/step/run_options.h"

using namespace inpaint;

namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

// Two linear layers of 31 MiB each outweigh all else.
TrainSettings wide_run(const std::filesystem::path& folder) {
  TrainSettings s = small_run(folder);
  s.base_channels = 16;
  s.bottleneck = 4000;
  s.max_steps = 0;  // initial values are as good as any
  return s;
}

int64_t weight_bytes(const Network& network) {
  return (network.spec().parameters() + network.spec().elements(ParameterId::Kind::kRunning)) * 4;
}

}  // namespace

TEST_CASE("inference memory: an evaluation holds the generator's weights once") {
  const TemporaryFolder folder;
  const TrainSettings s = wide_run(folder.path());
  run_quietly(s);
  const int64_t weights = weight_bytes(make_generator(model_options(s)));
  REQUIRE(weights > 60 * kMiB);
  EvaluationSettings evaluation;
  evaluation.checkpoint = checkpoint(s, 0);
  evaluation.data = data_file(s, Split::kValidate);
  evaluation.device = DeviceChoice::kCpu;
  evaluation.threads = 2;
  evaluation.batch_size = 4;
  const PeakMemory peak;
  {
    const Captured out(stdout);
    run_evaluation(evaluation);
  }
  const int64_t held = peak.bytes();
  MESSAGE("held " << held / kMiB << " MiB, weights " << weights / kMiB << " MiB");
  CHECK(held >= weights * 9 / 10);
  CHECK(held < weights + 24 * kMiB);
}

TEST_CASE("inference memory: mode=validate holds the weights of both networks once") {
  const TemporaryFolder folder;
  TrainSettings s = wide_run(folder.path());
  run_quietly(s);
  const int64_t weights =
      weight_bytes(make_generator(model_options(s))) + weight_bytes(make_discriminator(model_options(s)));
  s.mode = Split::kValidate;
  const PeakMemory peak;
  run_quietly(s);
  const int64_t held = peak.bytes();
  MESSAGE("held " << held / kMiB << " MiB, weights " << weights / kMiB << " MiB");
  CHECK(held >= weights * 9 / 10);
  CHECK(held < weights + 24 * kMiB);
}
