// Says in the executor's terms what a segmentation fault was: a host access of device memory, or a kernel's
// stack that is full. Then leaves it to whoever handled it before.
#pragma once

namespace inpaint::executor {

// From now on, unless somebody else takes over: test frameworks do at each test, so ask again.
void explain_faults();

}  // namespace inpaint::executor
