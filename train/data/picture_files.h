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

// Files of a folder, some of them held out. Both are in the order they were in.
struct PartedFiles {
  std::vector<PictureFile> kept, held_out;
};

// Holds out about this share (0 to 1) of the files, at least one of two or more, and never all. Which ones
// follows from their paths below the folder alone: a file stays where it is when others come or go. When the
// share grows, those that were held out before still are.
PartedFiles part_files(const std::vector<PictureFile>& files, const std::filesystem::path& folder,
                       double share);

// The files the lists name, in their order. UserError, with file and line, for a path that is not there,
// leads out of the folder, or was named before (in any of the lists).
std::vector<PictureFile> pictures_in_lists(const std::filesystem::path& folder,
                                           const std::vector<PictureList>& lists);

}  // namespace inpaint
