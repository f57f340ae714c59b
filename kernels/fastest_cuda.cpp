#include "kernels/fastest_cuda.h"

#include <algorithm>
#include <limits>
#include <string>

#include "core/cuda_check.h"

namespace inpaint::cuda {
namespace {

#ifdef INPAINT_MAX_BLOCKS_1D  // where the kernels are tested, on a CPU: times say nothing there
constexpr int kRounds = 1, kRepetitions = 1;
#else
constexpr int kRounds = 3, kRepetitions = 10;
#endif

class Event {
 public:
  Event() { INPAINT_CUDA_CHECK(cudaEventCreate(&event_)); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

// kRepetitions of the work, one after the other, as one CUDA graph: launched at once, so that the device's time is
// measured and not the host's. Throws Error where the work cannot be captured.
class Repetitions {
 public:
  Repetitions(cudaStream_t stream, const std::function<void()>& run) {
    run();  // plainly first: a library sets up what it sets up once
    INPAINT_CUDA_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    cudaGraph_t graph = nullptr;
    try {
      for (int i = 0; i < kRepetitions; ++i) run();
    } catch (const Error&) {
      cudaStreamEndCapture(stream, &graph);
      if (graph != nullptr) cudaGraphDestroy(graph);
      cudaGetLastError();  // a capture that was given up is no one else's error
      throw;
    }
    INPAINT_CUDA_CHECK(cudaStreamEndCapture(stream, &graph));
    const cudaError_t status = cudaGraphInstantiate(&graph_, graph, 0);
    cudaGraphDestroy(graph);
    INPAINT_CUDA_CHECK(status);
  }
  ~Repetitions() { cudaGraphExecDestroy(graph_); }
  Repetitions(const Repetitions&) = delete;
  Repetitions& operator=(const Repetitions&) = delete;
  cudaGraphExec_t get() const { return graph_; }

 private:
  cudaGraphExec_t graph_ = nullptr;
};

// The shortest of a few rounds, after one that does not count: what disturbs a round makes it longer.
float time_ms(cudaStream_t stream, const std::function<void()>& run) {
  const Repetitions repetitions(stream, run);
  const Event start, stop;
  float shortest = std::numeric_limits<float>::infinity();
  for (int round = -1; round < kRounds; ++round) {
    INPAINT_CUDA_CHECK(cudaEventRecord(start.get(), stream));
    INPAINT_CUDA_CHECK(cudaGraphLaunch(repetitions.get(), stream));
    INPAINT_CUDA_CHECK(cudaEventRecord(stop.get(), stream));
    INPAINT_CUDA_CHECK(cudaEventSynchronize(stop.get()));
    float ms = 0;
    INPAINT_CUDA_CHECK(cudaEventElapsedTime(&ms, start.get(), stop.get()));
    if (round >= 0) shortest = std::min(shortest, ms);
  }
  return shortest / kRepetitions;
}

}  // namespace

int fastest(const Context& ctx, int count, const std::function<void(int)>& run) {
  int best = -1;
  float best_ms = std::numeric_limits<float>::infinity();
  std::string failure = "there is no way to do it";
  for (int i = 0; i < count; ++i) {
    try {
      const float ms = time_ms(ctx.stream(), [&] { run(i); });
      if (ms >= best_ms) continue;
      best = i;
      best_ms = ms;
    } catch (const UserError&) {
      throw;  // no memory, no GPU: not this way's fault
    } catch (const Error& error) {
      failure = error.what();
    }
  }
  if (best < 0) throw Error(failure);
  return best;
}

Buffer typical_memory(const Context& ctx, int64_t bytes) {
  constexpr int kByte = 0x3c;
  Buffer buffer(bytes, Device::kCuda);
  INPAINT_CUDA_CHECK(cudaMemsetAsync(buffer.data(), kByte, static_cast<size_t>(bytes), ctx.stream()));
  return buffer;
}

}  // namespace inpaint::cuda
