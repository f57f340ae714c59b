#include "bench/op_cases.h"

#include <algorithm>
#include <cmath>

#include "bench/paint_ops.h"
#include "kernels/fill/harmonic_fill.h"
#include "kernels/fill/patch_match.h"
#include "kernels/loss/hinge.h"
#include "kernels/loss/reconstruction_loss.h"
#include "kernels/loss/sigmoid_bce.h"
#include "kernels/parameter/round_to_bf16.h"
#include "kernels/picture/hole.h"
#include "kernels/picture/to_bytes.h"

namespace inpaint::bench {
namespace {

CasePointer output(const Context& ctx, const Shape& shape, DType dtype) {
  return std::make_shared<CaseTensor>(ctx, shape, dtype);
}

// The first linear layer whose weight gradient is not stored.
LinearShape first_handed_over(const Network& network, int64_t batch) {
  const auto& weights = network.spec().list(ParameterId::Kind::kWeight);
  const auto found = std::find_if(weights.begin(), weights.end(), [](const ParameterInfo& weight) {
    return weight.gradient == GradientUse::kHandOver;
  });
  INPAINT_CHECK(found != weights.end(), "{} hands over no gradient", network.name());
  return {batch, found->shape[1], found->shape[0]};
}

double sign(double value) { return value > 0 ? 1 : value < 0 ? -1 : 0; }

OpCase reconstruction_case(Context& ctx, const Shape& shape, DType dtype) {
  ctx.reserve_workspace(reconstruction_loss_workspace_bytes(ctx, shape));
  const auto fake = std::make_shared<CaseTensor>(ctx, shape, dtype, 1, 0, 1),
             hidden = std::make_shared<CaseTensor>(ctx, shape, dtype, 2, 0, 1);
  const CasePointer loss = output(ctx, {1}, DType::kF64), dfake = output(ctx, shape, dtype);
  OpCase made;
  made.per_step = 5;
  made.bytes = fake->bytes() + hidden->bytes() + dfake->bytes();
  made.outputs = {loss, dfake};
  made.run = [=, &ctx] {
    reconstruction_loss(ctx, ReconstructionNorm::kL2, fake->device(), hidden->device(), 0.999, loss->device(),
                        &dfake->device(), GradMode::kOverwrite);
  };
  made.wrong = [=, &ctx] {
    const double n = static_cast<double>(fake->elements());
    const auto difference = [&](int64_t i) { return (*fake)[i] - (*hidden)[i]; };
    const std::string message = compare_some(ctx, "loss", *loss, [&](int64_t) {
      Expected sum;
      for (int64_t i = 0; i < fake->elements(); ++i) sum.add(difference(i) * difference(i) / n);
      return sum;
    });
    if (!message.empty()) return message;
    return compare_some(ctx, "dfake", *dfake, [&](int64_t i) {
      return Expected{0.999 * 2 * difference(i) / n, 2 * (std::abs((*fake)[i]) + std::abs((*hidden)[i])) / n};
    });
  };
  return made;
}

}  // namespace

OpCase total_variation_case(Context& ctx, const Shape& shape, DType dtype, const TotalVariationOps& ops) {
  ctx.reserve_workspace(ops.workspace_bytes(ctx, shape));
  const auto x = std::make_shared<CaseTensor>(ctx, shape, dtype, 1, 0, 1);
  const CasePointer loss = output(ctx, {1}, DType::kF64), dx = output(ctx, shape, dtype);
  OpCase made;
  made.per_step = 5;
  made.bytes = x->bytes() + dx->bytes();
  made.outputs = {loss, dx};
  made.run = [=, &ctx] {
    ops.run(ctx, x->device(), 1e-6, loss->device(), &dx->device(), GradMode::kOverwrite);
  };
  made.wrong = [=, &ctx] {
    const int64_t n = shape[0], h = shape[1], w = shape[2], c = shape[3], row = w * c;
    const auto has_below = [&](int64_t i) { return i / row % h + 1 < h; };
    const auto has_right = [&](int64_t i) { return i / c % w + 1 < w; };
    const std::string message = compare_some(ctx, "loss", *loss, [&](int64_t) {
      Expected sum;
      for (int64_t i = 0; i < x->elements(); ++i) {
        if (has_below(i)) sum.add(std::abs((*x)[i + row] - (*x)[i]) / static_cast<double>(n));
        if (has_right(i)) sum.add(std::abs((*x)[i + c] - (*x)[i]) / static_cast<double>(n));
      }
      return sum;
    });
    if (!message.empty()) return message;
    return compare_some(ctx, "dx", *dx, [&](int64_t i) {
      double signs = 0;
      if (has_below(i)) signs += sign((*x)[i] - (*x)[i + row]);
      if (has_right(i)) signs += sign((*x)[i] - (*x)[i + c]);
      if (i / row % h > 0) signs += sign((*x)[i] - (*x)[i - row]);
      if (i / c % w > 0) signs += sign((*x)[i] - (*x)[i - c]);
      return Expected{1e-6 / static_cast<double>(n) * signs, 4e-6 / static_cast<double>(n)};
    });
  };
  return made;
}

namespace {

OpCase sigmoid_bce_case(Context& ctx, int64_t batch, DType dtype) {
  const auto logits = std::make_shared<CaseTensor>(ctx, Shape{batch, 1}, dtype, 1, 0, 4);
  const CasePointer loss = output(ctx, {1}, DType::kF64), correct = output(ctx, {1}, DType::kF64),
                    dlogits = output(ctx, {batch, 1}, dtype);
  OpCase made;
  made.per_step = 17;  // 2 in the discriminator's update, 3 in each of the generator's
  made.bytes = logits->bytes() + dlogits->bytes();
  made.outputs = {loss, correct, dlogits};
  made.run = [=, &ctx] {
    const SigmoidBce all = {logits->device(), 1, 0.001, loss->device(), correct->device(), dlogits->device()};
    sigmoid_bce(ctx, {&all, 1});
  };
  made.wrong = [=, &ctx] {
    const double n = static_cast<double>(batch);
    const auto sigmoid = [&](int64_t i) { return 1 / (1 + std::exp(-(*logits)[i])); };
    std::string message = compare_some(ctx, "loss", *loss, [&](int64_t) {
      Expected sum;
      for (int64_t i = 0; i < batch; ++i) sum.add(-std::log(sigmoid(i)) / n);
      return sum;
    });
    if (message.empty())
      message = compare_some(ctx, "correct", *correct, [&](int64_t) {
        Expected count;
        for (int64_t i = 0; i < batch; ++i) count.add((*logits)[i] > 0 ? 1 : 0);
        return count;
      });
    if (!message.empty()) return message;
    return compare_some(ctx, "dlogits", *dlogits, [&](int64_t i) {
      return Expected{0.001 * (sigmoid(i) - 1) / n, 0.001 / n};
    });
  };
  return made;
}

// Without weights, or with those of every other score.
OpCase hinge_case(Context& ctx, const Shape& shape, bool weighted, DType dtype) {
  const auto scores = std::make_shared<CaseTensor>(ctx, shape, dtype, 1, 0, 4);
  const CasePointer loss = output(ctx, {1}, DType::kF64), correct = output(ctx, {1}, DType::kF64),
                    dscores = output(ctx, shape, dtype), weights = output(ctx, shape, dtype);
  for (int64_t i = 0; i < weights->elements(); ++i) weights->set(i, i % 2 == 0 || !weighted ? 1 : 0);
  weights->put(ctx);
  OpCase made;
  made.bytes = scores->bytes() + dscores->bytes() + (weighted ? 2 * weights->bytes() : 0);
  made.outputs = {loss, correct, dscores};
  made.run = [=, &ctx] {
    const Hinge all = {.scores = scores->device(),
                       .side = HingeSide::kReal,
                       .weight = 0.001,
                       .loss = loss->device(),
                       .correct = correct->device(),
                       .dscores = dscores->device(),
                       .weights = weighted ? weights->device() : Tensor{}};
    hinge(ctx, {&all, 1});
  };
  made.wrong = [=, &ctx] {
    double n = 0;
    for (int64_t i = 0; i < weights->elements(); ++i) n += (*weights)[i];
    std::string message = compare_some(ctx, "loss", *loss, [&](int64_t) {
      Expected sum;
      for (int64_t i = 0; i < scores->elements(); ++i)
        sum.add((*weights)[i] * std::max(0.0, 1 - (*scores)[i]) / n);
      return sum;
    });
    if (message.empty())
      message = compare_some(ctx, "correct", *correct, [&](int64_t) {
        Expected count;
        for (int64_t i = 0; i < scores->elements(); ++i) count.add((*scores)[i] > 0 ? (*weights)[i] : 0);
        return count;
      });
    if (!message.empty()) return message;
    return compare_some(ctx, "dscores", *dscores, [&](int64_t i) {
      return Expected{(*scores)[i] < 1 ? -0.001 / n * (*weights)[i] : 0, 0.001 / n};
    });
  };
  return made;
}

OpCase cut_hole_case(Context& ctx, const Shape& image, const Shape& hole, DType dtype) {
  const double corner = static_cast<double>(image[1] - hole[1]);
  const auto pixels = std::make_shared<CaseTensor>(ctx, image, DType::kU8, 1, 127.5, 127.5),
             offsets = std::make_shared<CaseTensor>(ctx, Shape{image[0], 2}, DType::kI32, 2, corner / 2,
                                                    corner / 2);
  const CasePointer masked = output(ctx, image, dtype), hidden = output(ctx, hole, dtype);
  OpCase made;
  made.per_step = 1;
  made.bytes = pixels->bytes() + offsets->bytes() + masked->bytes() + hidden->bytes();
  made.outputs = {masked, hidden};
  made.run = [=, &ctx] {
    cut_hole(ctx, pixels->device(), offsets->device(), masked->device(), hidden->device());
  };
  made.wrong = [=, &ctx] {
    const auto value = [&](int64_t i) { return ((*pixels)[i] - 127.5) / 127.5; };
    const auto offset = [&](int64_t n, int64_t axis) {
      return static_cast<int64_t>((*offsets)[2 * n + axis]);
    };
    const int64_t s = image[1], h = hole[1], c = image[3];
    const std::string message = compare_some(ctx, "masked", *masked, [&](int64_t i) {
      const int64_t n = i / c / s / s, row = i / c / s % s - offset(n, 0), column = i / c % s - offset(n, 1);
      const bool inside = row >= 0 && row < h && column >= 0 && column < h;
      return Expected{inside ? 0 : value(i), 1};
    });
    if (!message.empty()) return message;
    return compare_some(ctx, "hidden", *hidden, [&](int64_t i) {
      const int64_t n = i / c / h / h, row = i / c / h % h + offset(n, 0), column = i / c % h + offset(n, 1);
      return Expected{value(((n * s + row) * s + column) * c + i % c), 1};
    });
  };
  return made;
}

// A square hole of half the side in the middle of each picture, in place.
OpCase harmonic_fill_case(Context& ctx, const Shape& image, DType dtype) {
  ctx.reserve_workspace(harmonic_fill_workspace_bytes(ctx, image, dtype));
  const int64_t n = image[0], h = image[1], w = image[2], c = image[3];
  const auto mask = std::make_shared<CaseTensor>(ctx, Shape{n, h, w}, DType::kU8, 1, 0, 0),
             pictures = std::make_shared<CaseTensor>(ctx, image, dtype, 2, 0, 1),
             before = std::make_shared<CaseTensor>(ctx, image, dtype, 2, 0, 1);
  const auto missing = [=](int64_t row, int64_t column) {
    return row >= h / 4 && row < h / 4 + h / 2 && column >= w / 4 && column < w / 4 + w / 2;
  };
  for (int64_t i = 0; i < mask->elements(); ++i) mask->set(i, missing(i / w % h, i % w) ? 1 : 0);
  mask->put(ctx);
  OpCase made;
  made.bytes = mask->bytes() + 2 * pictures->bytes();
  made.outputs = {pictures};
  made.run = [=, &ctx] { harmonic_fill(ctx, mask->device(), pictures->device()); };
  made.wrong = [=, &ctx] {
    return compare_some(ctx, "pictures", *pictures, [&](int64_t i) {
      if (!missing(i / c / w % h, i / c % w)) return Expected{(*before)[i], 0};
      const int64_t row = w * c;
      const auto value = [&](int64_t at) { return (*pictures)[at]; };
      // 20 roundings: each of the values is within the op's error.
      return Expected{(value(i - row) + value(i + row) + value(i - c) + value(i + c)) / 4, 20};
    });
  };
  return made;
}

OpCase to_bytes_case(Context& ctx, const Shape& shape, DType dtype) {
  const auto values = std::make_shared<CaseTensor>(ctx, shape, dtype, 1, 0, 1.1);
  const CasePointer bytes = output(ctx, shape, DType::kU8);
  OpCase made;
  made.bytes = values->bytes() + bytes->bytes();
  made.outputs = {bytes};
  made.run = [=, &ctx] { to_bytes(ctx, values->device(), bytes->device()); };
  made.wrong = [=, &ctx] {
    return compare_some(ctx, "bytes", *bytes, [&](int64_t i) {
      const float product = static_cast<float>((*values)[i]) * 127.5f;
      const volatile float rounded = product;  // no fused multiply-add: the contract rounds twice
      return Expected{std::floor(std::min(255.0f, std::max(0.0f, rounded + 127.5f))), 0};
    });
  };
  return made;
}

// What the CPU makes of the pictures, which its own tests prove: a GPU comes to the same bits.
std::vector<float> patched(const CaseTensor& pictures, const CaseTensor& mask, const Shape& shape,
                           const PatchMatchOptions& options) {
  Context cpu;
  cpu.reserve_workspace(patch_match_workspace_bytes(cpu, options, shape));
  std::vector<float> values(static_cast<size_t>(pictures.elements()));
  std::vector<uint8_t> missing(static_cast<size_t>(mask.elements()));
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(pictures[static_cast<int64_t>(i)]);
  for (size_t i = 0; i < missing.size(); ++i) missing[i] = mask[static_cast<int64_t>(i)] != 0;
  patch_match(cpu, options, {{shape[0], shape[1], shape[2]}, DType::kU8, Device::kCpu, missing.data()},
              {shape, DType::kF32, Device::kCpu, values.data()});
  return values;
}

// Fills `hole` of every picture; a run begins with what the run before has left there.
OpCase patch_match_case(Context& ctx, const Shape& pictures, const PixelBox& hole,
                        const PatchMatchOptions& options) {
  const Shape pixels{pictures[0], pictures[1], pictures[2]};
  const auto values = std::make_shared<CaseTensor>(ctx, pictures, DType::kF32, 1, 0, 1);
  const auto mask = std::make_shared<CaseTensor>(ctx, pixels, DType::kU8, 2, 0, 0);
  for (int64_t i = 0; i < mask->elements(); ++i) {
    const int64_t row = i / pixels[2] % pixels[1], column = i % pixels[2];
    mask->set(i, row >= hole.top && row < hole.top + hole.height && column >= hole.left &&
                     column < hole.left + hole.width);
  }
  mask->put(ctx);
  ctx.reserve_workspace(patch_match_workspace_bytes(ctx, options, pictures));
  OpCase made;
  made.bytes = pictures[0] * hole.height * hole.width * pictures[3] * 2 * values->device().bytes() /
               values->device().elements();
  made.outputs = {values};
  made.run = [=, &ctx] { patch_match(ctx, options, mask->device(), values->device()); };
  const auto given = std::make_shared<CaseTensor>(ctx, pictures, DType::kF32, 1, 0, 1);  // the same numbers
  const auto wanted = std::make_shared<std::vector<float>>();  // made when it is first asked for
  made.wrong = [=, &ctx] {
    if (wanted->empty()) *wanted = patched(*given, *mask, pictures, options);
    const auto want = [&](int64_t i) {
      const double value = (*wanted)[static_cast<size_t>(i)];
      return Expected{value, std::abs(value)};
    };
    std::string message = compare_some(ctx, "pictures", *values, want);
    for (int64_t i = 0; i < values->elements() && message.empty(); ++i)
      if ((*mask)[i / pictures[3]] != 0) message = compare(ctx, "pictures", *values, i, want(i));
    return message;
  };
  return made;
}

OpCase round_case(Context& ctx, int64_t elements) {
  const auto values = std::make_shared<CaseTensor>(ctx, Shape{elements}, DType::kF32, 1, 0, 1);
  const CasePointer rounded = output(ctx, {elements}, DType::kBF16);
  OpCase made;
  made.bytes = values->bytes() + rounded->bytes();
  made.outputs = {rounded};
  made.run = [=, &ctx] { round_to_bf16(ctx, values->device(), rounded->device()); };
  made.wrong = [=, &ctx] {
    return compare_some(ctx, "rounded", *rounded, [&](int64_t i) { return Expected{(*values)[i], 0}; });
  };
  return made;
}

}  // namespace

OpCase stored_adam_case(Context& ctx, const Network& network, double updates, DType dtype,
                        const AdamOps& ops) {
  int64_t decayed = 0;
  for (const ParameterPiece& piece : network.spec().pieces())
    if (piece.stored) decayed += piece.decayed;
  OpCase made = adam_case(ctx, network.spec().stored_gradients(), decayed, dtype, ops);
  made.per_step = updates;
  return made;
}

namespace {

// The products of 3 x 3 windows that keep the side, at the shapes of a U-net: few channels at the picture's
// side, more at a half, a quarter and an eighth of it, there dilated too.
void add_kept_sides(std::vector<CaseMaker>& cases, int64_t side, int64_t batch, DType dtype) {
  struct Level {
    int64_t part, ci, co, dilation;
  };
  for (const Level& level : {Level{1, 4, 16, 1},
                             {1, 16, 3, 1},
                             {2, 48, 48, 1},
                             {4, 96, 96, 1},
                             {8, 128, 128, 1},
                             {8, 128, 128, 2},
                             {8, 128, 128, 4},
                             {8, 192, 192, 1}}) {
    const auto& [part, ci, co, dilation] = level;
    const Conv2dShape s{batch, side / part, side / part, ci, co, {3, 1, dilation, dilation}};
    const std::string name = fmt::format("conv3x3 {}-{} at {}, dilation {}", ci, co, side / part, dilation);
    cases.push_back({name + "/forward", [=](Context& ctx) { return conv2d_forward_case(ctx, s, dtype); }});
    cases.push_back(
        {name + "/input gradient", [=](Context& ctx) { return conv2d_backward_data_case(ctx, s, dtype); }});
    cases.push_back({name + "/weight gradient",
                     [=](Context& ctx) { return conv2d_backward_weight_case(ctx, s, dtype); }});
  }
}

}  // namespace

std::vector<CaseMaker> op_cases(const ContextEncoderOptions& options, int64_t batch, DType dtype) {
  const int64_t side = options.image_size, c = options.image_channel;
  const Shape image{batch, side, side, c}, hole{batch, side / 2, side / 2, c};
  const Shape features{batch, side / 2, side / 2, 48};  // of a U-Net, near its outer end
  const Shape patches{batch, side / 8, side / 8, 1};    // scores of a patch discriminator
  const Network generator = make_generator(options);
  const LinearShape bottleneck = first_handed_over(generator, batch);
  const int64_t weights = generator.spec().elements(ParameterId::Kind::kWeight);
  std::vector<CaseMaker> cases = {
      {"cut_hole", [=](Context& ctx) { return cut_hole_case(ctx, image, hole, dtype); }},
      {"harmonic_fill", [=](Context& ctx) { return harmonic_fill_case(ctx, image, parameter_dtype(dtype)); }},
      {"reconstruction_loss", [=](Context& ctx) { return reconstruction_case(ctx, hole, dtype); }},
      {"total_variation", [=](Context& ctx) { return total_variation_case(ctx, hole, dtype); }},
      {"sigmoid_bce", [=](Context& ctx) { return sigmoid_bce_case(ctx, batch, dtype); }},
      {"hinge",
       [=](Context& ctx) {
         return hinge_case(ctx, {batch, 1}, false, dtype);
       }},
      {"hinge/patches", [=](Context& ctx) { return hinge_case(ctx, patches, true, dtype); }},
      {"hole_patches", [=](Context& ctx) { return hole_patches_case(ctx, image, dtype); }},
      {"spectral_norm",
       [=](Context& ctx) {
         return spectral_norm_case(ctx, {128, 4, 4, 64}, dtype);
       }},
      {"spectral_norm/backward",
       [=](Context& ctx) {
         return spectral_norm_backward_case(ctx, {128, 4, 4, 64}, dtype);
       }},
      {"adam/generator",
       [=](Context& ctx) { return stored_adam_case(ctx, make_generator(options), 5, dtype); }},
      {"adam/discriminator",
       [=](Context& ctx) { return stored_adam_case(ctx, make_discriminator(options), 1, dtype); }},
      {"linear_gradient_squares",
       [=](Context& ctx) { return linear_gradient_squares_case(ctx, bottleneck, dtype); }},
      {"append_mask", [=](Context& ctx) { return append_mask_case(ctx, image, dtype); }},
      {"compose_hole", [=](Context& ctx) { return compose_hole_case(ctx, image, dtype); }},
      {"compose_hole/backward", [=](Context& ctx) { return compose_hole_backward_case(ctx, image, dtype); }},
      {"hole_loss", [=](Context& ctx) { return hole_loss_case(ctx, image, dtype); }},
      {"moving_average", [=](Context& ctx) { return moving_average_case(ctx, weights, dtype); }},
      {"group_norm/forward",
       [=](Context& ctx) { return group_norm_forward_case(ctx, features, Activation::kRelu, dtype); }},
      {"group_norm/backward",
       [=](Context& ctx) { return group_norm_backward_case(ctx, features, Activation::kRelu, dtype); }},
      {"add", [=](Context& ctx) { return add_case(ctx, features, dtype); }},
      {"to_bytes", [=](Context& ctx) { return to_bytes_case(ctx, hole, dtype); }},
      {"patch_match/photograph",
       [](Context& ctx) {
         const PixelBox missing{400, 800, 200, 300};
         return patch_match_case(ctx, {1, 1080, 1920, 3}, missing, {.box = missing});
       }},
      {"patch_match/small",
       [](Context& ctx) {
         return patch_match_case(ctx, {64, 64, 64, 3}, {16, 16, 32, 32}, patch_match_of_painted(64));
       }},
      {"round_to_bf16", [=](Context& ctx) { return round_case(ctx, weights); }},
  };
  add_kept_sides(cases, side, batch, dtype);
  for (CaseMaker& maker : cases)
    maker.make = [name = maker.name, make = maker.make](Context& ctx) {
      OpCase made = make(ctx);
      made.name = name;
      return made;
    };
  return cases;
}

}  // namespace inpaint::bench
