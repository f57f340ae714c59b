// Whole runs of two ranks, threads of one process, on GPUs of their own: what they log and save. They need as
// many GPUs; the executor has them.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/harness/error_message.h"
#include "tests/harness/several_gpus.h"
#include "tests/harness/temporary_folder.h"
#include "tests/train/run/small_run.h"

using namespace inpaint;

namespace {

TrainSettings on_gpus(const std::filesystem::path& folder, int steps) {
  TrainSettings s = small_run(folder);
  s.device = DeviceChoice::kCuda;
  s.gene_iter = 1;
  s.sync_batch_norm = s.shuffle = s.log_offsets = true;
  s.max_steps = steps;
  return s;
}

std::vector<double> losses_of(const TrainSettings& s) {
  std::vector<double> losses;
  for (const std::string& line : lines_of(log_folder(s) / "train_log.jsonl"))
    losses.push_back(nlohmann::json::parse(line)["rec_loss"].get<double>());
  return losses;
}

}  // namespace

TEST_CASE("GPU ranks: a run logs what one GPU logs, and saves the same bytes again, stopped or not" *
          doctest::skip(too_few_gpus(2))) {
  const SeveralGpus gpus(2);
  const TemporaryFolder one_folder, two_folder, again_folder;
  const TrainSettings one = on_gpus(one_folder.path(), 4), two = on_gpus(two_folder.path(), 4);
  run_quietly(one);
  const std::string text = run_two_ranks(two);
  CHECK(contains(text, "2 ranks, 2 images of a batch and 2 threads each, on GPUs by NCCL "));
  const std::vector<double> a = losses_of(one), b = losses_of(two);
  REQUIRE(a.size() == 4);
  REQUIRE(b.size() == 4);
  for (size_t i = 0; i < a.size(); ++i) CHECK(b[i] == doctest::Approx(a[i]).epsilon(1e-3));

  const TrainSettings half = on_gpus(again_folder.path(), 2), whole = on_gpus(again_folder.path(), 4);
  run_two_ranks(half);
  CHECK(!std::filesystem::exists(checkpoint(whole, 4)));
  run_two_ranks(whole);
  check_same_state(checkpoint(two, 4), checkpoint(whole, 4));
  CHECK(timeless(log_folder(two) / "train_log.jsonl") == timeless(log_folder(whole) / "train_log.jsonl"));
}
