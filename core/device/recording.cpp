#include "core/device/recording.h"

#ifdef INPAINT_CUDA
#include "core/device/cuda_check.h"
#endif

namespace inpaint {

#ifdef INPAINT_CUDA
namespace {

cudaGraphExec_t record(const Context& ctx, const std::function<void()>& work) {
  cudaGraph_t graph = nullptr;
  INPAINT_CUDA_CHECK(cudaStreamBeginCapture(ctx.stream(), cudaStreamCaptureModeThreadLocal));
  try {
    work();
  } catch (...) {
    cudaStreamEndCapture(ctx.stream(), &graph);
    if (graph != nullptr) cudaGraphDestroy(graph);
    throw;
  }
  INPAINT_CUDA_CHECK(cudaStreamEndCapture(ctx.stream(), &graph));
  cudaGraphExec_t exec = nullptr;
  const cudaError_t status = cudaGraphInstantiate(&exec, graph, 0);
  cudaGraphDestroy(graph);
  check_cuda(
      status, [] { return "cudaGraphInstantiate"; }, __FILE__, __LINE__);
  return exec;
}

}  // namespace

Recording::~Recording() {
  if (graph_ != nullptr) cudaGraphExecDestroy(graph_);
}

void Recording::run(const Context& ctx, const std::function<void()>& work) {
  if (ctx.device() == Device::kCpu || runs_++ == 0) return work();
  if (graph_ == nullptr) {
    graph_ = record(ctx, work);
    workspace_pin_ = ctx.pin_workspace();
  }
  INPAINT_CUDA_CHECK(cudaGraphLaunch(graph_, ctx.stream()));
}
#else
Recording::~Recording() = default;
void Recording::run(const Context&, const std::function<void()>& work) {
  ++runs_;
  work();
}
#endif

}  // namespace inpaint
