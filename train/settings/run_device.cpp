#include "train/settings/run_device.h"

namespace inpaint {
namespace {

Fp32Products products_of(const TrainSettings& s) {
  return s.precision == Precision::kTf32 ? Fp32Products::kTf32 : Fp32Products::kExact;
}

}  // namespace

TrainSettings with_device(const TrainSettings& settings) {
  TrainSettings s = settings;
  const bool on_gpu =
      s.device == DeviceChoice::kCuda ||
      (s.device == DeviceChoice::kAuto && s.precision != Precision::kFp64 && Context::gpu_count() > 0);
  s.device = on_gpu ? DeviceChoice::kCuda : DeviceChoice::kCpu;
  if (!on_gpu) {
    if (s.precision == Precision::kTf32)
      user_error(
          "precision=tf32 is a way GPUs multiply; give device=cuda where there is one, or precision=fp32");
    if (s.precision == Precision::kAuto) s.precision = Precision::kFp32;
    return s;
  }
  const bool has_bf16 = Context(Gpu{s.gpu}, 1).has_tensor_cores_for_bf16();
  if ((s.precision == Precision::kBf16 || s.precision == Precision::kTf32) && !has_bf16)
    user_error("precision={}: the tensor cores of GPU {} are older than that; give precision=fp32",
               to_string(s.precision), s.gpu);
  if (s.precision == Precision::kAuto) s.precision = has_bf16 ? Precision::kBf16 : Precision::kFp32;
  return s;
}

Context open_context(const TrainSettings& s) {
  INPAINT_CHECK(s.device != DeviceChoice::kAuto && s.precision != Precision::kAuto,
                "settings without a device");
  if (s.device == DeviceChoice::kCuda) return Context(Gpu{s.gpu, products_of(s)}, s.threads);
  return Context(s.threads, matrix_backend_of(s));
}

}  // namespace inpaint
