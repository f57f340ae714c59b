// The cases of paint_ops.h. The hole is a square of half the side in the middle of each picture; bytes count
// what is read in the hole and what is read everywhere.
#include "bench/paint_ops.h"

#include <algorithm>
#include <cmath>

#include "kernels/loss/hole_loss.h"
#include "kernels/loss/hole_patches.h"
#include "kernels/parameter/moving_average.h"
#include "kernels/picture/compose_hole.h"
#include "kernels/picture/picture_input.h"

namespace inpaint::bench {
namespace {

CasePointer output(const Context& ctx, const Shape& shape, DType dtype) {
  return std::make_shared<CaseTensor>(ctx, shape, dtype);
}

CasePointer square_mask(const Context& ctx, const Shape& picture) {
  const int64_t h = picture[1], w = picture[2];
  CasePointer mask = output(ctx, {picture[0], h, w}, DType::kU8);
  for (int64_t i = 0; i < mask->elements(); ++i) {
    const int64_t row = i / w % h, column = i % w;
    mask->set(i, row >= h / 4 && row < 3 * h / 4 && column >= w / 4 && column < 3 * w / 4 ? 1 : 0);
  }
  mask->put(ctx);
  return mask;
}

int64_t missing_pixels(const CaseTensor& mask) {
  int64_t count = 0;
  for (int64_t i = 0; i < mask.elements(); ++i) count += mask[i] != 0;
  return count;
}

}  // namespace

OpCase append_mask_case(Context& ctx, const Shape& picture, DType dtype) {
  const int64_t c = picture[3];
  const auto filled = std::make_shared<CaseTensor>(ctx, picture, parameter_dtype(dtype), 1, 0, 1);
  const CasePointer mask = square_mask(ctx, picture),
                    x = output(ctx, {picture[0], picture[1], picture[2], c + 1}, dtype);
  OpCase made;
  made.bytes = filled->bytes() + mask->bytes() + x->bytes();
  made.outputs = {x};
  made.run = [=, &ctx] { append_mask(ctx, filled->device(), mask->device(), x->device()); };
  made.wrong = [=, &ctx] {
    return compare_some(ctx, "x", *x, [&](int64_t i) {
      const int64_t pixel = i / (c + 1), channel = i % (c + 1);
      return Expected{channel < c ? (*filled)[pixel * c + channel] : (*mask)[pixel], 0};
    });
  };
  return made;
}

OpCase compose_hole_case(Context& ctx, const Shape& picture, DType dtype) {
  const int64_t c = picture[3];
  const auto filled = std::make_shared<CaseTensor>(ctx, picture, parameter_dtype(dtype), 1, 0, 1),
             residual = std::make_shared<CaseTensor>(ctx, picture, dtype, 2, 0, 0.5);
  const CasePointer mask = square_mask(ctx, picture), painted = output(ctx, picture, parameter_dtype(dtype));
  OpCase made;
  made.bytes =
      filled->bytes() + mask->bytes() + painted->bytes() + missing_pixels(*mask) * c * size_of(dtype);
  made.outputs = {painted};
  made.run = [=, &ctx] {
    compose_hole(ctx, filled->device(), residual->device(), mask->device(), painted->device());
  };
  made.wrong = [=, &ctx] {
    return compare_some(ctx, "painted", *painted, [&](int64_t i) {
      Expected sum;
      sum.add((*filled)[i]);
      if ((*mask)[i / c] != 0) sum.add((*residual)[i]);
      return sum;
    });
  };
  return made;
}

OpCase compose_hole_backward_case(Context& ctx, const Shape& picture, DType dtype) {
  constexpr double kScale = 0.375;
  ctx.reserve_workspace(compose_hole_backward_workspace_bytes(ctx, picture));
  const int64_t c = picture[3];
  const Shape with_mask{picture[0], picture[1], picture[2], c + 1};
  const auto dx = std::make_shared<CaseTensor>(ctx, with_mask, dtype, 1, 0, 1),
             scale = std::make_shared<CaseTensor>(ctx, Shape{1}, DType::kF64, 3, kScale, 0),
             dresidual = std::make_shared<CaseTensor>(ctx, picture, dtype, 2, 0, 1),
             before = std::make_shared<CaseTensor>(ctx, picture, dtype, 2, 0, 1);
  const CasePointer mask = square_mask(ctx, picture), squares = output(ctx, {1}, DType::kF64);
  OpCase made;
  made.bytes = mask->bytes() + 3 * missing_pixels(*mask) * c * size_of(dtype);
  made.outputs = {dresidual, squares};
  made.run = [=, &ctx] {
    compose_hole_backward(ctx, dx->device(), mask->device(), scale->device(), dresidual->device(),
                          squares->device());
  };
  made.wrong = [=, &ctx] {
    const auto gradient = [&](int64_t i) { return (*mask)[i / c] != 0 ? (*dx)[i + i / c] : 0; };
    const std::string message = compare_some(ctx, "squares", *squares, [&](int64_t) {
      Expected sum;
      for (int64_t i = 0; i < dresidual->elements(); ++i) sum.add(gradient(i) * gradient(i));
      return sum;
    });
    if (!message.empty()) return message;
    return compare_some(ctx, "dresidual", *dresidual, [&](int64_t i) {
      Expected sum;
      sum.add((*before)[i]);
      sum.add(kScale * gradient(i));
      return sum;
    });
  };
  return made;
}

// The field of three convolutions of 4 x 4 and stride 2 and one of 3 x 3: a score for each 8 x 8 pixels.
OpCase hole_patches_case(Context& ctx, const Shape& picture, DType dtype) {
  constexpr PatchField kField{.size = 38, .stride = 8, .first = -15};
  const int64_t h = picture[1], w = picture[2], down = h / kField.stride, across = w / kField.stride;
  const CasePointer mask = square_mask(ctx, picture),
                    weights = output(ctx, {picture[0], down, across, 1}, dtype);
  OpCase made;
  made.bytes = mask->bytes() + weights->bytes();
  made.outputs = {weights};
  made.run = [=, &ctx] { hole_patches(ctx, kField, mask->device(), weights->device()); };
  made.wrong = [=, &ctx] {
    return compare_some(ctx, "weights", *weights, [&](int64_t score) {
      const int64_t picture_of = score / across / down;
      const int64_t top = kField.first + score / across % down * kField.stride,
                    left = kField.first + score % across * kField.stride;
      double touches = 0;
      for (int64_t row = std::max<int64_t>(top, 0); row < std::min(top + kField.size, h); ++row)
        for (int64_t column = std::max<int64_t>(left, 0); column < std::min(left + kField.size, w); ++column)
          if ((*mask)[(picture_of * h + row) * w + column] != 0) touches = 1;
      return Expected{touches, 0};
    });
  };
  return made;
}

OpCase hole_loss_case(Context& ctx, const Shape& picture, DType dtype) {
  ctx.reserve_workspace(hole_loss_workspace_bytes(ctx, picture));
  const int64_t c = picture[3], values = picture[1] * picture[2] * c;
  const auto painted = std::make_shared<CaseTensor>(ctx, picture, parameter_dtype(dtype), 1, 0, 1),
             images = std::make_shared<CaseTensor>(ctx, picture, DType::kU8, 2, 127.5, 127.5);
  const CasePointer mask = square_mask(ctx, picture), l1 = output(ctx, {1}, DType::kF64),
                    rms = output(ctx, {1}, DType::kF64), dpainted = output(ctx, picture, dtype);
  OpCase made;
  made.bytes = 2 * mask->bytes() + dpainted->bytes() +
               2 * missing_pixels(*mask) * c * (size_of(painted->device().dtype) + 1);
  made.outputs = {l1, rms, dpainted};
  made.run = [=, &ctx] {
    hole_loss(ctx, painted->device(), images->device(), mask->device(), {}, l1->device(), rms->device(),
              &dpainted->device(), GradMode::kOverwrite);
  };
  made.wrong = [=, &ctx] {
    const double n = static_cast<double>(picture[0]);
    const auto difference = [&](int64_t i) {
      return (*mask)[i / c] != 0 ? (*painted)[i] - ((*images)[i] - 127.5) / 127.5 : 0;
    };
    struct Means {
      double count = 0, absolute = 0, squares = 0;
      double root() const { return std::sqrt(squares / count + kHoleLossEpsilon); }
    };
    const auto means_of = [&](int64_t p) {
      Means m;
      for (int64_t i = p * values; i < (p + 1) * values; ++i) {
        m.count += (*mask)[i / c] != 0;
        m.absolute += std::abs(difference(i));
        m.squares += difference(i) * difference(i);
      }
      return m;
    };
    std::string message = compare_some(ctx, "l1", *l1, [&](int64_t) {
      Expected sum;
      for (int64_t p = 0; p < picture[0]; ++p) sum.add(means_of(p).absolute / means_of(p).count / n);
      return sum;
    });
    if (message.empty())
      message = compare_some(ctx, "rms", *rms, [&](int64_t) {
        Expected sum;
        for (int64_t p = 0; p < picture[0]; ++p) sum.add(means_of(p).root() / n);
        return sum;
      });
    if (!message.empty()) return message;
    return compare_some(ctx, "dpainted", *dpainted, [&](int64_t i) {
      const Means m = means_of(i / values);
      const double d = difference(i), sign = d > 0 ? 1 : d < 0 ? -1 : 0;
      return Expected{(sign + d / m.root()) / (n * m.count), 4 / (n * m.count * m.root())};
    });
  };
  return made;
}

OpCase moving_average_case(Context& ctx, int64_t parameters, DType dtype) {
  constexpr double kRate = 0.125;
  const DType type = parameter_dtype(dtype);
  const auto rate = std::make_shared<CaseTensor>(ctx, Shape{1}, DType::kF64, 3, kRate, 0),
             values = std::make_shared<CaseTensor>(ctx, Shape{parameters}, type, 1, 0, 1),
             averages = std::make_shared<CaseTensor>(ctx, Shape{parameters}, type, 2, 0, 1);
  auto before = std::make_shared<std::vector<float>>();
  for (int64_t i = 0; i < parameters; ++i) before->push_back(static_cast<float>((*averages)[i]));
  OpCase made;
  made.bytes = values->bytes() + 2 * averages->bytes();
  made.outputs = {averages};
  made.run = [=, &ctx] { moving_average(ctx, rate->device(), values->device(), averages->device()); };
  made.wrong = [=, &ctx] {
    return compare_some(ctx, "averages", *averages, [&](int64_t i) {
      const auto old = static_cast<double>((*before)[static_cast<size_t>(i)]);
      return Expected{old + kRate * ((*values)[i] - old), std::abs(old) + std::abs((*values)[i])};
    });
  };
  return made;
}

}  // namespace inpaint::bench
