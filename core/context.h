// Where an op runs: the device, its threads, and the scratch memory an op may use while it runs.
#pragma once

#include <cstdint>
#include <functional>

#include "core/buffer.h"
#include "core/tensor.h"
#include "core/thread_pool.h"

namespace inpaint {

enum class MatrixBackend {
  kEigen,   // the readable definition
  kOneDnn,  // Intel oneDNN's product in single precision; Eigen's in double
  kTile,    // our register tiles for convolutions; for other products the fastest library at hand
};

class Context {
 public:
  // threads 0: one per core this process may use.
  explicit Context(int threads = 0, MatrixBackend backend = default_backend());

  static bool has_one_dnn();  // was this program built with oneDNN?
  static MatrixBackend default_backend();

  Device device() const { return Device::kCpu; }
  int threads() const { return pool_.threads(); }
  MatrixBackend matrix_backend() const { return backend_; }

  // Runs task(index, worker) for index in [0, count); see ThreadPool::run.
  void parallel(int64_t count, const std::function<void(int64_t index, int worker)>& task) const;

  // Cuts [0, n) into blocks of `block` (the last may be shorter) and runs body(begin, end, worker) on each.
  void parallel_blocks(int64_t n, int64_t block,
                       const std::function<void(int64_t begin, int64_t end, int worker)>& body) const;

  // Scratch memory: planned before the first step with the largest need of any op, and reused by every op.
  // workspace() throws when an op asks for more than was planned. 64-byte aligned, contents undefined.
  void reserve_workspace(int64_t bytes);
  void* workspace(int64_t bytes) const;

 private:
  mutable ThreadPool pool_;
  MatrixBackend backend_;
  Buffer workspace_;
};

}  // namespace inpaint
