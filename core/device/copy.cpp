#include "core/device/copy.h"

#include <cstring>

#ifdef INPAINT_CUDA
#include "core/device/cuda_check.h"
#endif

namespace inpaint {
namespace {

void expect_as_many_bytes(const Tensor& from, const Tensor& to) {
  if (from.bytes() != to.bytes())
    throw ShapeError(fmt::format("copy of {} {} to {} {}", to_string(from.dtype), to_string(from.shape),
                                 to_string(to.dtype), to_string(to.shape)));
}

enum class Way { kUp, kDown, kWithin };

void enqueue(const Context& ctx, const Tensor& from, const Tensor& to, [[maybe_unused]] Way way) {
  expect_as_many_bytes(from, to);
  const auto bytes = static_cast<size_t>(from.bytes());
  if (bytes == 0) return;
#ifdef INPAINT_CUDA
  if (ctx.device() == Device::kCuda) {
    const cudaMemcpyKind kind = way == Way::kUp     ? cudaMemcpyHostToDevice
                                : way == Way::kDown ? cudaMemcpyDeviceToHost
                                                    : cudaMemcpyDeviceToDevice;
    INPAINT_CUDA_CHECK(cudaMemcpyAsync(to.data, from.data, bytes, kind, ctx.stream()));
    return;
  }
#endif
  INPAINT_CHECK(ctx.device() == Device::kCpu, "a copy on a device this program was built without");
  std::memmove(to.data, from.data, bytes);
}

}  // namespace

void upload(const Context& ctx, const Tensor& host, const Tensor& device) {
  enqueue(ctx, host, device, Way::kUp);
}

void download(const Context& ctx, const Tensor& device, const Tensor& host) {
  enqueue(ctx, device, host, Way::kDown);
  ctx.synchronize();
}

void download_later(const Context& ctx, const Tensor& device, const Tensor& host) {
  enqueue(ctx, device, host, Way::kDown);
}

void copy_on_device(const Context& ctx, const Tensor& from, const Tensor& to) {
  enqueue(ctx, from, to, Way::kWithin);
}

HostCopy::HostCopy(const Context& ctx, const Tensor& tensor) : tensor_(tensor) {
  if (tensor.device == Device::kCpu) return;
  copy_ = Buffer(tensor.bytes());
  tensor_ = copy_.tensor(tensor.shape, tensor.dtype);
  download(ctx, tensor, tensor_);
}

}  // namespace inpaint
