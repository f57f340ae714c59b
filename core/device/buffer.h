// Memory with an owner. A Buffer is one allocation; an Arena is planned first (reserve, as often as needed),
// allocated once, and then hands out tensors that stay valid until it is destroyed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/device/tensor.h"

namespace inpaint {

class Buffer {
 public:
  Buffer() = default;
  // Zeroed, aligned to 64 bytes (to a huge page from 2 MiB on); throws OutOfMemory. On a GPU: the memory of
  // the one that is current.
  explicit Buffer(int64_t bytes, Device device = Device::kCpu);
  // Host memory that the device copies from and to without a detour (page-locked for a GPU).
  static Buffer staging(int64_t bytes, Device device);
  Buffer(Buffer&&) noexcept = default;
  Buffer& operator=(Buffer&&) noexcept = default;

  void* data() const { return data_.get(); }
  int64_t bytes() const { return bytes_; }

  // A view of this buffer from its start (or from `offset` bytes on, a multiple of the element size).
  Tensor tensor(const Shape& shape, DType dtype, int64_t offset = 0) const;

 private:
  enum class Kind { kHost, kPinned, kDevice };
  struct Free {
    Kind kind;
    int64_t bytes;
    Free() : Free(Kind::kHost, 0) {}
    Free(Kind k, int64_t size) : kind(k), bytes(size) {}
    void operator()(void* pointer) const;
  };
  Buffer(int64_t bytes, Kind kind);

  std::unique_ptr<void, Free> data_;
  int64_t bytes_ = 0;
};

class Arena {
 public:
  // Plans room for one tensor; the id is its place in the arena.
  int reserve(const Shape& shape, DType dtype);
  int64_t planned_bytes() const { return planned_bytes_; }

  void allocate(Device device = Device::kCpu);  // once, after the last reserve
  Tensor tensor(int id) const;

 private:
  struct Slot {
    Shape shape;
    DType dtype;
    int64_t offset;
  };
  std::vector<Slot> slots_;
  int64_t planned_bytes_ = 0;
  Buffer buffer_;
};

}  // namespace inpaint
