#include "core/base/signal_stack.h"

#include <signal.h>

namespace inpaint {

SignalStack::SignalStack() {
  stack_t present{};
  if (sigaltstack(nullptr, &present) != 0 || (present.ss_flags & SS_DISABLE) == 0) return;
  stack_t mine{};
  mine.ss_sp = memory_;
  mine.ss_size = kBytes;
  in_use_ = sigaltstack(&mine, nullptr) == 0;
}

SignalStack::~SignalStack() {
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  if (in_use_) sigaltstack(&none, nullptr);
}

}  // namespace inpaint
