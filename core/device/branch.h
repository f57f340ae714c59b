// Work beside a context's own: on a GPU a second stream, whose kernels run where the first leaves room. On
// the CPU an op is done when it returns, and a branch changes nothing.
#pragma once

#include <functional>
#include <memory>

#include "core/device/event.h"

namespace inpaint {

class Branch {
 public:
  // ctx must outlive this object.
  Branch(const Context& ctx, Urgency urgency);

  // Plans workspace of the branch: ops on the branch and on ctx run at the same time, and need scratch memory
  // of their own. bytes_of(context) is what the ops need there.
  void reserve_workspace(const std::function<int64_t(const Context&)>& bytes_of);

  // The context for what may run beside the work that ctx gets from now on. It waits for all that ctx has
  // so far.
  const Context& fork();

  // What the branch gets from now on waits for all that `other`, a branch of the same context, has so far.
  void wait_for(Branch& other);

  // What ctx gets from now on waits for all that the branch has so far. Nothing to do without a fork since
  // the last join.
  void join();

 private:
  const Context& ctx_;
  std::unique_ptr<Context> beside_;  // of a GPU
  Event forked_, done_;
  bool is_open_ = false;
};

}  // namespace inpaint
