#include "tests/cuda_executor/libraries/library_memory.h"

#include <cuda_bf16.h>

#include <cstring>
#include <string>

#include "tests/cuda_executor/access.h"
#include "tests/cuda_executor/device_memory.h"
#include "tests/cuda_executor/executor.h"
#include "tests/cuda_executor/streams.h"
#include "tests/cuda_executor/violation.h"

namespace inpaint::executor {
namespace {

template <typename T>
std::vector<double> widened(const void* pointer, size_t count) {
  std::vector<double> values(count);
  for (size_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, static_cast<const std::byte*>(pointer) + i * sizeof(T), sizeof(T));
    values[i] = static_cast<double>(static_cast<std::conditional_t<sizeof(T) == 8, double, float>>(value));
  }
  return values;
}

template <typename T>
void store(void* pointer, const std::vector<double>& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    const T value = static_cast<T>(static_cast<std::conditional_t<sizeof(T) == 8, double, float>>(values[i]));
    std::memcpy(static_cast<std::byte*>(pointer) + i * sizeof(T), &value, sizeof(T));
  }
}

}  // namespace

size_t size_of(Element type) { return type == Element::kBF16 ? 2 : type == Element::kFloat ? 4 : 8; }

double rounded(Element type, double value) {
  if (type == Element::kDouble) return value;
  const auto single = static_cast<float>(value);
  return static_cast<double>(type == Element::kFloat ? single : static_cast<float>(__nv_bfloat16(single)));
}

std::vector<double> read_elements(const char* what, Element type, const void* pointer, int64_t count) {
  const size_t n = static_cast<size_t>(count), bytes = n * size_of(type);
  const Allocation* const allocation = device_memory().find(pointer, bytes);
  std::string problem;
  if (allocation == nullptr)
    problem = "out of bounds";
  else if (allocation->device != working_device)
    problem = "from device " + std::to_string(working_device);
  // Who has written what is known only where kernels are checked.
  else if (kChecksAccesses && access_checks() &&
           !allocation->is_written(
               static_cast<size_t>(static_cast<const std::byte*>(pointer) - allocation->begin), bytes))
    problem = "uninitialised, nothing has written there";
  if (!problem.empty()) {
    report({allocation == nullptr ? cudaErrorIllegalAddress : cudaErrorLaunchFailure,
            std::string(what) + " reads " + std::to_string(bytes) + " bytes at " +
                device_memory().describe(pointer) + ": " + problem});
    return std::vector<double>(n);
  }
  switch (type) {
    case Element::kBF16:
      return widened<__nv_bfloat16>(pointer, n);
    case Element::kFloat:
      return widened<float>(pointer, n);
    default:
      return widened<double>(pointer, n);
  }
}

void write_elements(Element type, void* pointer, const std::vector<double>& values) {
  const size_t bytes = values.size() * size_of(type);
  wrote(pointer, bytes);
  if (device_memory().find(pointer, bytes) == nullptr) return;
  switch (type) {
    case Element::kBF16:
      return store<__nv_bfloat16>(pointer, values);
    case Element::kFloat:
      return store<float>(pointer, values);
    default:
      return store<double>(pointer, values);
  }
}

void Scratch::scribble() const {
  const auto bytes = static_cast<size_t>(bytes_);
  if (bytes == 0) return;
  wrote(pointer_, bytes);
  if (device_memory().find(pointer_, bytes) != nullptr) std::memset(pointer_, 0xff, bytes);
}

}  // namespace inpaint::executor
