// Folders made for something that may yet fail to start. Those that were missing, and are still empty when it
// has failed, go again.
#pragma once

#include <filesystem>
#include <vector>

namespace inpaint {

class NewFolders {
 public:
  NewFolders() = default;
  ~NewFolders();  // removes what make() has made, innermost first, unless keep() was called
  NewFolders(const NewFolders&) = delete;
  NewFolders& operator=(const NewFolders&) = delete;

  // make_folders(), and remembers which were missing. Throws UserError.
  void make(const std::filesystem::path& folder);

  void keep() { made_.clear(); }

 private:
  std::vector<std::filesystem::path> made_;  // outer ones first
};

}  // namespace inpaint
