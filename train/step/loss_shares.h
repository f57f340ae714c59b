// How much each term of the generator's loss drives what the generator paints.
//
//   g_t     = d(weight_t loss_t) / dF                  F: the generator's output, the whole batch of it
//   share_t = |g_t| / sum_u |g_u|                      |.|: the root of the sum of squares
//
// The shares are 0 or more and sum to 1; all are 0 where no term has a gradient. They compare how hard the
// terms pull, not where to: two terms that pull against each other have shares of a half each. The weight
// decay acts on the weights alone, and is no term here.
#pragma once

#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "core/ranks/ranks.h"
#include "kernels/parameter/sum_of_squares.h"
#include "train/learner/device_figures.h"
#include "train/step/figures.h"

namespace inpaint {

class LossShares {
 public:
  // Plans the workspace of ctx for gradients of so many elements, those of a micro-batch, and adds its
  // figures, which must outlive this object. ranks: those that train together, null for one process.
  LossShares(Context& ctx, std::vector<std::string_view> terms, int64_t elements, int micro_batches,
             Ranks* ranks, DeviceFigures& figures)
      : terms_(std::move(terms)),
        micro_batches_(micro_batches),
        ranks_(ranks),
        figures_(figures),
        squares_(figures.add(count())) {
    ctx.reserve_workspace(sum_of_squares_workspace_bytes(ctx, elements));
  }

  // Notes the part of a term's gradient g_t that belongs to micro-batch number m. After all of them:
  // complete(), which several ranks call together.
  void take(const Context& ctx, size_t term, int m, const Tensor& gradient) const {
    sum_of_squares(ctx, gradient, figures_.tensor(place(term) + m));
  }
  // The whole batch's squares are the sum over the ranks; with the mean the shares are the same.
  void complete() const {
    if (ranks_ != nullptr) ranks_->mean(figures_.tensor(squares_, count()));
  }

  // As the figures were last read.
  std::vector<LossShare> values() const {
    std::vector<LossShare> shares;
    double all = 0;
    for (size_t i = 0; i < terms_.size(); ++i) {
      double squares = 0;
      for (int m = 0; m < micro_batches_; ++m) squares += figures_.value(place(i) + m);
      const double norm = std::sqrt(squares);
      shares.push_back({terms_[i], norm});
      all += norm;
    }
    if (all != 0)
      for (LossShare& share : shares) share.share /= all;
    return shares;
  }

 private:
  int64_t count() const { return std::ssize(terms_) * micro_batches_; }
  int place(size_t term) const { return squares_ + static_cast<int>(term) * micro_batches_; }

  std::vector<std::string_view> terms_;
  int micro_batches_;
  Ranks* ranks_;
  DeviceFigures& figures_;
  int squares_;  // place of the first sum of squares: of each term, of each micro-batch
};

}  // namespace inpaint
