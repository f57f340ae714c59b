#include "train/data/picture_files.h"

#include <algorithm>
#include <map>
#include <sstream>

#include "core/base/error.h"
#include "core/file/file.h"

namespace inpaint {
namespace {
namespace fs = std::filesystem;

constexpr int64_t kMaxListBytes = int64_t{1} << 30;

void check_folder(const fs::path& folder) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (!fs::exists(status)) user_error("{}: there is no such folder", folder.string());
  if (!fs::is_directory(status)) user_error("{}: not a folder", folder.string());
}

// All regular files below a folder, and links to some; not through links to folders, nor in what is hidden.
void add_files_below(const fs::path& folder, std::vector<PictureFile>& files) {
  for (const std::string& name : names_in_folder(folder)) {
    if (name.starts_with('.')) continue;
    const fs::path path = folder / name;
    std::error_code dangling;  // a link to nowhere is no file
    if (fs::is_directory(fs::symlink_status(path, dangling)))
      add_files_below(path, files);
    else if (fs::is_regular_file(path, dangling))
      files.push_back({path, {}});
  }
}

bool leads_out(const fs::path& path) {
  return path.is_absolute() || std::find(path.begin(), path.end(), "..") != path.end();
}

}  // namespace

std::vector<PictureFile> pictures_in_folder(const fs::path& folder) {
  check_folder(folder);
  std::vector<PictureFile> sources;
  add_files_below(folder, sources);
  std::sort(sources.begin(), sources.end(),
            [](const PictureFile& a, const PictureFile& b) { return a.path.native() < b.path.native(); });
  return sources;
}

std::vector<PictureFile> pictures_in_lists(const fs::path& folder, const std::vector<PictureList>& lists) {
  check_folder(folder);
  std::vector<PictureFile> sources;
  std::map<fs::path, std::string> first_named;
  for (const PictureList& list : lists) {
    std::istringstream text(read_text_file(list.path, kMaxListBytes));
    std::string line;
    for (int64_t number = 1; std::getline(text, line); ++number) {
      if (line.ends_with('\r')) line.pop_back();
      if (line.empty() || line.starts_with('#')) continue;
      const std::string place = fmt::format("{}:{}", list.path.string(), number);
      const fs::path relative = fs::path(line).lexically_normal();
      if (leads_out(relative))
        user_error("{}: '{}' leads out of {}; paths are relative to it", place, line, folder.string());
      std::error_code error;
      if (!fs::is_regular_file(folder / relative, error))
        user_error("{}: there is no file '{}' in {}", place, line, folder.string());
      const auto [first, is_new] = first_named.emplace(relative, place);
      if (!is_new) user_error("{}: '{}' was named before, at {}", place, line, first->second);
      sources.push_back({folder / relative, list.split});
    }
  }
  return sources;
}

}  // namespace inpaint
