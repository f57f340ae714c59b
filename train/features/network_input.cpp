#include "train/features/network_input.h"

#include <algorithm>
#include <cmath>

namespace inpaint {
namespace {

// The pixels that make one pixel of a resized row or column.
struct Taps {
  int64_t first;
  std::vector<float> weights;  // their sum is 1
};

std::vector<Taps> taps(int64_t from, int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to), width = std::max(scale, 1.0);
  std::vector<Taps> all;
  for (int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<int64_t>(0, static_cast<int64_t>(std::floor(centre - width + 0.5))),
               end = std::min(from, static_cast<int64_t>(std::floor(centre + width + 0.5)));
    std::vector<double> weights;
    double sum = 0;
    for (int64_t j = first; j < end; ++j) {
      weights.push_back(std::max(0.0, 1 - std::abs((static_cast<double>(j) + 0.5 - centre) / width)));
      sum += weights.back();
    }
    all.push_back({first, {}});
    for (const double weight : weights) all.back().weights.push_back(static_cast<float>(weight / sum));
  }
  return all;
}

}  // namespace

void make_network_input(const Context& ctx, const FeaturePlan& plan, const Tensor& picture,
                        const Tensor& input) {
  const int64_t height = picture.shape[1], width = picture.shape[2], given = picture.shape[3],
                size = plan.size, taken = plan.channels;
  expect_shape("network input", input, {1, size, size, taken}, DType::kF32);
  if (given != taken && given != 1)
    throw ShapeError(fmt::format("pictures of {} channels for a network that takes {}", given, taken));
  const std::vector<Taps> rows = taps(height, size), columns = taps(width, size);
  const uint8_t* bytes = picture.as<uint8_t>();
  float* to = input.as<float>();
  ctx.parallel_blocks(size, 8, [&](int64_t begin, int64_t end, int) {
    std::vector<float> line(static_cast<size_t>(width * given));
    for (int64_t i = begin; i < end; ++i) {
      const Taps& row = rows[static_cast<size_t>(i)];
      std::ranges::fill(line, 0.0f);
      for (size_t tap = 0; tap < row.weights.size(); ++tap) {
        const uint8_t* from = bytes + (row.first + static_cast<int64_t>(tap)) * width * given;
        for (size_t k = 0; k < line.size(); ++k) line[k] += row.weights[tap] * static_cast<float>(from[k]);
      }
      for (int64_t j = 0; j < size; ++j) {
        const Taps& column = columns[static_cast<size_t>(j)];
        for (int64_t c = 0; c < taken; ++c) {
          const float* from = line.data() + column.first * given + (given == 1 ? 0 : c);
          float sum = 0;
          for (size_t tap = 0; tap < column.weights.size(); ++tap)
            sum += column.weights[tap] * from[static_cast<int64_t>(tap) * given];
          const auto channel = static_cast<size_t>(c);
          to[(i * size + j) * taken + c] =
              static_cast<float>((static_cast<double>(sum) - plan.mean[channel]) / plan.deviation[channel]);
        }
      }
    }
  });
}

}  // namespace inpaint
