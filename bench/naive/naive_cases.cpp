#include "bench/naive/naive_cases.h"

#include "bench/naive/naive_kernels.h"
#include "bench/op_cases.h"

namespace inpaint::bench {
namespace {

constexpr AdamOps kAdam = {naive::adam_workspace_bytes, naive::adam};
constexpr BatchNormOps kBatchNorm = {naive::batch_norm_workspace_bytes, naive::batch_norm_statistics,
                                     naive::batch_norm_forward, naive::batch_norm_backward};
constexpr Conv2dOps kConv2d = {naive::conv2d_workspace_bytes, naive::conv2d_forward,
                               naive::conv2d_backward_data, naive::conv2d_backward_weight};
constexpr TotalVariationOps kTotalVariation = {naive::total_variation_workspace_bytes,
                                               naive::total_variation};

}  // namespace

std::vector<CaseMaker> naive_cases(const ContextEncoderOptions& options, int64_t batch, DType dtype) {
  // The first layers of the generator, which sees the picture, and of the discriminator, which sees the hole.
  const Conv2dShape picture{batch, options.image_size, options.image_size, options.image_channel,
                            options.base_channels},
      hole{batch, options.image_size / 2, options.image_size / 2, options.image_channel,
           options.base_channels};
  const Shape rows{picture.y().rows(), options.base_channels};
  std::vector<CaseMaker> cases = {
      {"generator.hidden1/forward",
       [=](Context& ctx) { return conv2d_forward_case(ctx, picture, dtype, kConv2d); }},
      {"generator.hidden1/weight gradient",
       [=](Context& ctx) { return conv2d_backward_weight_case(ctx, picture, dtype, kConv2d); }},
      {"discriminator.hidden1/input gradient",
       [=](Context& ctx) { return conv2d_backward_data_case(ctx, hole, dtype, kConv2d); }},
      {"generator.hidden1.bn/statistics",
       [=](Context& ctx) { return batch_norm_statistics_case(ctx, rows, dtype, kBatchNorm); }},
      {"generator.hidden1.bn/forward",
       [=](Context& ctx) {
         return batch_norm_forward_case(ctx, rows, Activation::kRelu, dtype, kBatchNorm);
       }},
      {"generator.hidden1.bn/backward",
       [=](Context& ctx) {
         return batch_norm_backward_case(ctx, rows, Activation::kRelu, dtype, kBatchNorm);
       }},
      {"total_variation",
       [=](Context& ctx) { return total_variation_case(ctx, hole.x(), dtype, kTotalVariation); }},
      {"adam/generator",
       [=](Context& ctx) { return stored_adam_case(ctx, make_generator(options), 0, dtype, kAdam); }},
  };
  for (CaseMaker& maker : cases) {
    maker.name += ", naive";
    maker.make = [name = maker.name, make = maker.make](Context& ctx) {
      OpCase made = make(ctx);
      made.name = name;
      made.per_step = 0;
      return made;
    };
  }
  return cases;
}

}  // namespace inpaint::bench
