// Data sets from pictures: reads, crops, scales, splits, shuffles, writes.
//
// Every picture becomes one image (its centre square, scaled to S x S) or `random_crops` of them (squares
// whose side is drawn between smallest_crop and 1 times the picture's short side, never below S, at a place
// drawn too, scaled to S x S). A picture whose short side is below S is skipped, as is a file that cannot be
// read. All crops of a picture go to the same data set, and so do all pictures that are equal or look alike
// (duplicate_pictures.h), unless lists place them. The order within a data set is shuffled.
//
// Everything random is a function of the seed and the order of the sources: the same folder, options and seed
// give the same bytes, for any number of threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/device/context.h"
#include "core/image/image.h"
#include "train/data/picture_files.h"
#include "train/datasets/dataset_outputs.h"

namespace inpaint {

struct ConversionOptions {
  DatasetTarget target;
  SplitShares shares = {.train = 0.8, .validate = 0.1};  // of the groups of pictures that look alike
  int random_crops = 0;                                  // 0: the centre square
  double smallest_crop = 0.5;                            // share of the short side
  uint64_t seed = 1;
  std::string source;  // where the pictures come from, for the descriptions of the data sets
  // Called now and then with the pictures done and their number.
  std::function<void(int64_t done, int64_t total)> on_progress;
};

struct ConversionReport {
  int64_t pictures = 0;                    // used
  std::vector<std::string> skipped;        // "<path>: <why>"
  std::map<std::string, int64_t> reasons;  // how many were skipped for each kind of reason: "damaged PNG"
  std::filesystem::path skipped_file;  // <data_root>/<dataname><image_size>_skipped.txt; empty: none skipped
  int64_t equal = 0, alike = 0;        // pictures that are so to another one
  int64_t torn_groups = 0;             // of such pictures, which lists have put into several data sets
  std::filesystem::path duplicates_file;  // <data_root>/<dataname><image_size>_duplicates.txt; empty: none
  int64_t transparent = 0;                // pictures with transparent parts, which were laid over black
  std::vector<WrittenDataset> written;
};

// Names what was skipped in skipped_file, a line for each, and what is equal or alike in duplicates_file.
// UserError, with nothing left behind, when an option is out of range, a file to write exists, or no picture
// could be used.
ConversionReport convert_pictures(const Context& ctx, const std::vector<PictureFile>& sources,
                                  const ConversionOptions& options);

// The images that picture number `source` gives, one behind the other. UserError when it is too small.
std::vector<uint8_t> crops_of(const Image& picture, const std::string& name, int64_t source,
                              const ConversionOptions& options);

}  // namespace inpaint
