// Where an op runs: the device, its threads, and the scratch memory an op may use while it runs.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <typeindex>
#include <unordered_map>

#include "core/base/thread_pool.h"
#include "core/device/buffer.h"
#include "core/device/tensor.h"

struct CUstream_st;  // CUDA's cudaStream_t is a pointer to it

namespace inpaint {

class CudaDevice;

enum class MatrixBackend {
  kEigen,   // the readable definition
  kOneDnn,  // Intel oneDNN's product in single precision; Eigen's in double
  kTile,    // our register tiles for convolutions; for other products the fastest library at hand
};

// How a GPU multiplies fp32 matrices.
enum class Fp32Products {
  kExact,  // in fp32
  kTf32,   // on the tensor cores: factors rounded to 10 bits of fraction, sums in fp32
};

// Which work goes first where a GPU has several kernels to choose from.
enum class Urgency { kNormal, kBackground };

struct Gpu {
  int number = 0;
  Fp32Products fp32_products = Fp32Products::kExact;
  Urgency urgency = Urgency::kNormal;
};

class Context {
 public:
  // On the CPU. threads 0: one per core this process may use.
  explicit Context(int threads = 0, MatrixBackend backend = default_backend());
  // On a GPU; the threads are for work of the host. Throws UserError when there is none that can be used.
  explicit Context(Gpu gpu, int threads = 0);
  ~Context();  // waits for all ops enqueued so far

  static bool has_one_dnn();  // was this program built with oneDNN?
  static bool has_cuda();     // was it built with CUDA?
  static int gpu_count();     // GPUs that this program can use now
  static MatrixBackend default_backend();

  Device device() const { return gpu_ == nullptr ? Device::kCpu : Device::kCuda; }
  int threads() const { return pool_.threads(); }
  MatrixBackend matrix_backend() const { return backend_; }

  // Runs task(index, worker) for index in [0, count); see ThreadPool::run.
  void parallel(int64_t count, const std::function<void(int64_t index, int worker)>& task) const;

  // Cuts [0, n) into blocks of `block` (the last may be shorter) and runs body(begin, end, worker) on each.
  void parallel_blocks(int64_t n, int64_t block,
                       const std::function<void(int64_t begin, int64_t end, int worker)>& body) const;

  // Scratch memory: planned before the first step with the largest need of any op, and reused by every op.
  // workspace() throws when an op asks for more than was planned. 64-byte aligned, contents undefined.
  // reserve_workspace() throws Error when it would have to move memory that a recorded CUDA graph uses.
  void reserve_workspace(int64_t bytes);
  void* workspace(int64_t bytes) const;
  // Keeps the workspace where it is, as long as somebody holds what this returns.
  std::shared_ptr<const void> pin_workspace() const { return workspace_pin_; }

  // Returns when all ops enqueued so far are done; the CPU's ops always are.
  void synchronize() const;

  // Bytes of the device's memory that are free; 0 where the system does not say.
  int64_t free_memory() const;

  // These exist only on a GPU.
  Gpu gpu() const;
  CUstream_st* stream() const;
  std::string device_name() const;
  bool has_tensor_cores_for_bf16() const;  // and for tf32: compute capability 8.0
  Fp32Products fp32_products() const { return gpu_options_.fp32_products; }

  // An object of the kernels that lives as long as this context, T(ctx), made when it is first asked for: the
  // handles and plans of a library.
  template <typename T>
  T& attached() const {
    std::shared_ptr<void>& slot = attached_[typeid(T)];
    if (slot == nullptr) slot = std::make_shared<T>(*this);
    return *static_cast<T*>(slot.get());
  }

 private:
  mutable ThreadPool pool_;
  MatrixBackend backend_;
  Gpu gpu_options_;
  std::unique_ptr<CudaDevice> gpu_;
  Buffer workspace_;
  std::shared_ptr<const int> workspace_pin_ = std::make_shared<const int>(0);
  mutable std::unordered_map<std::type_index, std::shared_ptr<void>> attached_;
};

}  // namespace inpaint
