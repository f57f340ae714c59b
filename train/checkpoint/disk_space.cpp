#include "train/checkpoint/disk_space.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "core/base/error.h"
#include "core/file/file.h"

namespace inpaint {
namespace {
namespace fs = std::filesystem;

int64_t existing_checkpoint_bytes(const fs::path& folder) {
  int64_t bytes = 0;
  std::error_code gone;
  if (!fs::exists(folder, gone)) return 0;
  for (const std::string& name : names_in_folder(folder)) {
    if (!name.ends_with(".safetensors")) continue;
    const auto size = static_cast<int64_t>(fs::file_size(folder / name, gone));
    if (!gone) bytes += size;
  }
  return bytes;
}

}  // namespace

int64_t free_bytes(const fs::path& folder) {
  fs::path at = fs::absolute(folder);
  std::error_code error;
  while (!fs::exists(at, error) && at.has_relative_path()) at = at.parent_path();
  struct statvfs status {};
  if (::statvfs(at.c_str(), &status) != 0) throw_file_error("ask for the free space of", at, errno);
  return static_cast<int64_t>(status.f_bavail) * static_cast<int64_t>(status.f_frsize);
}

void check_disk_space(const fs::path& folder, int64_t checkpoint_bytes, int64_t copies) {
  const int64_t needed =
      std::max(checkpoint_bytes, copies * checkpoint_bytes - existing_checkpoint_bytes(folder));
  const int64_t available = free_bytes(folder);
  if (available >= needed) return;
  user_error(
      "{}: {} free, and {} more are needed: at most {} checkpoints of {} lie there at a time; free some "
      "space, keep "
      "fewer (keep), or choose another disk (checkpoint_root)",
      folder.string(), bytes_text(available), bytes_text(needed), copies, bytes_text(checkpoint_bytes));
}

std::string bytes_text(int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= int64_t{1} << 30) return fmt::format("{:.2f} GiB", value / (1 << 30));
  if (bytes >= int64_t{1} << 20) return fmt::format("{:.1f} MiB", value / (1 << 20));
  return fmt::format("{} bytes", bytes);
}

}  // namespace inpaint
