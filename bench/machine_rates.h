// What the machine does at its best, measured: the bars that times are held against.
#pragma once

#include "core/device/context.h"

namespace inpaint::bench {

// FLOP per second of large matrix products in a type: on the CPU in f32 one product of 1536 x 1536 matrices
// for each thread by the context's library, else one large product by linear_forward.
class ProductRate {
 public:
  // Plans the workspace of ctx. ctx must outlive this object.
  ProductRate(Context& ctx, DType dtype);
  double measure() const;

 private:
  double measure_threads() const;
  double measure_linear() const;

  static constexpr int64_t kSide = 1536, kLinearSide = 4096;
  const Context& ctx_;
  DType dtype_;
  bool one_product_per_thread_;
  int64_t side_;
  Buffer memory_;
};

// A copy within the device's memory, by all threads of the CPU.
void copy_bytes(const Context& ctx, const Tensor& from, const Tensor& to);

// Bytes per second of a large copy, read and written bytes both counted.
class CopyRate {
 public:
  explicit CopyRate(const Context& ctx);
  double measure() const;

 private:
  static constexpr int64_t kBytes = int64_t{256} << 20;
  const Context& ctx_;
  Buffer from_, to_;
};

}  // namespace inpaint::bench
