// Which of several ranks computes where.
#include "train/settings/rank_device.h"

#include <doctest/doctest.h>

#include "tests/harness/error_message.h"
#include "tests/harness/thread_ranks.h"
#ifdef INPAINT_CUDA_EXECUTOR
#include "tests/cuda_executor/executor.h"
#endif

using namespace inpaint;

namespace {

// What became of the settings on rank 1 of two.
struct Outcome {
  DeviceChoice device = DeviceChoice::kAuto;
  int folder_gpu = -1, gpu = -1;
  std::string why_cpu, error;
};

Outcome outcome(const TrainSettings& settings) {
  Outcome of_last;
  const RanksEnding ending = run_ranks(2, [&](Ranks& ranks) {
    Outcome mine;
    const TrainSettings s = with_device(settings, ranks, mine.why_cpu);
    mine.device = s.device;
    mine.folder_gpu = s.gpu;
    mine.gpu = gpu_of(ranks);
    if (ranks.rank() == 1) of_last = mine;
  });
  CHECK((ending.errors[0] == "") == (ending.errors[1] == ""));  // all go on, or none
  of_last.error = ending.errors[1];
  return of_last;
}

}  // namespace

#ifdef INPAINT_CUDA_EXECUTOR
TEST_CASE("rank device: a GPU for each rank, or CPUs for all") {
  TrainSettings s;
  executor::set_devices(2);
  Outcome it = outcome(s);
  CHECK(it.device == DeviceChoice::kCuda);
  CHECK(it.gpu == 1);
  CHECK(it.folder_gpu == 0);
  CHECK(it.why_cpu == "");
  s.precision = Precision::kFp64;
  CHECK(outcome(s).device == DeviceChoice::kCpu);
  s.precision = Precision::kAuto;
  s.device = DeviceChoice::kCpu;
  CHECK(outcome(s).device == DeviceChoice::kCpu);
  s.device = DeviceChoice::kCuda;
  CHECK(outcome(s).device == DeviceChoice::kCuda);
  s.gpu = 1;
  CHECK(contains(outcome(s).error, "gpu=1: several ranks take the GPUs of a machine from 0 on, one each"));
  s.gpu = 0;

  executor::set_devices(1);
  it = outcome(s);
  CHECK(contains(it.error, "device=cuda: "));
  CHECK(contains(it.error, " has 1 GPU for its 2 ranks, and each needs one of its own; start one there"));
  CHECK(contains(it.error, "(mpirun --map-by ppr:1:node), or give device=cpu"));
  s.device = DeviceChoice::kAuto;
  it = outcome(s);
  CHECK(it.device == DeviceChoice::kCpu);
  CHECK(contains(it.why_cpu, "has 1 GPU for its 2 ranks"));

  executor::set_device_error(cudaErrorNoDevice);
  it = outcome(s);
  CHECK(it.device == DeviceChoice::kCpu);
  CHECK(it.why_cpu == "");
  s.device = DeviceChoice::kCuda;
  CHECK(contains(outcome(s).error, "device=cuda: rank 0 ("));
  CHECK(contains(outcome(s).error, ") sees no GPU, or give device=cpu"));
  executor::set_device_error(cudaSuccess);
  cudaGetLastError();
}
#else
TEST_CASE("rank device: without a GPU all use CPUs" * doctest::skip(Context::gpu_count() > 0)) {
  TrainSettings s;
  const Outcome it = outcome(s);
  CHECK(it.device == DeviceChoice::kCpu);
  CHECK(it.why_cpu == "");
  s.device = DeviceChoice::kCuda;
  CHECK(contains(outcome(s).error, "give device=cpu"));
}
#endif
