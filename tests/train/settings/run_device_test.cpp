// Which device and precision a run gets.
#include "train/settings/run_device.h"

#include <doctest/doctest.h>

#include "tests/harness/error_message.h"
#ifdef INPAINT_CUDA_EXECUTOR
#include "tests/cuda_executor/executor.h"
#endif

using namespace inpaint;

namespace {

TrainSettings wanted(DeviceChoice device, Precision precision) {
  TrainSettings s;
  s.device = device;
  s.precision = precision;
  return s;
}

// The precision that a run gets on that device, or why there is no run.
std::string precision_on(DeviceChoice device, Precision precision) {
  try {
    const TrainSettings s = with_device(wanted(device, precision));
    CHECK(s.device == device);
    return to_string(s.precision);
  } catch (const UserError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("run device: the precision on CPUs") {
  CHECK(precision_on(DeviceChoice::kCpu, Precision::kAuto) == "fp32");
  for (const Precision precision : {Precision::kBf16, Precision::kFp32, Precision::kFp64})
    CHECK(precision_on(DeviceChoice::kCpu, precision) == to_string(precision));
  CHECK(
      contains(precision_on(DeviceChoice::kCpu, Precision::kTf32), "precision=tf32 is a way GPUs multiply"));
}

#ifdef INPAINT_CUDA_EXECUTOR
TEST_CASE("run device: a GPU where there is one, but not for fp64") {
  CHECK(with_device(wanted(DeviceChoice::kAuto, Precision::kAuto)).device == DeviceChoice::kCuda);
  CHECK(with_device(wanted(DeviceChoice::kAuto, Precision::kFp64)).device == DeviceChoice::kCpu);
  executor::set_device_error(cudaErrorNoDevice);
  CHECK(with_device(wanted(DeviceChoice::kAuto, Precision::kAuto)).device == DeviceChoice::kCpu);
  executor::set_device_error(cudaSuccess);
}

TEST_CASE("run device: the precision on GPUs, of which old ones have no bf16 and no tf32") {
  const Precision all[] = {Precision::kBf16, Precision::kTf32, Precision::kFp32, Precision::kFp64};
  CHECK(precision_on(DeviceChoice::kCuda, Precision::kAuto) == "bf16");
  for (const Precision precision : all)
    CHECK(precision_on(DeviceChoice::kCuda, precision) == to_string(precision));
  executor::set_compute_capability(7);
  CHECK(precision_on(DeviceChoice::kCuda, Precision::kAuto) == "fp32");
  for (const Precision precision : all) {
    const std::string name = to_string(precision), got = precision_on(DeviceChoice::kCuda, precision);
    if (precision == Precision::kBf16 || precision == Precision::kTf32)
      CHECK(contains(got, "precision=" + name + ": the tensor cores of GPU 0 are older than that"));
    else
      CHECK(got == name);
  }
  executor::set_compute_capability(9);
}
#endif
