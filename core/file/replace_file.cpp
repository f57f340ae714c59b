#include "core/file/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <random>
#include <string>
#include <system_error>

#include "core/base/error.h"

namespace inpaint {
namespace {
namespace fs = std::filesystem;

constexpr std::string_view kPrefix = ".inpaint-", kSuffix = ".tmp";
constexpr size_t kDigits = 16;

std::string temporary_name() {
  std::random_device random;
  return fmt::format("{}{:08x}{:08x}{}", kPrefix, random(), random(), kSuffix);
}

bool is_temporary_name(std::string_view name) {
  return name.size() == kPrefix.size() + kDigits + kSuffix.size() && name.starts_with(kPrefix) &&
         name.ends_with(kSuffix) &&
         name.substr(kPrefix.size(), kDigits).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The file to replace: what a link points to, else the path itself.
fs::path resolved(const fs::path& target) {
  std::error_code error;
  if (!fs::is_symlink(target, error)) return target;
  const fs::path path = fs::weakly_canonical(target, error);
  if (error) throw_file_error("follow the link", target, error.value());
  return path;
}

// Locks a new temporary file. False: someone who cleans up has taken it for a dead one before it was locked.
bool is_ours(File& file) {
  try {
    if (!file.try_lock()) return false;
  } catch (const UserError&) {
    return true;  // a file system without locks: remove_stale_temporaries cannot lock there either
  }
  struct stat status {};
  return ::fstat(file.fd(), &status) == 0 && status.st_nlink > 0;
}

}  // namespace

ReplaceFile::ReplaceFile(const fs::path& target, Existing existing)
    : target_(resolved(target)), existing_(existing) {
  struct stat old {};
  const bool exists = ::stat(target_.c_str(), &old) == 0;
  if (!target_.has_filename() || (exists && S_ISDIR(old.st_mode))) throw_file_error("write", target, EISDIR);
  if (exists && existing == Existing::kRefuse) throw_file_error("write", target_, EEXIST);
  if (exists && !S_ISREG(old.st_mode))
    user_error("{}: cannot write: not a regular file; choose another path", target.string());
  const fs::path folder = target_.has_parent_path() ? target_.parent_path() : ".";
  folder_ = File(folder, O_RDONLY | O_DIRECTORY);
  const mode_t mode = exists ? old.st_mode & 0777 : 0666;
  do {
    temporary_ = folder / temporary_name();
    file_ = File(temporary_, O_WRONLY | O_CREAT | O_EXCL, mode, target_);
  } while (!is_ours(file_));
  // What the umask took away comes back where the file system knows permissions.
  if (exists) static_cast<void>(::fchmod(file_.fd(), mode));
}

ReplaceFile::~ReplaceFile() {
  if (file_.is_open()) ::unlink(temporary_.c_str());
}

void ReplaceFile::write(std::span<const std::byte> bytes) { file_.write(bytes); }
void ReplaceFile::write(std::string_view text) { file_.write(text); }

void ReplaceFile::commit(const Verify& verify) {
  INPAINT_CHECK(file_.is_open(), "{}: committed twice", target_.string());
  file_.sync();
  if (verify) {
    // What is on the disk counts: let the cached pages go (a hint; they are clean after sync).
    ::posix_fadvise(file_.fd(), 0, 0, POSIX_FADV_DONTNEED);
    verify(temporary_);
  }
  put_in_place();
  file_ = File();
  try {
    sync_folder(folder_);
  } catch (const UserError& failure) {
    user_error("{} ({} is in place, but a power cut could still undo that)", failure.what(),
               target_.string());
  }
}

void ReplaceFile::put_in_place() {
  if (existing_ == Existing::kReplace) {
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) throw_file_error("replace", target_, errno);
    return;
  }
  if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_NOREPLACE) == 0) return;
  if (errno != EINVAL && errno != ENOSYS) throw_file_error("write", target_, errno);
  // A file system (NFS for one) without RENAME_NOREPLACE: a hard link never overwrites either.
  if (::link(temporary_.c_str(), target_.c_str()) != 0) throw_file_error("write", target_, errno);
  ::unlink(temporary_.c_str());
}

void replace_file(const fs::path& target, std::string_view contents) {
  ReplaceFile file(target);
  file.write(contents);
  file.commit();
}

int remove_stale_temporaries(const fs::path& folder) {
  int removed = 0;
  for (const std::string& name : names_in_folder(folder)) {
    if (!is_temporary_name(name)) continue;
    const fs::path path = folder / name;
    try {
      File file(path, O_RDWR);
      if (file.try_lock() && ::unlink(path.c_str()) == 0) ++removed;
    } catch (const UserError&) {
      continue;  // gone by now, another user's, or a file system without locks: not ours to remove
    }
  }
  return removed;
}

}  // namespace inpaint
