// Two places in a GPU's memory that batches are copied to in turn, on a stream of their own: while the ops
// work on one batch, the next is on its way. Not for the CPU, which reads a batch where it is.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/device/context.h"

namespace inpaint {

class InputBuffer {
 public:
  // For arrays of these sizes.
  InputBuffer(const Context& ctx, std::span<const Shape> shapes, std::span<const DType> dtypes);
  ~InputBuffer();

  static constexpr int kPlaces = 2;
  int place() const { return place_; }        // of the last put: 0 or 1
  Tensor tensor(int place, int array) const;  // in the GPU's memory

  // Starts copying the host's arrays into the other place, which ops enqueued on ctx from now on may read;
  // the ops that read what was there before are waited for on the device. An array may be shorter along its
  // first axis than its place: the rest of the place is then undefined. The host's bytes must stay as they
  // are until the next put returns.
  void put(const Context& ctx, std::span<const Tensor> host);

 private:
  struct Streams;
  std::unique_ptr<Streams> streams_;
  Arena arenas_[kPlaces];
  int place_ = kPlaces - 1;
};

}  // namespace inpaint
