#include "train/data/picture_files.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "core/base/error.h"
#include "core/file/file.h"
#include "core/file/text_file.h"

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

// All regular files below a folder, and links to some; not in what is hidden. Every folder is visited once,
// under its own name where it has one there: links come last.
class Walk {
 public:
  explicit Walk(const fs::path& folder) : top_(fs::canonical(folder)) {
    visit(folder);
    for (size_t i = 0; i < links_.size(); ++i) {  // visit() adds more
      const fs::path link = links_[i];
      if (!holds_top(fs::canonical(link))) visit(link);
    }
  }

  std::vector<PictureFile> take() { return std::move(files_); }

 private:
  // Following a link to the top, or to a folder around it, would lead to much that nobody has named.
  bool holds_top(const fs::path& target) const {
    return std::mismatch(target.begin(), target.end(), top_.begin(), top_.end()).first == target.end();
  }

  void visit(const fs::path& folder) {
    if (!visited_.insert(fs::canonical(folder)).second) return;
    for (const std::string& name : names_in_folder(folder)) {
      if (name.starts_with('.')) continue;
      const fs::path path = folder / name;
      std::error_code dangling;  // a link to nowhere is no file
      if (fs::is_directory(fs::symlink_status(path, dangling)))
        visit(path);
      else if (fs::is_directory(path, dangling))
        links_.push_back(path);
      else if (fs::is_regular_file(path, dangling))
        files_.push_back({path, {}});
    }
  }

  fs::path top_;
  std::set<fs::path> visited_;
  std::vector<fs::path> links_;
  std::vector<PictureFile> files_;
};

std::string_view without_blanks_behind(std::string_view line) {
  return line.substr(0, line.find_last_not_of(" \t") + 1);
}

// Even in [0, 1), from the path's bytes alone: FNV-1a, its bits mixed as in MurmurHash3's finalizer.
double draw_of(const fs::path& path) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : path.generic_string()) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccd;
  hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53;
  return std::ldexp(static_cast<double>((hash ^ hash >> 33) >> 11), -53);
}

bool leads_out(const fs::path& path) {
  return path.is_absolute() || std::find(path.begin(), path.end(), "..") != path.end();
}

}  // namespace

std::vector<PictureFile> pictures_in_folder(const fs::path& folder) {
  check_folder(folder);
  std::vector<PictureFile> sources = Walk(folder).take();
  std::sort(sources.begin(), sources.end(),
            [](const PictureFile& a, const PictureFile& b) { return a.path.native() < b.path.native(); });
  return sources;
}

PartedFiles part_files(const std::vector<PictureFile>& files, const fs::path& folder, double share) {
  std::vector<double> draws;
  for (const PictureFile& file : files) draws.push_back(draw_of(file.path.lexically_relative(folder)));
  std::vector<bool> is_held_out;
  for (const double draw : draws) is_held_out.push_back(draw < share);
  const auto [least, most] = std::ranges::minmax_element(draws);
  if (share > 0 && files.size() > 1) {
    is_held_out[static_cast<size_t>(least - draws.begin())] = true;
    is_held_out[static_cast<size_t>(most - draws.begin())] = false;
  }
  PartedFiles parted;
  for (size_t i = 0; i < files.size(); ++i)
    (is_held_out[i] ? parted.held_out : parted.kept).push_back(files[i]);
  return parted;
}

std::vector<PictureFile> pictures_in_lists(const fs::path& folder, const std::vector<PictureList>& lists) {
  check_folder(folder);
  std::vector<PictureFile> sources;
  std::map<fs::path, std::string> first_named;
  for (const PictureList& list : lists) {
    const std::string text = read_written_text(list.path, kMaxListBytes);
    int64_t number = 0;
    for (std::string_view line : lines_of(text)) {
      const std::string place = fmt::format("{}:{}", list.path.string(), ++number);
      std::error_code error;
      if (!fs::is_regular_file(folder / line, error)) line = without_blanks_behind(line);
      if (line.empty() || line.starts_with('#')) continue;
      const fs::path relative = fs::path(line).lexically_normal();
      if (leads_out(relative))
        user_error("{}: '{}' leads out of {}; paths are relative to it", place, line, folder.string());
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
