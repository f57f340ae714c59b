// depthwise_conv2d on the CPU; contract in depthwise_conv2d.h. The sums of some channels of an output pixel
// stay in registers while the window is walked over.
#include <algorithm>

#include "kernels/channel/depthwise_conv2d.h"

namespace inpaint {
namespace {

constexpr int64_t kLanes = 32;  // channels at a time

template <typename T>
struct Planes {
  const T *x, *w;
  T* y;
  int64_t h, width, c, kernel, ho, wo;
  DepthwiseWindow window;
};

// Channels first ... first + count - 1 of an output pixel, of which kLanes at most.
template <typename T>
void sum_window(const Planes<T>& p, const T* picture, int64_t i, int64_t j, int64_t first, int64_t count,
                T* to) {
  const int64_t top = p.window.stride * i - p.window.pad, left = p.window.stride * j - p.window.pad;
  T sums[kLanes] = {};
  for (int64_t ky = std::max<int64_t>(0, -top); ky < std::min(p.kernel, p.h - top); ++ky)
    for (int64_t kx = std::max<int64_t>(0, -left); kx < std::min(p.kernel, p.width - left); ++kx) {
      const T* from = picture + ((top + ky) * p.width + left + kx) * p.c + first;
      const T* weight = p.w + (ky * p.kernel + kx) * p.c + first;
      if (count == kLanes)
        for (int64_t l = 0; l < kLanes; ++l) sums[l] += from[l] * weight[l];
      else
        for (int64_t l = 0; l < count; ++l) sums[l] += from[l] * weight[l];
    }
  std::copy_n(sums, count, to);
}

}  // namespace

void depthwise_conv2d_forward(const Context& ctx, const DepthwiseWindow& window, const Tensor& x,
                              const Tensor& w, const Tensor& y) {
  INPAINT_CHECK(ctx.device() == Device::kCpu, "depthwise_conv2d runs on the CPU only");
  if (x.shape.rank() != 4 || y.shape.rank() != 4)
    throw ShapeError(fmt::format("depthwise_conv2d: x {} and y {} must have rank 4", to_string(x.shape),
                                 to_string(y.shape)));
  const int64_t kernel = w.shape.rank() == 3 ? w.shape[0] : 0, c = x.shape[3];
  expect_shape("depthwise_conv2d w", w, {kernel, kernel, c}, x.dtype);
  expect_shape("depthwise_conv2d y", y, {x.shape[0], y.shape[1], y.shape[2], c}, x.dtype);
  if (window.stride < 1 || window.pad < 0 || window.pad >= kernel)
    throw ShapeError(fmt::format("depthwise_conv2d: stride {} and padding {} of a {} x {} kernel",
                                 window.stride, window.pad, kernel, kernel));
  visit_real(x.dtype, [&]<typename T>(T) {
    const Planes<T> p{x.as<T>(), w.as<T>(), y.as<T>(),  x.shape[1], x.shape[2],
                      c,         kernel,    y.shape[1], y.shape[2], window};
    ctx.parallel(x.shape[0] * p.ho, [&](int64_t row, int) {
      const T* picture = p.x + row / p.ho * p.h * p.width * c;
      T* to = p.y + row * p.wo * c;
      for (int64_t j = 0; j < p.wo; ++j)
        for (int64_t first = 0; first < c; first += kLanes)
          sum_window(p, picture, row % p.ho, j, first, std::min(kLanes, c - first), to + j * c + first);
    });
  });
}

}  // namespace inpaint
