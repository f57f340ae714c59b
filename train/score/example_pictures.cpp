#include "train/score/example_pictures.h"

#include "train/data/picture_grid.h"

namespace inpaint {

std::vector<ExamplePicture> example_pictures(const Context& ctx, const PictureSet& source,
                                             std::span<const Method> methods, const HoleSource& holes,
                                             std::span<const int64_t> numbers) {
  HoleBatch batch(source, static_cast<int64_t>(numbers.size()), holes);
  const std::vector<SkippedPicture> skipped = batch.load(ctx, numbers);
  if (!skipped.empty()) user_error("{}", skipped.front().reason);  // it was there a moment ago
  std::vector<ExamplePicture> examples;
  for (int64_t n = 0; n < std::ssize(numbers); ++n)
    examples.push_back({batch.numbers()[static_cast<size_t>(n)],
                        batch.name(n),
                        picture_of(batch.batch().pictures, n),
                        picture_of(batch.masked(), n),
                        {}});
  for (const Method& method : methods) {
    batch.paint(ctx, method);
    for (int64_t n = 0; n < std::ssize(numbers); ++n)
      examples[static_cast<size_t>(n)].painted.push_back(picture_of(batch.inpainted(), n));
  }
  return examples;
}

Image example_grid(std::span<const ExamplePicture> examples) {
  std::vector<Image> images;
  for (const ExamplePicture& example : examples) images.push_back(example.truth);
  for (const ExamplePicture& example : examples) images.push_back(example.masked);
  for (size_t method = 0; method < examples.front().painted.size(); ++method)
    for (const ExamplePicture& example : examples) images.push_back(example.painted[method]);
  return image_grid(images, static_cast<int>(examples.size()));
}

}  // namespace inpaint
