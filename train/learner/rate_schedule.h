// How the learning rate changes over a run: a linear warm-up, then half a cosine down to a share of itself.
//
//   rate = learning_rate min(1, update / warm_up) (last + (1 - last) (1 + cos(pi progress)) / 2)
//
// Source: Loshchilov & Hutter 2017, "SGDR" (arXiv:1608.03983), without restarts.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace inpaint {

struct RateSchedule {
  int64_t warm_up = 0;  // updates
  double last = 1;      // the share at the end of the run; 1: the rate is constant

  // What update number `update` (from 1) takes of the learning rate; progress in [0, 1].
  double share(int64_t update, double progress) const {
    const double warm =
        warm_up > 0 ? std::min(1.0, static_cast<double>(update) / static_cast<double>(warm_up)) : 1;
    if (last == 1) return warm;
    return warm * (last + (1 - last) * (1 + std::cos(std::numbers::pi * progress)) / 2);
  }
};

}  // namespace inpaint
