#include "tests/cuda_executor/streams.h"

#include <algorithm>
#include <condition_variable>
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

// How often something was done. While it stands still, all waits for hosts.
int64_t progress = 0;

std::condition_variable_any& new_work() {
  static auto* const condition = new std::condition_variable_any;
  return *condition;
}

// Whether the work is done now.
bool perform(Work& work) {
  if (work.done) return true;
  if (sticky_error() == cudaSuccess && !dry_run()) {
    const DeviceMemory::Access access(device_memory());
    const OnDevice on(work.device);
    if (!work.run()) return false;
    work.done_at = std::chrono::steady_clock::now();
  }
  ++progress;
  work.done = true;
  work.run = nullptr;
  work.after.clear();
  return true;
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

std::vector<std::shared_ptr<Work>> ready_works() {
  std::vector<std::shared_ptr<Work>> ready;
  for (const auto& work : pending())
    if (!work->done && first_undone(*work) == nullptr) ready.push_back(work);
  return ready;
}

// Tries whatever may run, in any order, until something gets on; false when nothing does.
bool perform_any() {
  std::vector<std::shared_ptr<Work>> ready = ready_works();
  for (const int64_t before = progress; !ready.empty();) {
    const auto one = ready.begin() + static_cast<ptrdiff_t>(random_numbers()() % ready.size());
    perform(**one);
    if (progress != before) return true;
    ready.erase(one);
  }
  return false;
}

// Tries all that may run, as enqueued; false when nothing gets on.
bool perform_all() {
  const int64_t before = progress;
  for (const auto& work : ready_works()) perform(*work);
  return progress != before;
}

// Does the work and whatever it needs; false when all that is left waits for hosts.
bool advance(const std::shared_ptr<Work>& work) {
  const DeviceMemory::Access access(device_memory());
  bool gets_on = true;
  if (schedule().streams == StreamOrder::kShuffled) {
    while (!work->done && gets_on) {
      gets_on = perform_any();
      forget_done();
    }
    return work->done;
  }
  std::vector<Work*> path;  // each waits for the next
  if (!work->done) path.push_back(work.get());
  while (!path.empty() && gets_on) {
    if (Work* const before = first_undone(*path.back())) {
      path.push_back(before);
    } else if (perform(*path.back())) {
      path.pop_back();
    } else {
      gets_on = perform_all();  // what it waits for may be on its way on another device
    }
  }
  forget_done();
  return work->done;
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
  if (handle == nullptr) {
    CUstream_st& stream = default_streams[current_device()];
    stream.device = current_device();
    return &stream;
  }
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

cudaError_t enqueue(cudaStream_t stream, Label label, std::function<void()> run, std::shared_ptr<Work>* work,
                    const std::shared_ptr<Work>& also_after) {
  return enqueue_run(
      stream, label,
      [run = std::move(run)] {
        run();
        return true;
      },
      work, also_after);
}

cudaError_t enqueue_run(cudaStream_t handle, Label label, Run run, std::shared_ptr<Work>* result,
                        const std::shared_ptr<Work>& also_after) {
  CUstream_st* const stream = handles().stream(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (result != nullptr) *result = nullptr;
  if (stream->capture) {
    if (!stream->capture->valid) return cudaErrorStreamCaptureInvalidated;
    std::vector<Node>& nodes = stream->capture->nodes;
    nodes.push_back({std::move(run), label, stream->captured_last, stream->device});
    stream->captured_last = {nodes.size() - 1};
    return cudaSuccess;
  }
  const auto work = std::make_shared<Work>();
  work->run = std::move(run);
  work->device = stream->device;
  const auto follow = [&](const std::shared_ptr<Work>& other) {
    if (other && !other->done) work->after.push_back(other);
  };
  follow(stream->last);
  follow(also_after);
  if (handle == nullptr) {  // the default stream and those that wait for it never run side by side
    for (const cudaStream_t other : handles().streams) {
      if (!other->waits_for_default || other->device != stream->device) continue;
      if (other->capture) {
        other->capture->valid = false;
        return cudaErrorStreamCaptureImplicit;
      }
      follow(other->last);
    }
  } else if (stream->waits_for_default) {
    follow(handles().default_streams[stream->device].last);
  }
  stream->last = work;
  pending().push_back(work);
  if (result != nullptr) *result = work;
  new_work().notify_all();
  if (schedule().streams == StreamOrder::kAtOnce) advance(work);
  return cudaSuccess;
}

bool step_towards(const std::shared_ptr<Work>& work) {
  if (work->done) return true;
  Work* next = work.get();
  while (Work* const before = first_undone(*next)) next = before;
  if (!perform(*next)) perform_all();
  forget_done();
  return false;
}

void finish(const std::shared_ptr<Work>& work) {
  constexpr std::chrono::seconds kPatience{120};
  int64_t seen = progress;
  auto since = std::chrono::steady_clock::now();
  while (!advance(work)) {
    new_work().wait_for(runtime_lock(), std::chrono::milliseconds(1));
    const auto now = std::chrono::steady_clock::now();
    if (progress != seen) {
      seen = progress;
      since = now;
    } else if (now - since > kPatience) {
      report({cudaErrorLaunchFailure, "work of device " + std::to_string(work->device) +
                                          " waits for another device, whose host enqueues nothing"});
    }
  }
}

void finish_everything(int device) {
  const std::vector<std::shared_ptr<Work>> all = pending();
  for (const auto& work : all)
    if (work->device == device) finish(work);
}

int working_device = kNoDevice;

void note_progress() { ++progress; }

namespace {

class GraphRun {
 public:
  explicit GraphRun(std::shared_ptr<const std::vector<Node>> nodes)
      : nodes_(std::move(nodes)), waits_for_(nodes_->size()), followers_(nodes_->size()) {
    for (size_t i = 0; i < nodes_->size(); ++i)
      for (const size_t before : (*nodes_)[i].after) followers_[before].push_back(i);
    begin();
  }

  // At each step, of the nodes that may run: the one captured first, last or any, by the order of streams.
  bool go_on() {
    std::set<size_t> open = ready_;  // but for those that were found to wait
    while (!open.empty() && sticky_error() == cudaSuccess) {
      const StreamOrder order = schedule().streams;
      auto next = open.begin();
      if (order == StreamOrder::kLate) next = std::prev(open.end());
      if (order == StreamOrder::kShuffled)
        std::advance(next, static_cast<ptrdiff_t>(random_numbers()() % open.size()));
      const size_t node = *next;
      open.erase(next);
      const OnDevice on((*nodes_)[node].device);
      if (!(*nodes_)[node].run()) continue;
      ++progress;
      ready_.erase(node);
      for (const size_t follower : followers_[node]) {
        if (--waits_for_[follower] > 0) continue;
        ready_.insert(follower);
        open.insert(follower);
      }
    }
    if (!ready_.empty()) return false;
    begin();  // as part of another graph it runs again
    return true;
  }

 private:
  void begin() {
    for (size_t i = 0; i < nodes_->size(); ++i) {
      waits_for_[i] = (*nodes_)[i].after.size();
      if (waits_for_[i] == 0) ready_.insert(i);
    }
  }

  std::shared_ptr<const std::vector<Node>> nodes_;
  std::vector<size_t> waits_for_;
  std::vector<std::vector<size_t>> followers_;
  std::set<size_t> ready_;
};

}  // namespace

Run graph_run(std::shared_ptr<const std::vector<Node>> nodes) {
  return [run = std::make_shared<GraphRun>(std::move(nodes))] { return run->go_on(); };
}

}  // namespace inpaint::executor
