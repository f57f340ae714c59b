#include "kernels/cuda/fastest_cuda.h"

#include <algorithm>
#include <limits>
#include <string>

#include "core/device/cuda_check.h"
#include "core/device/recording.h"

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

// Times kRepetitions of the work as one CUDA graph: launched at once, so that the device's time is measured
// and not the host's. Takes the shortest of a few rounds: what disturbs a round makes it longer. Throws Error
// where the work cannot be captured.
float time_ms(const Context& ctx, const std::function<void()>& run) {
  Recording recording;
  const auto repeat = [&] {
    for (int i = 0; i < kRepetitions; ++i) run();
  };
  for (int i = 0; i < 2; ++i) recording.run(ctx, repeat);  // plainly, then recorded
  const Event start, stop;
  float shortest = std::numeric_limits<float>::infinity();
  for (int round = 0; round < kRounds; ++round) {
    INPAINT_CUDA_CHECK(cudaEventRecord(start.get(), ctx.stream()));
    recording.run(ctx, repeat);
    INPAINT_CUDA_CHECK(cudaEventRecord(stop.get(), ctx.stream()));
    INPAINT_CUDA_CHECK(cudaEventSynchronize(stop.get()));
    float ms = 0;
    INPAINT_CUDA_CHECK(cudaEventElapsedTime(&ms, start.get(), stop.get()));
    shortest = std::min(shortest, ms);
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
      const float ms = time_ms(ctx, [&] { run(i); });
      if (ms >= best_ms) continue;
      best = i;
      best_ms = ms;
    } catch (const UserError&) {
      throw;  // no memory, no GPU: not this way's fault
    } catch (const Error& error) {
      failure = error.what();
      cudaGetLastError();  // a capture that was given up is no one else's error
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
