// Stand-in for cuDNN's graph API: descriptors, their attributes, and what cuDNN refuses. Stricter than cuDNN
// in one thing: a descriptor that another one refers to has to live as long as that is used.

#include "tests/cuda_executor/libraries/cudnn_graph.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <set>

#include "tests/cuda_executor/executor.h"
#include "tests/cuda_executor/proofs/leaks.h"
#include "tests/cuda_executor/runtime/runtime.h"

namespace inpaint::executor::cudnn {
namespace {

std::string& last_error() {
  static thread_local std::string text;
  return text;
}

struct Live {
  std::map<void*, std::unique_ptr<Descriptor>> descriptors;
  std::set<cudnnHandle_t> handles;
  Live() {
    add_leak_source([this] { return count_text(handles.size(), "cuDNN handles"); });
    add_leak_source([this] { return count_text(descriptors.size(), "cuDNN descriptors"); });
  }
};
Live& all() {
  static auto* const all = new Live;
  return *all;
}

template <typename F>
cudnnStatus_t call(F body) {
  const std::lock_guard lock(runtime_lock());
  try {
    body();
    return CUDNN_STATUS_SUCCESS;
  } catch (const Refusal& refusal) {
    last_error() = refusal.text;
    return refusal.status;
  }
}

void set(Descriptor& d, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
         const void* elements) {
  const std::string which = "attribute " + std::to_string(name);
  require(!d.finalized, CUDNN_STATUS_NOT_INITIALIZED, which + " is set after the descriptor was finalized");
  const auto rule = rules().find(name);
  require(rule != rules().end() && rule->second.owner == d.type, CUDNN_STATUS_BAD_PARAM,
          which + " does not belong to descriptors of type " + std::to_string(d.type));
  const bool is_factor = rule->second.type == CUDNN_TYPE_FLOAT && type == CUDNN_TYPE_DOUBLE;
  require(type == rule->second.type || is_factor, CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE,
          which + " is not of type " + std::to_string(type));
  require(elements != nullptr, CUDNN_STATUS_BAD_PARAM_NULL_POINTER, which + ": null pointer");
  require(count >= rule->second.least && count <= rule->second.most, CUDNN_STATUS_BAD_PARAM_OUT_OF_BOUND,
          which + " cannot have " + std::to_string(count) + " elements");
  Attribute& attribute = d.attributes[name];
  attribute = {type, count, std::vector<std::byte>(static_cast<size_t>(count) * size_of(type))};
  std::memcpy(attribute.bytes.data(), elements, attribute.bytes.size());
  if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR)
    for (void* const handle : d.values<void*>(name))
      require(live(handle).finalized, CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, which + " is not finalized");
}

void check_tensor(const Descriptor& d) {
  for (const int64_t dim : d.values<int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS))
    require(dim > 0, CUDNN_STATUS_BAD_PARAM, "a tensor's dimension is not positive");
  for (const int64_t stride : d.values<int64_t>(CUDNN_ATTR_TENSOR_STRIDES))
    require(stride > 0, CUDNN_STATUS_BAD_PARAM, "a tensor's stride is not positive");
  const auto alignment = d.value<int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
  require(alignment > 0 && std::has_single_bit(static_cast<uint64_t>(alignment)), CUDNN_STATUS_BAD_PARAM,
          "a tensor's alignment is not a power of two");
}

size_t engine_index(const Descriptor& engine) {
  const auto index = engine.value<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
  require(index >= 0 && static_cast<size_t>(index) < engines().size(), CUDNN_STATUS_BAD_PARAM_OUT_OF_BOUND,
          "there is no engine " + std::to_string(index));
  return static_cast<size_t>(index);
}

Descriptor& engine_of_plan(const Descriptor& plan) {
  const Descriptor& config =
      named(plan, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
  return named(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
}

Convolution graph_of(const Descriptor& engine) {
  return read_graph(
      named(engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR));
}

void check_handle(const Descriptor& d, cudnnBackendAttributeName_t name) {
  require(all().handles.count(d.value<cudnnHandle_t>(name)) > 0, CUDNN_STATUS_BAD_PARAM,
          "there is no such cuDNN handle");
}

void check_config(const Descriptor& d) {
  const Descriptor& engine = named(d, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  if (!d.has(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES)) return;
  for (void* const handle : d.values<void*>(CUDNN_ATTR_ENGINECFG_KNOB_CHOICES)) {
    const Descriptor& knob = finalized(handle, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
    const auto type = knob.value<cudnnBackendKnobType_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE);
    const auto value = knob.value<int64_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE);
    require(engines()[engine_index(engine)].has_tile_knob && type == CUDNN_KNOB_TYPE_TILE_SIZE &&
                value >= 0 && value <= 1,
            CUDNN_STATUS_BAD_PARAM, "the engine has no such knob, or not this value of it");
  }
}

void finalize(Descriptor& d) {
  require(!d.finalized, CUDNN_STATUS_BAD_PARAM, "a descriptor is finalized twice");
  for (const auto& [name, rule] : rules())
    require(rule.owner != d.type || is_optional(name) || d.has(name), CUDNN_STATUS_BAD_PARAM,
            "attribute " + std::to_string(name) + " was not set");
  switch (d.type) {
    case CUDNN_BACKEND_TENSOR_DESCRIPTOR:
      check_tensor(d);
      break;
    case CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR:
      check_handle(d, CUDNN_ATTR_OPERATIONGRAPH_HANDLE);
      read_graph(d);
      break;
    case CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR:
      named(d, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
      break;
    case CUDNN_BACKEND_ENGINE_DESCRIPTOR:
      require_support(graph_of(d), engine_index(d));
      break;
    case CUDNN_BACKEND_ENGINECFG_DESCRIPTOR:
      check_config(d);
      break;
    case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR:
      check_handle(d, CUDNN_ATTR_EXECUTION_PLAN_HANDLE);
      engine_of_plan(d);
      break;
    case CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR:
      require(d.attributes.at(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS).count ==
                  d.attributes.at(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS).count,
              CUDNN_STATUS_BAD_PARAM, "a variant pack has not as many pointers as identifiers");
      break;
    default:
      break;
  }
  d.finalized = true;
}

// Gives `values` out, as far as there is room for them.
template <typename T>
void give(const std::vector<T>& values, int64_t requested, int64_t* count, void* elements) {
  if (count != nullptr) *count = static_cast<int64_t>(values.size());
  if (elements == nullptr) return;
  const auto n =
      static_cast<size_t>(std::max<int64_t>(0, std::min(requested, static_cast<int64_t>(values.size()))));
  std::copy_n(values.begin(), n, static_cast<T*>(elements));
}

// Gives a list of descriptors out: each fills one the caller has created.
void give_descriptors(int64_t available, int64_t requested, int64_t* count, void* elements,
                      cudnnBackendDescriptorType_t type,
                      const std::function<void(Descriptor&, int64_t)>& fill) {
  if (elements == nullptr || requested == 0) {
    require(count != nullptr, CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "nowhere to write the number to");
    *count = available;
    return;
  }
  const int64_t given = std::min(requested, available);
  for (int64_t i = 0; i < given; ++i) {
    Descriptor& to = live(static_cast<void**>(elements)[i]);
    require(to.type == type && !to.finalized, CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE,
            "a descriptor to be filled is of another type, or finalized");
    fill(to, i);
    to.finalized = true;
  }
  if (count != nullptr) *count = given;
}

template <typename T>
void put(Descriptor& d, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, T value) {
  Attribute attribute{type, 1, std::vector<std::byte>(sizeof(T))};
  std::memcpy(attribute.bytes.data(), &value, sizeof(T));
  d.attributes[name] = std::move(attribute);
}

// The heuristics' configurations: every engine that supports the graph, with each value of its knob. What
// they refer to belongs to the library, and to no one else.
void give_configurations(const Descriptor& heuristics, int64_t requested, int64_t* count, void* elements) {
  void* const graph = heuristics.value<void*>(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
  const Convolution convolution = read_graph(live(graph));
  struct Found {
    int64_t engine, tile;
  };
  std::vector<Found> found;
  for (size_t e = 0; e < engines().size(); ++e) {
    try {
      require_support(convolution, e);
    } catch (const Refusal&) {
      continue;
    }
    for (int64_t tile = 0; tile < (engines()[e].has_tile_knob ? 2 : 1); ++tile)
      found.push_back({static_cast<int64_t>(e), tile});
  }
  give_descriptors(static_cast<int64_t>(found.size()), requested, count, elements,
                   CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, [&](Descriptor& config, int64_t i) {
                     const Found& f = found[static_cast<size_t>(i)];
                     put(config, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, graph);
                     put(config, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, f.engine);
                     put(config, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, f.tile);
                   });
}

void get_from_config(const Descriptor& d, cudnnBackendAttributeName_t name, int64_t requested, int64_t* count,
                     void* elements) {
  require(d.has(CUDNN_ATTR_ENGINE_GLOBAL_INDEX), CUDNN_STATUS_NOT_SUPPORTED,
          "only configurations of the heuristics can be asked");
  const auto index = d.value<int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX);
  if (name == CUDNN_ATTR_ENGINECFG_ENGINE)
    return give_descriptors(1, requested, count, elements, CUDNN_BACKEND_ENGINE_DESCRIPTOR,
                            [&](Descriptor& engine, int64_t) {
                              put(engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                  d.value<void*>(CUDNN_ATTR_ENGINE_OPERATION_GRAPH));
                              put(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, index);
                            });
  require(name == CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_STATUS_NOT_SUPPORTED, "not offered");
  give_descriptors(engines()[static_cast<size_t>(index)].has_tile_knob ? 1 : 0, requested, count, elements,
                   CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, [&](Descriptor& knob, int64_t) {
                     put(knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE,
                         CUDNN_KNOB_TYPE_TILE_SIZE);
                     put(knob, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64,
                         d.value<int64_t>(CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE));
                   });
}

void get(const Descriptor& d, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
         int64_t requested, int64_t* count, void* elements) {
  require(d.finalized, CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, "an unfinished descriptor is asked");
  const auto is = [&](cudnnBackendDescriptorType_t owner, cudnnBackendAttributeType_t wanted) {
    return d.type == owner && type == wanted;
  };
  if (name == CUDNN_ATTR_ENGINEHEUR_RESULTS &&
      is(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR, CUDNN_TYPE_BACKEND_DESCRIPTOR))
    return give_configurations(d, requested, count, elements);
  if (is(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, CUDNN_TYPE_BACKEND_DESCRIPTOR))
    return get_from_config(d, name, requested, count, elements);
  if (name == CUDNN_ATTR_ENGINE_GLOBAL_INDEX && is(CUDNN_BACKEND_ENGINE_DESCRIPTOR, CUDNN_TYPE_INT64))
    return give(d.values<int64_t>(name), requested, count, elements);
  if (name == CUDNN_ATTR_ENGINE_NUMERICAL_NOTE &&
      is(CUDNN_BACKEND_ENGINE_DESCRIPTOR, CUDNN_TYPE_NUMERICAL_NOTE))
    return give(engines()[engine_index(d)].numerical_notes, requested, count, elements);
  if (name == CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE &&
      is(CUDNN_BACKEND_ENGINE_DESCRIPTOR, CUDNN_TYPE_BEHAVIOR_NOTE))
    return give(engines()[engine_index(d)].behavior_notes, requested, count, elements);
  if (name == CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE &&
      is(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, CUDNN_TYPE_KNOB_TYPE))
    return give(d.values<cudnnBackendKnobType_t>(name), requested, count, elements);
  if (name == CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE && is(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR, CUDNN_TYPE_INT64))
    return give(d.values<int64_t>(name), requested, count, elements);
  if (name == CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE &&
      is(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, CUDNN_TYPE_INT64)) {
    const Descriptor& engine = engine_of_plan(d);
    const std::vector<int64_t> bytes = {workspace_bytes(graph_of(engine), engine_index(engine))};
    return give(bytes, requested, count, elements);
  }
  throw Refusal{CUDNN_STATUS_NOT_SUPPORTED, "attribute " + std::to_string(name) + " of type " +
                                                std::to_string(type) + " cannot be asked for here"};
}

void execute(cudnnHandle_t handle, const Descriptor& plan, const Descriptor& pack) {
  require(all().handles.count(handle) > 0, CUDNN_STATUS_BAD_PARAM, "there is no such cuDNN handle");
  const Descriptor& engine = engine_of_plan(plan);
  const Convolution convolution = graph_of(engine);
  const size_t index = engine_index(engine);
  const auto uids = pack.values<int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  const auto pointers = pack.values<void*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  const auto pointer_of = [&](const TensorView& tensor) {
    const auto place = std::find(uids.begin(), uids.end(), tensor.uid);
    require(place != uids.end(), CUDNN_STATUS_BAD_PARAM, "a tensor of the graph has no pointer");
    void* const pointer = pointers[static_cast<size_t>(place - uids.begin())];
    require(pointer != nullptr, CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "a tensor's pointer is null");
    require(reinterpret_cast<uintptr_t>(pointer) % static_cast<uintptr_t>(tensor.alignment) == 0,
            CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER, "a tensor is not aligned as its descriptor says");
    return pointer;
  };
  void* const x = pointer_of(convolution.x);
  void* const w = pointer_of(convolution.w);
  void* const y = pointer_of(convolution.y);
  void* const workspace = pack.has(CUDNN_ATTR_VARIANT_PACK_WORKSPACE)
                              ? pack.value<void*>(CUDNN_ATTR_VARIANT_PACK_WORKSPACE)
                              : nullptr;
  require(workspace != nullptr || workspace_bytes(convolution, index) == 0,
          CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "the plan needs workspace");
  require(reinterpret_cast<uintptr_t>(workspace) % 256 == 0, CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER,
          "the workspace is not aligned");
  require(!engines()[index].fails, CUDNN_STATUS_EXECUTION_FAILED, "this engine always fails");
  const cudaError_t error =
      enqueue_host_code(handle->stream, [=] { run(convolution, index, x, w, y, workspace); });
  require(error == cudaSuccess, CUDNN_STATUS_EXECUTION_FAILED_CUDART, cudaGetErrorString(error));
}

}  // namespace

Descriptor& live(cudnnBackendDescriptor_t handle) {
  const auto place = all().descriptors.find(handle);
  require(place != all().descriptors.end(), CUDNN_STATUS_BAD_PARAM, "there is no such descriptor (any more)");
  return *place->second;
}

Descriptor& finalized(cudnnBackendDescriptor_t handle, cudnnBackendDescriptorType_t type) {
  Descriptor& d = live(handle);
  require(d.type == type, CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE, "a descriptor is of another type");
  require(d.finalized, CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, "a descriptor is not finalized");
  return d;
}

Descriptor& named(const Descriptor& from, cudnnBackendAttributeName_t name,
                  cudnnBackendDescriptorType_t type) {
  return finalized(from.value<void*>(name), type);
}

}  // namespace inpaint::executor::cudnn

using namespace inpaint::executor;
using namespace inpaint::executor::cudnn;

size_t cudnnGetVersion() { return CUDNN_VERSION; }

const char* cudnnGetErrorString(cudnnStatus_t status) {
  switch (CUDNN_STATUS_CATEGORY(static_cast<int>(status))) {
    case 0:
      return "CUDNN_STATUS_SUCCESS";
    case 1000:
      return "CUDNN_STATUS_NOT_INITIALIZED";
    case 2000:
      return "CUDNN_STATUS_BAD_PARAM";
    case 3000:
      return "CUDNN_STATUS_NOT_SUPPORTED";
    default:
      return "CUDNN_STATUS_EXECUTION_FAILED";
  }
}

void cudnnGetLastErrorString(char* message, size_t max_size) {
  if (max_size == 0) return;
  const size_t n = std::min(max_size - 1, last_error().size());
  std::copy_n(last_error().begin(), n, message);
  message[n] = '\0';
}

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  return call([&] {
    require(device_error() == cudaSuccess, CUDNN_STATUS_NOT_INITIALIZED, "there is no usable device");
    *handle = new cudnnContext;
    all().handles.insert(*handle);
  });
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  return call([&] {
    require(all().handles.erase(handle) == 1, CUDNN_STATUS_BAD_PARAM, "there is no such cuDNN handle");
    delete handle;
  });
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  return call([&] {
    require(all().handles.count(handle) > 0, CUDNN_STATUS_BAD_PARAM, "there is no such cuDNN handle");
    handle->stream = stream;
  });
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type,
                                           cudnnBackendDescriptor_t* descriptor) {
  return call([&] {
    auto created = std::make_unique<Descriptor>(Descriptor{type, false, {}});
    *descriptor = created.get();
    all().descriptors[created.get()] = std::move(created);
  });
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) {
  return call([&] {
    require(all().descriptors.erase(descriptor) == 1, CUDNN_STATUS_BAD_PARAM, "there is no such descriptor");
  });
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor) {
  return call([&] { finalize(live(descriptor)); });
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t count,
                                       const void* elements) {
  return call([&] { set(live(descriptor), name, type, count, elements); });
}

cudnnStatus_t cudnnBackendGetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t requested, int64_t* count,
                                       void* elements) {
  return call([&] { get(live(descriptor), name, type, requested, count, elements); });
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
                                  cudnnBackendDescriptor_t variant_pack) {
  return call([&] {
    execute(handle, finalized(plan, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR),
            finalized(variant_pack, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR));
  });
}
