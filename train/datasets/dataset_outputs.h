// Data set files being made, one per split, with their descriptions (train/data/dataset_description.h). All
// of them are put in place at the end, or none.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/file/new_folders.h"
#include "core/file/replace_file.h"
#include "train/data/split.h"

namespace inpaint {

// How the pictures of one source are shared out. What train and validate leave is for test.
struct SplitShares {
  double train = 0.8;
  double validate = 0;
};

// How many of `count` go to each split, in the order of kSplits: in proportion, by largest remainder; a split
// whose share is not 0 gets at least one as long as there are enough for all such splits.
std::array<int64_t, 3> split_counts(int64_t count, const SplitShares& shares);

struct DatasetTarget {
  std::filesystem::path data_root = "data";
  std::string dataname = "inpaint";
  int image_size = 128;
  int image_channel = 1;
  bool force = false;  // replace files that exist

  std::filesystem::path file(Split split) const;  // as the trainer looks for it
  int64_t image_bytes() const { return int64_t{image_size} * image_size * image_channel; }
};

// UserError for a value out of range, naming its flag.
void check_target(const DatasetTarget& target);
void check_shares(const SplitShares& shares);

struct WrittenDataset {
  Split split;
  std::filesystem::path path;
  int64_t images;
};

// Files of this name and size that exist although they were not written: from an earlier run, with pictures
// that may be in the new ones too.
std::vector<std::filesystem::path> earlier_datasets(const DatasetTarget& target,
                                                    std::span<const WrittenDataset> written);

class DatasetOutputs {
 public:
  // `splits`: those that may come to be written. UserError when one of their files exists (and force is off)
  // or the folder cannot be made; left-over temporary files of runs that were killed are cleared away.
  // `source` and `seed` go into the descriptions.
  DatasetOutputs(const DatasetTarget& target, std::span<const Split> splits, std::string source = {},
                 uint64_t seed = 0);

  void add(Split split, std::span<const uint8_t> image);  // image_bytes of them

  // Puts every file that was added to in place: a split without images makes no file. Without commit nothing
  // is left of them, nor of a folder that was made for them.
  std::vector<WrittenDataset> commit();

 private:
  struct Output {
    std::unique_ptr<ReplaceFile> file;
    int64_t images = 0;
    uint32_t crc32c = 0;
  };
  std::string description_of(const Output& output) const;

  DatasetTarget target_;
  std::string source_;
  uint64_t seed_;
  NewFolders folders_;
  std::map<Split, Output> outputs_;
};

}  // namespace inpaint
