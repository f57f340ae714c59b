// A pass that is run only when what it holds is out of date.
#pragma once

#include <utility>

#include "nn/pass.h"

namespace inpaint {

class CachedPass {
 public:
  template <typename... Args>
  explicit CachedPass(Args&&... args) : pass_(std::forward<Args>(args)...) {}

  Pass& get() { return pass_; }
  const Pass& get() const { return pass_; }

  // Runs forward(pass) unless the pass is up to date.
  template <typename F>
  void refresh(F&& forward) {
    if (!is_current_) forward(pass_);
    is_current_ = true;
  }
  // The batch or the network has changed.
  void expire() { is_current_ = false; }

 private:
  Pass pass_;
  bool is_current_ = false;
};

}  // namespace inpaint
