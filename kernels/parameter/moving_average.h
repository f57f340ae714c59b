// The moving average of a network's parameters over its updates. A saved copy of the network is less noisy
// with the averages than with the parameters of one update.
//
//   averages <- averages + rate (values - averages)
//
//   values f [P]         f32 or f64
//   averages f [P]       updated in place; the same type
//   rate f64[1]          rounded to f. It lives on the device because it changes from step to step: a
//                        recorded step can be replayed.
//
// Difference and product are computed in f. Source: tf.train.ExponentialMovingAverage with num_updates.
#pragma once

#include "core/device/context.h"

namespace inpaint {

// The rate after `update` updates, from 0: 1 - min(decay, (1 + update) / (10 + update)). The first updates
// count for more, so that the average forgets the initial values.
double moving_average_rate(double decay, int64_t update);

void moving_average(const Context& ctx, const Tensor& rate, const Tensor& values, const Tensor& averages);

}  // namespace inpaint
