// Copies between the host's memory and a device's, by name. On the CPU both are the same memory and a copy is
// a copy.
//
// Both tensors hold as many bytes; shapes and types are the caller's business. Throws ShapeError for sizes
// that differ.
#pragma once

#include "core/device/context.h"

namespace inpaint {

// Enqueued behind the ops before it. The host's bytes may be overwritten when the call returns, unless they
// are in page-locked memory (Buffer::Kind::kPinned): those must stay until the copy has been waited for.
void upload(const Context& ctx, const Tensor& host, const Tensor& device);

// Returns when the bytes are there, and with that all ops before it done.
void download(const Context& ctx, const Tensor& device, const Tensor& host);

// Enqueued; the host's bytes (page-locked) are there after ctx.synchronize() or an event behind the copy.
void download_later(const Context& ctx, const Tensor& device, const Tensor& host);

// Within the device's memory; enqueued.
void copy_on_device(const Context& ctx, const Tensor& from, const Tensor& to);

// A tensor's values in the host's memory: the tensor itself where that is the host's, else a copy made now.
class HostCopy {
 public:
  HostCopy(const Context& ctx, const Tensor& tensor);
  operator const Tensor&() const { return tensor_; }  // NOLINT: takes the tensor's place
  const Tensor* operator->() const { return &tensor_; }

 private:
  Buffer copy_;
  Tensor tensor_;
};

}  // namespace inpaint
