#include "tests/harness/orders.h"

#ifdef INPAINT_CUDA_EXECUTOR
#include "tests/cuda_executor/executor.h"
#endif

namespace inpaint::test {

#ifdef INPAINT_CUDA_EXECUTOR
void for_each_order(const std::function<void(const std::string& order)>& body) {
  struct Restore {
    executor::Schedule before = executor::schedule();
    ~Restore() { executor::set_schedule(before); }
  } const restore;
  for (const executor::Schedule& schedule : executor::schedules()) {
    executor::set_schedule(schedule);
    body(to_string(schedule));
  }
}
#else
void for_each_order(const std::function<void(const std::string& order)>& body) {
  body("the first run");
  body("the second run");
}
#endif

}  // namespace inpaint::test
