// A folder's pictures decoded once: a file that is mapped like a data set, and knows what it was made from.
//
//   the pictures     picture after picture, each height x width x C bytes in row, column, channel order
//   the index        for each picture its offset, height, width and the number of its file, int64
//   the description  text: settings, then "<size> <time of change in ns> <path>" of every file of the folder
//   the trailer      "inpaintC", then, int64, format version, number of pictures, bytes of the description,
//                    CRC-32C of index and description
//
// All numbers are little-endian. What no longer agrees with the folder or the settings is not opened: a cache
// holds nothing that cannot be made again.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/device/context.h"
#include "train/data/picture_set.h"

namespace inpaint {

struct CacheSource {
  std::filesystem::path folder;
  std::vector<PictureFile> files;  // of the folder
  int64_t image_size = 128;
  int image_channel = 1;
  bool for_squares = false;  // keep the pictures as random squares are cut from them, not the centre squares
};

// What a cache made from this now would be described by. UserError when a file is gone.
std::string describe(const CacheSource& source);

// The pictures of a cache; null when there is none at the path, or it was made from something else or
// damaged: then `why_not` says so. Their names are their files' paths below the folder.
std::unique_ptr<PictureSet> open_picture_cache(const std::filesystem::path& path, const CacheSource& source,
                                               const std::string& description, std::string& why_not);

struct CacheReport {
  int64_t pictures = 0;
  std::vector<std::string> skipped;  // "<path>: <why>"
};

// Decodes the files, several at a time, and puts the cache in place, whole or not at all. Files that cannot
// be used are left out. UserError when none is left.
CacheReport write_picture_cache(const Context& ctx, const std::filesystem::path& path,
                                const CacheSource& source, const std::string& description);

}  // namespace inpaint
