#include "train/datasets/dataset_check.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/base/crc32c.h"
#include "core/base/error.h"
#include "core/file/replace_file.h"

namespace inpaint {
namespace {

bool is_flat(const uint8_t* image, int64_t bytes, int channels) {
  // equal to itself moved by one pixel
  return std::equal(image + channels, image + bytes, image);
}

}  // namespace

DatasetFigures dataset_figures(const BinDataset& dataset) {
  const int channels = dataset.image_channel();
  const int64_t bytes = dataset.image_bytes();
  DatasetFigures figures;
  std::array<std::array<int64_t, 256>, 3> histogram{};
  std::unordered_set<std::string_view> seen;
  for (int64_t i = 0; i < dataset.count(); ++i) {
    if (i % 1024 == 0) dataset.check_not_shrunk();
    const uint8_t* image = dataset.image(i);
    for (int64_t k = 0; k < bytes; k += channels)
      for (int c = 0; c < channels; ++c) ++histogram[static_cast<size_t>(c)][image[k + c]];
    const std::string_view text(reinterpret_cast<const char*>(image), static_cast<size_t>(bytes));
    figures.duplicates += !seen.insert(text).second;
    figures.flat += is_flat(image, bytes, channels);
  }
  const auto n = static_cast<double>(dataset.count() * dataset.image_size() * dataset.image_size());
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    double sum = 0, squares = 0;
    for (size_t value = 0; value < 256; ++value) {
      sum += static_cast<double>(value) * static_cast<double>(histogram[c][value]);
      squares += static_cast<double>(value * value) * static_cast<double>(histogram[c][value]);
    }
    figures.mean[c] = sum / n;
    figures.deviation[c] = std::sqrt(std::max(0.0, squares / n - figures.mean[c] * figures.mean[c]));
  }
  return figures;
}

uint32_t dataset_crc32c(const BinDataset& dataset) {
  uint32_t crc = 0;
  for (int64_t i = 0; i < dataset.count(); ++i) {
    if (i % 1024 == 0) dataset.check_not_shrunk();
    crc = crc32c(std::as_bytes(std::span(dataset.image(i), static_cast<size_t>(dataset.image_bytes()))), crc);
  }
  return crc;
}

void describe_dataset(const BinDataset& dataset) {
  const std::filesystem::path file = description_file(dataset.path());
  std::error_code unreadable;
  if (!dataset.description() && std::filesystem::exists(file, unreadable))
    user_error("{}: exists already and is no description of a data set; move it away", file.string());
  DatasetDescription description;
  description.image_size = dataset.image_size();
  description.image_channel = dataset.image_channel();
  description.count = dataset.count();
  description.crc32c = dataset_crc32c(dataset);
  if (dataset.description()) {
    description.source = dataset.description()->source;
    description.seed = dataset.description()->seed;
  }
  replace_file(file, to_json(description));
}

Image contact_sheet(const BinDataset& dataset, int64_t most) {
  const int64_t shown = std::min(most, dataset.count());
  INPAINT_CHECK(shown >= 1, "a sheet of {} images", most);
  dataset.check_not_shrunk();
  std::vector<Image> images;
  for (int64_t i = 0; i < shown; ++i) {
    Image image(dataset.image_size(), dataset.image_size(), dataset.image_channel());
    std::copy_n(dataset.image(i * dataset.count() / shown), dataset.image_bytes(), image.bytes.begin());
    images.push_back(std::move(image));
  }
  return image_grid(images, static_cast<int>(std::ceil(std::sqrt(static_cast<double>(shown)))));
}

}  // namespace inpaint
