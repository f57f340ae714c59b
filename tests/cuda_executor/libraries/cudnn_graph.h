// The objects behind the stand-in for cuDNN's graph API: attributes as they were set, what a finished
// descriptor means, and the engines that can run it.
#pragma once

#include <cudnn.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <map>
#include <string>
#include <vector>

struct cudnnContext {
  cudaStream_t stream = nullptr;
};

namespace inpaint::executor::cudnn {

struct Attribute {
  cudnnBackendAttributeType_t type;
  int64_t count;
  std::vector<std::byte> bytes;
};

struct Descriptor {
  cudnnBackendDescriptorType_t type;
  bool finalized = false;
  std::map<cudnnBackendAttributeName_t, Attribute> attributes;

  bool has(cudnnBackendAttributeName_t name) const { return attributes.count(name) > 0; }
  template <typename T>
  std::vector<T> values(cudnnBackendAttributeName_t name) const {
    const Attribute& attribute = attributes.at(name);
    std::vector<T> all(static_cast<size_t>(attribute.count));
    std::memcpy(all.data(), attribute.bytes.data(), attribute.bytes.size());
    return all;
  }
  template <typename T>
  T value(cudnnBackendAttributeName_t name) const {
    T first;
    std::memcpy(&first, attributes.at(name).bytes.data(), sizeof(T));
    return first;
  }
};

// What may be set: on which descriptors, of which type, how many elements. alpha and beta may be double where
// the rule says float.
struct Rule {
  cudnnBackendDescriptorType_t owner;
  cudnnBackendAttributeType_t type;
  int64_t least, most;
};
const std::map<cudnnBackendAttributeName_t, Rule>& rules();
size_t size_of(cudnnBackendAttributeType_t type);
bool is_optional(cudnnBackendAttributeName_t name);  // it may stay unset

// A refusal: the status, and the text that cudnnGetLastErrorString gives.
struct Refusal {
  cudnnStatus_t status;
  std::string text;
};
template <typename T>
void require(T condition, cudnnStatus_t status, const std::string& text) {
  if (!condition) throw Refusal{status, text};
}

// The descriptor behind a handle; refuses one that was destroyed, is of another type, or is not finalized.
Descriptor& live(cudnnBackendDescriptor_t handle);
Descriptor& finalized(cudnnBackendDescriptor_t handle, cudnnBackendDescriptorType_t type);
// The one that another's attribute names.
Descriptor& named(const Descriptor& from, cudnnBackendAttributeName_t name,
                  cudnnBackendDescriptorType_t type);

struct TensorView {
  int64_t uid, alignment;
  cudnnDataType_t type;
  std::array<int64_t, 4> dims, strides;  // n, c, h, w
  int64_t bytes() const;                 // from the first element to the last
};

// A graph of one convolution, read from its descriptors and checked.
struct Convolution {
  cudnnBackendDescriptorType_t product;
  TensorView x, w, y;  // dx, dw and dy under the same names
  std::array<int64_t, 2> pads, strides, dilations;
  cudnnDataType_t compute;
  double alpha, beta;

  const TensorView& output() const;
};
Convolution read_graph(const Descriptor& graph);

// The engines, of which the first are listed first by the heuristics.
struct Engine {
  std::vector<cudnnBackendNumericalNote_t> numerical_notes;
  std::vector<cudnnBackendBehaviorNote_t> behavior_notes;
  bool has_tile_knob;
  bool fails;  // when it is to run
};
const std::vector<Engine>& engines();
void require_support(const Convolution& convolution, size_t engine);  // refuses what it cannot run
int64_t workspace_bytes(const Convolution& convolution, size_t engine);
void run(const Convolution& convolution, size_t engine, const void* x, const void* w, const void* y,
         void* workspace);

}  // namespace inpaint::executor::cudnn
