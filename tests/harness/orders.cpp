#include "tests/harness/orders.h"

#include <optional>

#include "tests/harness/nightly.h"

namespace inpaint::test {

#ifdef INPAINT_CUDA_EXECUTOR
void for_each_order(const std::function<void(const std::string& order)>& body) {
  struct Restore {
    executor::Schedule before = executor::schedule();
    ~Restore() { executor::set_schedule(before); }
  } const restore;
  const std::vector<executor::Schedule> all = executor::schedules();
  std::optional<UncheckedAccesses> unchecked;
  for (size_t i = 0; i < all.size(); i += kSanitized ? 3 : 1) {
    executor::set_schedule(all[i]);
    body(to_string(all[i]));
    if (!unchecked) unchecked.emplace();  // which accesses there are depends on no order
  }
}
#else
void for_each_order(const std::function<void(const std::string& order)>& body) {
  body("the first run");
  body("the second run");
}
#endif

}  // namespace inpaint::test
