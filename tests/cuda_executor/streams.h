// Streams and what is put into them. Work is only noted down, and done when the host waits for it: as late as
// the order of streams allows (executor.h). While a stream is captured, its work becomes nodes of a graph.
#pragma once

#include <cuda_runtime_api.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace inpaint::executor {

// False: it waits for another device, and is called again later.
using Run = std::function<bool()>;

struct Work {
  Run run;
  std::vector<std::shared_ptr<Work>> after;
  int device;
  bool done = false;
  std::chrono::steady_clock::time_point done_at{};
};

// What a node of a graph does, for people.
struct Label {
  const char* name = "";
  const void* kernel = nullptr;  // in the place of the name
};

struct Node {
  Run run;
  Label label;
  std::set<size_t> after;  // earlier nodes of the graph
  int device;
};

struct Capture {
  cudaStream_t origin;
  cudaStreamCaptureMode mode;
  std::thread::id thread;
  std::vector<Node> nodes;
  bool valid = true;
};

}  // namespace inpaint::executor

// The handles' types are named by CUDA.
struct CUstream_st {
  int device = 0;
  bool waits_for_default = true;
  std::shared_ptr<inpaint::executor::Work> last;
  std::shared_ptr<inpaint::executor::Capture> capture;
  std::set<size_t> captured_last;  // the nodes that the next one follows
};
struct CUevent_st {
  int device = 0;
  bool timed = true;
  std::shared_ptr<inpaint::executor::Work> work;  // null: not recorded, or recorded in a capture
  std::shared_ptr<inpaint::executor::Capture> capture;
  std::set<size_t> captured;
};
struct CUgraph_st {
  std::vector<inpaint::executor::Node> nodes;
};
struct CUgraphExec_st {
  std::shared_ptr<const std::vector<inpaint::executor::Node>> nodes;  // kept by launches not done yet
};

namespace inpaint::executor {

// Everything made and not destroyed yet. The handle null stands for the default stream of the current device.
struct Handles {
  std::map<int, CUstream_st> default_streams;  // by device
  std::set<cudaStream_t> streams;
  std::set<cudaEvent_t> events;
  std::set<cudaGraph_t> graphs;
  std::set<cudaGraphExec_t> execs;

  CUstream_st* stream(cudaStream_t handle);  // null when there is no such stream
};
Handles& handles();

// Puts the work behind all that its stream holds (and behind `also_after`), or adds a node to the graph.
// `work` tells which it is to the caller that wants to wait for it; null in a capture.
cudaError_t enqueue(cudaStream_t stream, Label label, std::function<void()> run,
                    std::shared_ptr<Work>* work = nullptr, const std::shared_ptr<Work>& also_after = nullptr);
cudaError_t enqueue_run(cudaStream_t stream, Label label, Run run, std::shared_ptr<Work>* work = nullptr,
                        const std::shared_ptr<Work>& also_after = nullptr);

// Does it, and whatever it needs. Where that waits for what the host of another device has not enqueued yet,
// the thread waits without the runtime's lock; for ever is a violation.
void finish(const std::shared_ptr<Work>& work);
bool step_towards(const std::shared_ptr<Work>& work);  // does one thing it needs; true if it was done already
void finish_everything(int device);

// The nodes of a graph, as one piece of work.
Run graph_run(std::shared_ptr<const std::vector<Node>> nodes);

// The device whose work is being done; kNoDevice: the host's code runs.
inline constexpr int kNoDevice = -1;
extern int working_device;
class OnDevice {
 public:
  explicit OnDevice(int device) : before_(working_device) { working_device = device; }
  ~OnDevice() { working_device = before_; }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  int before_;
};

// To be called by work that returns false but has got on.
void note_progress();

// For calls that must not be made during a capture: their error, and the capture is void.
cudaError_t forbidden_in_capture();

}  // namespace inpaint::executor
