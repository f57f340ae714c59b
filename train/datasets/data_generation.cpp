#include "train/datasets/data_generation.h"

#include <algorithm>

#include "core/image/image.h"
#include "train/datasets/procedural_pictures.h"

namespace inpaint {

std::vector<WrittenDataset> generate_pictures(const Context& ctx, const GenerationOptions& options) {
  check_target(options.target);
  check_shares(options.shares);
  constexpr int64_t kMaxCount = 100'000'000;
  if (options.count < 1 || options.count > kMaxCount)
    user_error("count: {} is not between 1 and {}", options.count, kMaxCount);
  const auto counts = split_counts(options.count, options.shares);
  std::vector<Split> splits;
  for (size_t m = 0; m < kSplits.size(); ++m)
    if (counts[m] > 0) splits.push_back(kSplits[m]);
  DatasetOutputs outputs(options.target, splits, "procedural pictures", options.seed);

  constexpr int64_t kBlock = 64;  // pictures made side by side before they are written
  for (int64_t begin = 0; begin < options.count; begin += kBlock) {
    const int64_t end = std::min(options.count, begin + kBlock);
    std::vector<Image> images(static_cast<size_t>(end - begin));
    ctx.parallel(end - begin, [&](int64_t i, int) {
      images[static_cast<size_t>(i)] = procedural_picture(options.seed, begin + i, options.target.image_size,
                                                          options.target.image_channel);
    });
    for (int64_t i = begin; i < end; ++i) {
      const Split split = i < counts[0]               ? Split::kTrain
                          : i < counts[0] + counts[1] ? Split::kValidate
                                                      : Split::kTest;
      outputs.add(split, images[static_cast<size_t>(i - begin)].bytes);
    }
    if (options.on_progress) options.on_progress(end, options.count);
  }
  return outputs.commit();
}

}  // namespace inpaint
