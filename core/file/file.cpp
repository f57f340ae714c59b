#include "core/file/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include "core/base/error.h"

namespace inpaint {
namespace {

const char* remedy(int error) {
  switch (error) {
    case ENOSPC:
      return "free some space or choose a folder on another disk";
    case EDQUOT:
      return "this user's disk quota is used up: free some space or choose another folder";
    case EFBIG:
      return "the file would pass a size limit: raise it (ulimit -f) or choose another disk";
    case EACCES:
    case EPERM:
      return "give this user the right to it or choose another path";
    case EROFS:
      return "the file system is read-only: choose another folder";
    case EIO:
      return "the disk or the way to it fails: look into the system's log, and choose another disk";
    case ENOENT:
      return "check the path";
    case ENOTDIR:
      return "a part of the path is not a folder: check the path";
    case EISDIR:
      return "this is a folder: give the path of a file";
    case EEXIST:
      return "it exists already: remove it or choose another name";
    case ENAMETOOLONG:
      return "choose a shorter path";
    case ENOMEM:
      return "this machine, or a limit (ulimit -v), has no more memory: close other programs or raise the "
             "limit";
    case EMFILE:
    case ENFILE:
      return "too many files are open: raise the limit (ulimit -n)";
    case ENOLCK:
    case ENOTSUP:
      return "this file system cannot do that: choose a folder on a local disk";
    default:
      return "check the path and the disk";
  }
}

// Calls a system call again while a signal interrupts it.
template <typename F>
auto uninterrupted(F&& call) {
  while (true) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

}  // namespace

void throw_file_error(std::string_view action, const std::filesystem::path& path, int error) {
  user_error("{}: cannot {}: {}; {}", path.string(), action, std::generic_category().message(error),
             remedy(error));
}

File::File(const std::filesystem::path& path, int flags, mode_t mode, const std::filesystem::path& shown)
    : path_(shown.empty() ? path : shown) {
  fd_ = uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); });
  if (fd_ < 0) {
    const int error = errno;
    throw_file_error((flags & O_ACCMODE) == O_RDONLY ? "open" : "open for writing", path_, error);
  }
}

// A failed close is passed over: whatever must not be lost has been through sync() before.
File File::in_memory(std::span<const std::byte> bytes, const std::filesystem::path& shown) {
  File file;
  file.path_ = shown;
  file.fd_ = ::memfd_create("inpaint", MFD_CLOEXEC);
  if (file.fd_ < 0) throw_file_error("make a file in memory for", shown, errno);
  file.write(bytes);
  return file;
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

File::File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

int64_t File::size() const {
  struct stat status {};
  if (::fstat(fd_, &status) != 0) throw_file_error("ask for the size", path_, errno);
  return status.st_size;
}

void File::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = uninterrupted([&] { return ::write(fd_, bytes.data(), bytes.size()); });
    if (written < 0) throw_file_error("write", path_, errno);
    if (written == 0) throw_file_error("write", path_, EIO);  // no progress and no reason: never loop on it
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void File::write(std::string_view text) { write(std::as_bytes(std::span(text))); }

void File::read_at(int64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = uninterrupted([&] { return ::pread(fd_, bytes.data(), bytes.size(), offset); });
    if (count < 0) throw_file_error("read", path_, errno);
    if (count == 0)
      user_error("{}: the file ends at byte {}, where {} more were expected: it is not whole", path_.string(),
                 offset, bytes.size());
    offset += count;
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

void File::truncate(int64_t bytes) {
  if (uninterrupted([&] { return ::ftruncate(fd_, bytes); }) != 0) throw_file_error("shorten", path_, errno);
}

void File::sync() {
  if (uninterrupted([&] { return ::fsync(fd_); }) != 0) throw_file_error("bring to the disk", path_, errno);
}

bool File::try_lock() {
  if (uninterrupted([&] { return ::flock(fd_, LOCK_EX | LOCK_NB); }) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  throw_file_error("lock", path_, errno);
}

std::string read_text_file(const std::filesystem::path& path, int64_t limit) {
  constexpr size_t kPiece = 1 << 16;
  const File file(path, O_RDONLY);
  std::string text;
  // Read to the end, whatever size the system states: that of a pipe is 0.
  for (size_t filled = 0;;) {
    text.resize(filled + kPiece);
    const ssize_t count = uninterrupted([&] { return ::read(file.fd(), text.data() + filled, kPiece); });
    if (count < 0) throw_file_error("read", path, errno);
    filled += static_cast<size_t>(count);
    text.resize(filled);
    if (count == 0) return text;
    if (std::cmp_greater(filled, limit))
      user_error("{}: longer than the {} bytes that such a file may have", path.string(), limit);
  }
}

void make_folders(const std::filesystem::path& folder) {
  std::error_code error;
  if (folder.empty() || std::filesystem::is_directory(folder, error)) return;
  const std::filesystem::path plain = folder.has_filename() ? folder : folder.parent_path();  // "a/" is "a"
  const std::filesystem::path above = plain.has_parent_path() ? plain.parent_path() : ".";
  make_folders(above);
  // Another process may make it at the same moment.
  if (::mkdir(plain.c_str(), 0777) != 0) {
    const int reason = errno;
    if (reason == EEXIST && std::filesystem::is_directory(plain, error)) return;
    throw_file_error("make the folder", plain, reason == EEXIST ? ENOTDIR : reason);
  }
  sync_folder(File(above, O_RDONLY | O_DIRECTORY));
}

std::vector<std::string> names_in_folder(const std::filesystem::path& folder) {
  const auto close = [](DIR* open) { ::closedir(open); };
  const std::unique_ptr<DIR, decltype(close)> open(::opendir(folder.c_str()), close);
  if (open == nullptr) throw_file_error("list", folder, errno);
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(open.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) throw_file_error("list", folder, errno);
  std::sort(names.begin(), names.end());
  return names;
}

void sync_folder(const File& folder) {
  if (uninterrupted([&] { return ::fsync(folder.fd()); }) == 0) return;
  if (errno != EINVAL && errno != ENOTSUP)
    throw_file_error("bring the folder to the disk", folder.path(), errno);
}

}  // namespace inpaint
