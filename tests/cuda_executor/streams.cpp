#include "tests/cuda_executor/streams.h"

#include <algorithm>
#include <random>

#include "tests/cuda_executor/device_memory.h"
#include "tests/cuda_executor/runtime/runtime.h"

namespace inpaint::executor {
namespace {

std::vector<std::shared_ptr<Work>>& pending() {  // as enqueued
  static auto* const list = new std::vector<std::shared_ptr<Work>>;
  return *list;
}

std::mt19937_64& random_numbers() {
  static std::mt19937_64 numbers;
  return numbers;
}

void perform(Work& work) {
  if (sticky_error() == cudaSuccess && !dry_run()) {
    const DeviceMemory::Access access(device_memory());
    work.run();
    work.done_at = std::chrono::steady_clock::now();
  }
  work.done = true;
  work.run = nullptr;
  work.after.clear();
}

void forget_done() {
  std::erase_if(pending(), [](const auto& work) { return work->done; });
}

// The first thing that `work` needs and that is not done, or null.
Work* first_undone(const Work& work) {
  const auto found =
      std::find_if(work.after.begin(), work.after.end(), [](const auto& before) { return !before->done; });
  return found == work.after.end() ? nullptr : found->get();
}

Work& any_ready() {
  std::vector<Work*> ready;
  for (const auto& work : pending()) {
    if (!work->done && first_undone(*work) == nullptr) ready.push_back(work.get());
  }
  return *ready[random_numbers()() % ready.size()];
}

bool breaks_capture(const Capture& capture) {
  return capture.mode == cudaStreamCaptureModeGlobal ||
         (capture.mode == cudaStreamCaptureModeThreadLocal && capture.thread == std::this_thread::get_id());
}

}  // namespace

Handles& handles() {
  static auto* const all = new Handles;  // never destroyed: code at exit may still use them
  return *all;
}

CUstream_st* Handles::stream(cudaStream_t handle) {
  if (handle == nullptr) return &default_stream;
  return streams.count(handle) != 0 ? handle : nullptr;
}

cudaError_t forbidden_in_capture() {
  bool found = false;
  for (const cudaStream_t stream : handles().streams) {
    if (!stream->capture || !breaks_capture(*stream->capture)) continue;
    stream->capture->valid = false;
    found = true;
  }
  return found ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
}

cudaError_t enqueue(cudaStream_t handle, Label label, std::function<void()> run,
                    std::shared_ptr<Work>* result, const std::shared_ptr<Work>& also_after) {
  CUstream_st* const stream = handles().stream(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (result != nullptr) *result = nullptr;
  if (stream->capture) {
    if (!stream->capture->valid) return cudaErrorStreamCaptureInvalidated;
    std::vector<Node>& nodes = stream->capture->nodes;
    nodes.push_back({std::move(run), label, stream->captured_last});
    stream->captured_last = {nodes.size() - 1};
    return cudaSuccess;
  }
  const auto work = std::make_shared<Work>();
  work->run = std::move(run);
  const auto follow = [&](const std::shared_ptr<Work>& other) {
    if (other && !other->done) work->after.push_back(other);
  };
  follow(stream->last);
  follow(also_after);
  if (handle == nullptr) {  // the default stream and those that wait for it never run side by side
    for (const cudaStream_t other : handles().streams) {
      if (!other->waits_for_default) continue;
      if (other->capture) {
        other->capture->valid = false;
        return cudaErrorStreamCaptureImplicit;
      }
      follow(other->last);
    }
  } else if (stream->waits_for_default) {
    follow(handles().default_stream.last);
  }
  stream->last = work;
  pending().push_back(work);
  if (result != nullptr) *result = work;
  if (schedule().streams == StreamOrder::kAtOnce) finish(work);
  return cudaSuccess;
}

bool step_towards(const std::shared_ptr<Work>& work) {
  if (work->done) return true;
  Work* next = work.get();
  while (Work* const before = first_undone(*next)) next = before;
  perform(*next);
  forget_done();
  return false;
}

void finish(const std::shared_ptr<Work>& work) {
  const DeviceMemory::Access access(device_memory());
  if (schedule().streams == StreamOrder::kShuffled) {
    while (!work->done) {
      perform(any_ready());
      forget_done();
    }
  }
  std::vector<Work*> path;  // each waits for the next
  if (!work->done) path.push_back(work.get());
  while (!path.empty()) {
    if (Work* const before = first_undone(*path.back())) {
      path.push_back(before);
    } else {
      perform(*path.back());
      path.pop_back();
    }
  }
  forget_done();
}

void finish_everything() {
  const std::vector<std::shared_ptr<Work>> all = pending();
  for (const auto& work : all) finish(work);
}

// At each step, of the nodes that may run: the one captured first, last or any, by the order of streams.
void run_graph(const std::vector<Node>& nodes) {
  std::vector<size_t> waits_for(nodes.size());
  std::vector<std::vector<size_t>> followers(nodes.size());
  std::set<size_t> ready;
  for (size_t i = 0; i < nodes.size(); ++i) {
    waits_for[i] = nodes[i].after.size();
    for (const size_t before : nodes[i].after) followers[before].push_back(i);
    if (waits_for[i] == 0) ready.insert(i);
  }
  while (!ready.empty() && sticky_error() == cudaSuccess) {
    const StreamOrder order = schedule().streams;
    auto next = ready.begin();
    if (order == StreamOrder::kLate) next = std::prev(ready.end());
    if (order == StreamOrder::kShuffled)
      std::advance(next, static_cast<ptrdiff_t>(random_numbers()() % ready.size()));
    const size_t node = *next;
    ready.erase(next);
    nodes[node].run();
    for (const size_t follower : followers[node]) {
      if (--waits_for[follower] == 0) ready.insert(follower);
    }
  }
}

}  // namespace inpaint::executor
