// Capture of a stream into a graph, and its replay.

#include <cuda_runtime_api.h>

#include <algorithm>
#include <map>

#include "tests/cuda_executor/runtime/runtime.h"
#include "tests/cuda_executor/streams.h"

using namespace inpaint::executor;

namespace {

// The nodes that have to be done before these, and they themselves.
std::set<size_t> with_all_before(const std::vector<Node>& nodes, std::set<size_t> open) {
  std::set<size_t> found;
  while (!open.empty()) {
    const size_t node = *open.begin();
    open.erase(open.begin());
    if (found.insert(node).second) open.insert(nodes[node].after.begin(), nodes[node].after.end());
  }
  return found;
}

std::vector<Label>& newest_labels() {
  static std::vector<Label> labels;
  return labels;
}

}  // namespace

std::vector<std::string> inpaint::executor::newest_graph() {
  std::map<const void*, std::string> kernels;
  std::vector<std::string> names;
  for (const Label& label : newest_labels()) {
    if (label.kernel == nullptr) {
      names.emplace_back(label.name);
      continue;
    }
    const auto [known, is_new] = kernels.try_emplace(label.kernel);
    if (is_new) known->second = source_line(label.kernel);
    names.push_back(known->second);
  }
  return names;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  return runtime_call([&] {
    if (stream == nullptr) return cudaErrorStreamCaptureUnsupported;  // the default stream
    if (handles().stream(stream) == nullptr) return cudaErrorInvalidResourceHandle;
    if (stream->capture) return cudaErrorIllegalState;
    stream->capture = std::make_shared<Capture>(Capture{stream, mode, std::this_thread::get_id(), {}});
    stream->captured_last.clear();
    return cudaSuccess;
  });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  return runtime_call([&] {
    const CUstream_st* const it = handles().stream(stream);
    if (it == nullptr) return cudaErrorInvalidResourceHandle;
    *status = !it->capture         ? cudaStreamCaptureStatusNone
              : it->capture->valid ? cudaStreamCaptureStatusActive
                                   : cudaStreamCaptureStatusInvalidated;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  return runtime_call([&] {
    *graph = nullptr;
    if (handles().stream(stream) == nullptr || stream == nullptr) return cudaErrorInvalidResourceHandle;
    const std::shared_ptr<Capture> capture = stream->capture;
    if (!capture) return cudaErrorIllegalState;
    if (capture->origin != stream) return cudaErrorStreamCaptureUnmatched;
    const std::set<size_t> joined = with_all_before(capture->nodes, stream->captured_last);
    bool all_joined = true;
    for (const cudaStream_t other : handles().streams) {
      if (other->capture != capture) continue;
      all_joined = all_joined && std::includes(joined.begin(), joined.end(), other->captured_last.begin(),
                                               other->captured_last.end());
      other->capture = nullptr;
      other->captured_last.clear();
    }
    if (!capture->valid) return cudaErrorStreamCaptureInvalidated;
    if (!all_joined) return cudaErrorStreamCaptureUnjoined;
    newest_labels().clear();
    for (const Node& node : capture->nodes) newest_labels().push_back(node.label);
    *graph = new CUgraph_st{std::move(capture->nodes)};
    handles().graphs.insert(*graph);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
  return runtime_call([&] {
    if (handles().graphs.count(graph) == 0) return cudaErrorInvalidValue;
    if (nodes != nullptr) return cudaErrorNotSupported;  // they are only counted
    *count = graph->nodes.size();
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  return runtime_call([&] {
    if (handles().graphs.count(graph) == 0) return cudaErrorInvalidValue;
    *exec = new CUgraphExec_st{std::make_shared<const std::vector<Node>>(graph->nodes)};
    handles().execs.insert(*exec);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t) {
  return runtime_call([&] { return handles().execs.count(exec) != 0 ? cudaSuccess : cudaErrorInvalidValue; });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  return runtime_call([&] {
    if (handles().execs.count(exec) == 0) return cudaErrorInvalidValue;
    ++mutable_counters().graph_launches;
    return enqueue_run(stream, {"graph"}, graph_run(exec->nodes));
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  return release_call([&] {
    if (handles().execs.erase(exec) == 0) return cudaErrorInvalidValue;
    delete exec;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return release_call([&] {
    if (handles().graphs.erase(graph) == 0) return cudaErrorInvalidValue;
    delete graph;
    return cudaSuccess;
  });
}
