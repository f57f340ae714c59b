#include "core/file/new_folders.h"

#include <unistd.h>

#include <algorithm>

#include "core/file/file.h"

namespace inpaint {

NewFolders::~NewFolders() {
  for (auto folder = made_.rbegin(); folder != made_.rend(); ++folder) ::rmdir(folder->c_str());
}

void NewFolders::make(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> missing;
  std::error_code error;
  for (std::filesystem::path at = folder.has_filename() ? folder : folder.parent_path();
       !at.empty() && !std::filesystem::exists(at, error); at = at.parent_path())
    missing.push_back(at);
  made_.insert(made_.end(), missing.rbegin(), missing.rend());
  make_folders(folder);
}

}  // namespace inpaint
