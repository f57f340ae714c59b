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

MatrixBackend Context::default_backend() { return MatrixBackend::kTile; }

void Context::parallel(int64_t count, const std::function<void(int64_t, int)>& task) const {
  pool_.run(count, task);
}

void Context::parallel_blocks(int64_t n, int64_t block,
                              const std::function<void(int64_t, int64_t, int)>& body) const {
  pool_.run((n + block - 1) / block, [&](int64_t index, int worker) {
    body(index * block, std::min(n, (index + 1) * block), worker);
  });
}

void Context::reserve_workspace(int64_t bytes) {
  if (bytes <= workspace_.bytes()) return;
  workspace_ = Buffer();  // the old one goes first: the two need not fit side by side
  workspace_ = Buffer(bytes);
}

void* Context::workspace(int64_t bytes) const {
  INPAINT_CHECK(bytes <= workspace_.bytes(), "an op asked for {} bytes of workspace, {} were planned", bytes,
                workspace_.bytes());
  return workspace_.data();
}

}  // namespace inpaint
