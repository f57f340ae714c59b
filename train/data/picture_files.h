// Which files of a folder a data set is made from.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "train/data/split.h"

namespace inpaint {

struct PictureFile {
  std::filesystem::path path;
  std::optional<Split> split;  // where a list puts it; nothing: by the shares
};

// A text file with one path per line, relative to the folder. Empty lines and lines that start with # are
// passed over, and so are blanks behind a path, unless a file's name ends in them. See core/file/text_file.h.
struct PictureList {
  std::filesystem::path path;
  std::optional<Split> split;
};

// Every file below the folder, in the order of their paths; hidden ones (.name) and what lies in hidden
// folders are left out. Links to folders are followed, each folder once, and not back up to what holds
// `folder`. UserError when the folder is not there or cannot be read.
std::vector<PictureFile> pictures_in_folder(const std::filesystem::path& folder);

// The files the lists name, in their order. UserError, with file and line, for a path that is not there,
// leads out of the folder, or was named before (in any of the lists).
std::vector<PictureFile> pictures_in_lists(const std::filesystem::path& folder,
                                           const std::vector<PictureList>& lists);

}  // namespace inpaint
