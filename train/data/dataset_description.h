// What a data set file holds, in a small file beside it: "x_train.json" says it of "x_train.bin". The data
// set itself is raw bytes, which open under every shape that their number is a multiple of.
//
//   {"inpaint_dataset":1,"image_size":64,"image_channel":3,"count":19,"source":"pictures","seed":1,
//    "crc32c":"1f0c77a2"}
//
// A data set without such a file is read as well. A file of that name that does not begin with
// {"inpaint_dataset": is somebody else's, and passed over.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace inpaint {

struct DatasetDescription {
  int64_t image_size = 0;
  int64_t image_channel = 0;
  int64_t count = 0;
  std::string source = {};  // where the pictures come from, for people
  uint64_t seed = 0;        // of their split and order
  uint32_t crc32c = 0;      // of all bytes of the data set
};

// Where the description of this data set lies.
std::filesystem::path description_file(const std::filesystem::path& dataset);

std::string to_json(const DatasetDescription& description);  // with a line break at the end

// Nothing where there is none. UserError when it is damaged.
std::optional<DatasetDescription> read_description(const std::filesystem::path& dataset);

// UserError, with what to do, when the description says something else than this shape and number of bytes.
void check_description(const std::filesystem::path& dataset, const DatasetDescription& description,
                       int64_t image_size, int64_t image_channel, int64_t bytes);

// The CRC-32C of a file as a description holds it: eight hexadecimal digits.
std::string crc_text(uint32_t crc);

}  // namespace inpaint
