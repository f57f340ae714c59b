#include "core/device/buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#ifdef INPAINT_CUDA
#include "core/device/cuda_memory.h"
#endif

namespace inpaint {
namespace {
constexpr int64_t kAlignment = 64;               // a cache line and an AVX-512 register
constexpr int64_t kHugePage = int64_t{2} << 20;  // large arrays ask for huge pages: fewer TLB misses

int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

#ifdef INPAINT_CUDA
void* allocate_cuda(int64_t bytes) { return cuda_memory::allocate(bytes); }
void* allocate_pinned(int64_t bytes) { return cuda_memory::allocate_pinned(bytes); }
#else
void* allocate_cuda(int64_t) { throw Error("GPU memory in a program built without CUDA"); }
void* allocate_pinned(int64_t) { throw Error("page-locked memory in a program built without CUDA"); }
#endif

[[noreturn]] void refuse(int64_t bytes) {
  throw OutOfMemory(
      fmt::format("out of memory: {} bytes ({:.2f} GiB) were refused; a smaller batch_size "
                  "needs less",
                  bytes, static_cast<double>(bytes) / (1 << 30)));
}

// Fresh pages, which the system zeroes when they are first touched: by the threads that fill them, side by
// side, and never where nobody does.
void* map_pages(int64_t bytes) {
  const auto size = static_cast<size_t>(round_up(bytes, kHugePage)), huge = static_cast<size_t>(kHugePage);
  void* mapped = ::mmap(nullptr, size + huge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) refuse(bytes);
  auto* const begin = static_cast<std::byte*>(mapped);
  const size_t before = (huge - reinterpret_cast<uintptr_t>(begin) % huge) % huge;
  if (before > 0) ::munmap(begin, before);
  if (before < huge) ::munmap(begin + before + size, huge - before);
  ::madvise(begin + before, size, MADV_HUGEPAGE);  // a hint only
  return begin + before;
}

void* allocate_host(int64_t bytes) {
  if (bytes >= kHugePage) return map_pages(bytes);
  const auto rounded = static_cast<size_t>(round_up(bytes, kAlignment));
  void* pointer = std::aligned_alloc(static_cast<size_t>(kAlignment), rounded);
  if (pointer == nullptr) refuse(bytes);
  std::memset(pointer, 0, rounded);
  return pointer;
}

}  // namespace

Buffer::Buffer(int64_t bytes, Kind kind) : data_(nullptr, Free(kind, bytes)), bytes_(bytes) {
  INPAINT_CHECK(bytes >= 0, "buffer of {} bytes", bytes);
  if (bytes == 0) return;
  data_.reset(kind == Kind::kDevice   ? allocate_cuda(bytes)
              : kind == Kind::kPinned ? allocate_pinned(bytes)
                                      : allocate_host(bytes));
}

Buffer::Buffer(int64_t bytes, Device device)
    : Buffer(bytes, device == Device::kCuda ? Kind::kDevice : Kind::kHost) {}

Buffer Buffer::staging(int64_t bytes, Device device) {
  return Buffer(bytes, device == Device::kCuda ? Kind::kPinned : Kind::kHost);
}

void Buffer::Free::operator()(void* pointer) const {
#ifdef INPAINT_CUDA
  if (kind == Kind::kDevice) return cuda_memory::release(pointer);
  if (kind == Kind::kPinned) return cuda_memory::release_pinned(pointer);
#endif
  if (bytes >= kHugePage)
    ::munmap(pointer, static_cast<size_t>(round_up(bytes, kHugePage)));
  else
    std::free(pointer);
}

Tensor Buffer::tensor(const Shape& shape, DType dtype, int64_t offset) const {
  const Device device = data_.get_deleter().kind == Kind::kDevice ? Device::kCuda : Device::kCpu;
  const Tensor view{shape, dtype, device, static_cast<std::byte*>(data()) + offset};
  INPAINT_CHECK(offset >= 0 && offset % size_of(dtype) == 0 && offset + view.bytes() <= bytes_,
                "{} at {} does not lie in a buffer of {} bytes", to_string(shape), offset, bytes_);
  return view;
}

int Arena::reserve(const Shape& shape, DType dtype) {
  INPAINT_CHECK(buffer_.data() == nullptr, "reserve after allocate");
  slots_.push_back({shape, dtype, planned_bytes_});
  planned_bytes_ += round_up(shape.elements() * size_of(dtype), kAlignment);
  return static_cast<int>(slots_.size()) - 1;
}

void Arena::allocate(Device device) {
  INPAINT_CHECK(buffer_.data() == nullptr, "allocated twice");
  buffer_ = Buffer(planned_bytes_, device);
}

Tensor Arena::tensor(int id) const {
  const Slot& slot = slots_.at(static_cast<size_t>(id));
  return buffer_.tensor(slot.shape, slot.dtype, slot.offset);
}

}  // namespace inpaint
