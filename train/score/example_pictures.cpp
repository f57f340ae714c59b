#include "train/score/example_pictures.h"

#include "train/data/picture_grid.h"

namespace inpaint {

Image example_pictures(const Context& ctx, const PictureSet& source, std::span<const Method> methods,
                       const HoleSource& holes, std::span<const int64_t> numbers) {
  const auto columns = static_cast<int64_t>(numbers.size());
  HoleBatch batch(source, columns, holes);
  const std::vector<SkippedPicture> skipped = batch.load(ctx, numbers);
  if (!skipped.empty()) user_error("{}", skipped.front().reason);  // it was there a moment ago
  std::vector<Image> images;
  const auto add_row = [&](const Tensor& pictures) {
    for (int64_t n = 0; n < columns; ++n) images.push_back(picture_of(pictures, n));
  };
  add_row(batch.batch().pictures);
  add_row(batch.masked());
  for (const Method& method : methods) {
    batch.paint(ctx, method);
    add_row(batch.inpainted());
  }
  return image_grid(images, static_cast<int>(columns));
}

}  // namespace inpaint
