#include "train/datasets/dataset_outputs.h"

#include <algorithm>
#include <cmath>

#include "core/base/crc32c.h"
#include "core/base/error.h"
#include "core/file/file.h"
#include "train/data/dataset_description.h"
#include "train/settings/folders.h"

namespace inpaint {

std::array<int64_t, 3> split_counts(int64_t count, const SplitShares& shares) {
  const std::array<double, 3> share = {shares.train, shares.validate,
                                       std::max(0.0, 1 - shares.train - shares.validate)};
  constexpr double kNone = 1e-9;  // 1 - 0.9 - 0.1 is not quite 0
  std::array<int64_t, 3> counts{};
  std::array<double, 3> rest{};
  int64_t left = count;
  for (size_t i = 0; i < 3; ++i) {
    if (share[i] < kNone) {
      rest[i] = -1;
      continue;
    }
    const double exact = share[i] * static_cast<double>(count);
    counts[i] = static_cast<int64_t>(std::floor(exact));
    rest[i] = exact - static_cast<double>(counts[i]);
    left -= counts[i];
  }
  for (; left > 0; --left) {
    const auto largest = static_cast<size_t>(std::max_element(rest.begin(), rest.end()) - rest.begin());
    ++counts[largest];
    rest[largest] -= 1;
  }
  for (size_t i = 0; i < 3; ++i) {
    const auto largest = std::max_element(counts.begin(), counts.end());
    if (counts[i] == 0 && share[i] >= kNone && *largest > 1) {
      --*largest;
      ++counts[i];
    }
  }
  return counts;
}

std::filesystem::path DatasetTarget::file(Split split) const {
  TrainSettings settings;
  settings.data_root = data_root.string();
  settings.dataname = dataname;
  settings.image_size = image_size;
  return data_file(settings, split);
}

void check_target(const DatasetTarget& target) {
  if (target.image_size < 16 || target.image_size > 1024 || target.image_size % 2 != 0)
    user_error("image_size: {} is no even number from 16 to 1024; the trainer takes 64, 128 and 256",
               target.image_size);
  if (target.image_channel != 1 && target.image_channel != 3)
    user_error("image_channel: {} is neither 1 (grey) nor 3 (RGB)", target.image_channel);
  if (target.dataname.empty() || target.dataname.find('/') != std::string::npos)
    user_error("dataname: '{}' is no file name; choose a name without '/'", target.dataname);
}

void check_shares(const SplitShares& shares) {
  // written so that nan fails too
  if (!(shares.train >= 0 && shares.train <= 1))
    user_error("train_share: {} is not between 0 and 1", shares.train);
  if (!(shares.validate >= 0 && shares.validate <= 1))
    user_error("validate_share: {} is not between 0 and 1", shares.validate);
  if (shares.train + shares.validate > 1 + 1e-9)
    user_error("train_share {} and validate_share {} are more than 1 together; test gets what they leave",
               shares.train, shares.validate);
}

std::vector<std::filesystem::path> earlier_datasets(const DatasetTarget& target,
                                                    std::span<const WrittenDataset> written) {
  std::vector<std::filesystem::path> earlier;
  for (const Split split : kSplits) {
    const bool is_new = std::any_of(written.begin(), written.end(), [split](const WrittenDataset& dataset) {
      return dataset.split == split;
    });
    std::error_code unreadable;
    if (!is_new && std::filesystem::exists(target.file(split), unreadable))
      earlier.push_back(target.file(split));
  }
  return earlier;
}

DatasetOutputs::DatasetOutputs(const DatasetTarget& target, std::span<const Split> splits, std::string source,
                               uint64_t seed)
    : target_(target), source_(std::move(source)), seed_(seed) {
  for (const Split split : splits) {
    std::error_code unreadable;
    if (!target.force && std::filesystem::exists(target.file(split), unreadable))
      user_error("{}: exists already; nothing was changed; --force replaces it, --dataname makes another",
                 target.file(split).string());
    const std::filesystem::path description = description_file(target.file(split));
    if (!target.force && std::filesystem::exists(description, unreadable) &&
        !read_description(target.file(split)))
      user_error(
          "{}: exists already and is no description of a data set; nothing was changed; --force "
          "replaces it, --dataname makes another",
          description.string());
    outputs_[split];
  }
  folders_.make(target.data_root);
  remove_stale_temporaries(target.data_root);
}

void DatasetOutputs::add(Split split, std::span<const uint8_t> image) {
  INPAINT_CHECK(static_cast<int64_t>(image.size()) == target_.image_bytes(), "{} bytes instead of {}",
                image.size(), target_.image_bytes());
  Output& output = outputs_.at(split);
  if (!output.file)
    output.file =
        std::make_unique<ReplaceFile>(target_.file(split), target_.force ? ReplaceFile::Existing::kReplace
                                                                         : ReplaceFile::Existing::kRefuse);
  output.file->write(std::as_bytes(image));
  output.crc32c = crc32c(std::as_bytes(image), output.crc32c);
  ++output.images;
}

std::string DatasetOutputs::description_of(const Output& output) const {
  return to_json({.image_size = target_.image_size,
                  .image_channel = target_.image_channel,
                  .count = output.images,
                  .source = source_,
                  .seed = seed_,
                  .crc32c = output.crc32c});
}

// An old description goes before its data set is replaced: whatever dies in between, none is left that speaks
// of another file.
std::vector<WrittenDataset> DatasetOutputs::commit() {
  std::vector<WrittenDataset> written;
  for (auto& [split, output] : outputs_) {
    if (!output.file) continue;
    const std::filesystem::path description = description_file(target_.file(split));
    if (target_.force) std::filesystem::remove(description);
    output.file->commit();
    replace_file(description, description_of(output));
    folders_.keep();
    written.push_back({split, target_.file(split), output.images});
  }
  return written;
}

}  // namespace inpaint
