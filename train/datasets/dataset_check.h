// What a data set file holds: figures, and a sheet of pictures to look at. A file without a header opens
// under any shape whose size divides its own; only looking tells whether it is the right one.
#pragma once

#include <array>
#include <cstdint>

#include "core/image/image.h"
#include "train/data/bin_dataset.h"

namespace inpaint {

struct DatasetFigures {
  std::array<double, 3> mean{}, deviation{};  // per channel, in bytes; grey uses the first
  int64_t duplicates = 0;                     // images equal to an earlier one
  int64_t flat = 0;                           // images of a single colour
};

DatasetFigures dataset_figures(const BinDataset& dataset);

// The CRC-32C of all its bytes.
uint32_t dataset_crc32c(const BinDataset& dataset);

// Writes the description of the data set beside it. UserError when there is a file of that name already, and
// it is no description.
void describe_dataset(const BinDataset& dataset);

// Up to `most` images, evenly spread over the data set, in a grid about as wide as high. most >= 1.
Image contact_sheet(const BinDataset& dataset, int64_t most);

}  // namespace inpaint
