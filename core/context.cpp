#include "core/context.h"

#include <sched.h>

#include <algorithm>

namespace inpaint {
namespace {
int available_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}
}  // namespace

Context::Context(int threads, MatrixBackend backend)
    : pool_(threads == 0 ? available_cores() : threads), backend_(backend) {
  INPAINT_CHECK(backend != MatrixBackend::kOneDnn || has_one_dnn(), "this program was built without oneDNN");
}

bool Context::has_one_dnn() {
#ifdef INPAINT_ONEDNN
  return true;
#else
  return false;
#endif
}

MatrixBackend Context::default_backend() {
  return has_one_dnn() ? MatrixBackend::kOneDnn : MatrixBackend::kEigen;
}

void Context::parallel(int64_t count, const std::function<void(int64_t, int)>& task) const {
  pool_.run(count, task);
}

void Context::parallel_blocks(int64_t n, int64_t block,
                              const std::function<void(int64_t, int64_t, int)>& body) const {
  pool_.run((n + block - 1) / block, [&](int64_t index, int worker) {
    body(index * block, std::min(n, (index + 1) * block), worker);
  });
}

void Context::reserve_workspace(int64_t bytes_per_worker) {
  constexpr int64_t kLine = 64;
  const int64_t rounded = (bytes_per_worker + kLine - 1) / kLine * kLine;
  if (rounded <= workspace_bytes_) return;
  workspace_ = Buffer();
  workspace_ = Buffer(rounded * threads());
  workspace_bytes_ = rounded;
}

void* Context::workspace(int worker, int64_t bytes) const {
  INPAINT_CHECK(bytes <= workspace_bytes_, "an op asked for {} bytes of workspace, {} were planned", bytes,
                workspace_bytes_);
  return static_cast<std::byte*>(workspace_.data()) + worker * workspace_bytes_;
}

}  // namespace inpaint
