#include "tests/cuda_executor/device_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <new>

#include "tests/cuda_executor/asan.h"
#include "tests/cuda_executor/executor.h"
#include "tests/cuda_executor/faults.h"

namespace inpaint::executor {
namespace {

constexpr size_t kAlignment = 256;
constexpr size_t kRedZone = 256;
const size_t kPage = static_cast<size_t>(sysconf(_SC_PAGESIZE));

template <typename T>
T* round_up(T* pointer, size_t multiple) {
  return reinterpret_cast<T*>((reinterpret_cast<uintptr_t>(pointer) + multiple - 1) / multiple * multiple);
}

}  // namespace

void Allocation::mark_written(size_t offset, size_t count) {
  if (all_written) return;
  if (count == bytes) {
    all_written = true;
    written = {};
    return;
  }
  written.resize(bytes);
  std::fill_n(written.begin() + static_cast<ptrdiff_t>(offset), count, true);
}

bool Allocation::is_written(size_t offset, size_t count) const {
  if (all_written) return true;
  if (written.empty()) return false;
  const auto first = written.begin() + static_cast<ptrdiff_t>(offset);
  const auto last = first + static_cast<ptrdiff_t>(count);
  return std::find(first, last, false) == last;
}

DeviceMemory& device_memory() {
  static auto* const memory = new DeviceMemory;  // never destroyed: code at exit may still free
  return *memory;
}

DeviceMemory::DeviceMemory() {
  void* const range =
      mmap(nullptr, kReservedBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) throw std::bad_alloc();
  base_ = next_ = used_end_ = opened_ = static_cast<std::byte*>(range);
  next_ += kRedZone;
}

void DeviceMemory::open() {
  if (open_++ > 0) return;
  opened_ = used_end_;
  if (!allocations_.empty()) open_from(allocations_.begin()->second.begin);
}

// What lies before the first allocation was freed, and stays closed: changing its protection too would take
// longer with every allocation a process makes.
void DeviceMemory::open_from(std::byte* first) {
  opened_ = std::min(opened_, round_up(first - kPage + 1, kPage));
  protect(true);
}

void DeviceMemory::close() {
  if (--open_ == 0) protect(false);
}

void DeviceMemory::protect(bool accessible) {
  explain_faults();
  const auto bytes = static_cast<size_t>(used_end_ - opened_);
  if (bytes > 0) mprotect(opened_, bytes, accessible ? PROT_READ | PROT_WRITE : PROT_NONE);
}

// The first gap from next_ on, or failing that from the start.
std::byte* DeviceMemory::place(size_t bytes) {
  const size_t room = bytes + kRedZone;
  for (std::byte* candidate : {next_, base_ + kRedZone}) {
    auto after = allocations_.lower_bound(candidate);
    if (after != allocations_.begin())
      candidate = std::max(candidate, round_up(std::prev(after)->second.end() + kRedZone, kAlignment));
    for (; after != allocations_.end(); ++after) {
      if (after->first >= candidate + room) break;
      candidate = round_up(after->second.end() + kRedZone, kAlignment);
    }
    if (candidate + room <= base_ + kReservedBytes) return candidate;
  }
  return nullptr;
}

size_t DeviceMemory::used(int device) const {
  const auto found = used_.find(device);
  return found == used_.end() ? 0 : found->second;
}

size_t DeviceMemory::used() const {
  size_t all = 0;
  for (const auto& [device, bytes] : used_) all += bytes;
  return all;
}

void* DeviceMemory::allocate(size_t bytes, int device) {
  if (bytes > capacity_ - std::min(used(device), capacity_)) return nullptr;
  std::byte* const begin = place(bytes);
  if (begin == nullptr) return nullptr;
  next_ = round_up(begin + bytes + kRedZone, kAlignment);
  if (std::byte* const end = round_up(next_, kPage); end > used_end_) {
    asan::poison(used_end_, static_cast<size_t>(end - used_end_));
    used_end_ = end;
  }
  if (open_ > 0) open_from(begin);
  used_[device] += bytes;
  freed_.erase(freed_.lower_bound(begin), freed_.upper_bound(begin + bytes));
  allocations_.emplace(begin, Allocation{begin, bytes, device, ++count_, {}, false, nullptr});
  asan::unpoison(begin, bytes);
  if (dry_run()) return begin;
  const Access access(*this);
  std::memset(begin, 0xff, bytes);
  return begin;
}

bool DeviceMemory::release(void* pointer) {
  const auto found = allocations_.find(static_cast<std::byte*>(pointer));
  if (found == allocations_.end()) return false;
  const Allocation& allocation = found->second;
  asan::poison(allocation.begin, allocation.bytes);
  std::byte* const first_page = round_up(allocation.begin, kPage);
  std::byte* const last_page = round_up(allocation.end() - kPage + 1, kPage);
  if (first_page < last_page) madvise(first_page, static_cast<size_t>(last_page - first_page), MADV_DONTNEED);
  used_[allocation.device] -= allocation.bytes;
  freed_[allocation.begin] = {allocation.bytes, allocation.number};
  allocations_.erase(found);
  return true;
}

Allocation* DeviceMemory::find(const void* pointer) {
  const auto* const byte = static_cast<const std::byte*>(pointer);
  auto after = allocations_.upper_bound(byte);
  if (after == allocations_.begin()) return nullptr;
  Allocation& allocation = std::prev(after)->second;
  return byte < allocation.end() ? &allocation : nullptr;
}

Allocation* DeviceMemory::find(const void* pointer, size_t bytes) {
  Allocation* const allocation = find(pointer);
  if (allocation == nullptr) return nullptr;
  const auto offset = static_cast<size_t>(static_cast<const std::byte*>(pointer) - allocation->begin);
  return bytes <= allocation->bytes - offset ? allocation : nullptr;
}

std::string DeviceMemory::describe(const void* pointer) const {
  const auto* const byte = static_cast<const std::byte*>(pointer);
  if (!contains(pointer)) return "not device memory";
  const auto name = [](int64_t number, size_t bytes, int device = 0) {
    return "allocation " + std::to_string(number) + " of " + std::to_string(bytes) + " bytes" +
           (device == 0 ? "" : " of device " + std::to_string(device));
  };
  const auto before = allocations_.upper_bound(byte);
  if (before != allocations_.begin()) {
    const Allocation& allocation = std::prev(before)->second;
    const auto offset = static_cast<size_t>(byte - allocation.begin);
    if (offset < allocation.bytes + kRedZone)
      return "offset " + std::to_string(offset) + " of " +
             name(allocation.number, allocation.bytes, allocation.device);
  }
  const auto freed = freed_.upper_bound(byte);
  if (freed != freed_.begin()) {
    const auto& [begin, what] = *std::prev(freed);
    const auto offset = static_cast<size_t>(byte - begin);
    if (offset < what.bytes)
      return "offset " + std::to_string(offset) + " of freed " + name(what.number, what.bytes);
  }
  if (before != allocations_.end() && before->first - byte <= static_cast<ptrdiff_t>(kRedZone))
    return std::to_string(before->first - byte) + " bytes before " +
           name(before->second.number, before->second.bytes);
  return "device memory that is not allocated";
}

}  // namespace inpaint::executor
