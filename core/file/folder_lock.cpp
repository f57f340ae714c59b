#include "core/file/folder_lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"

namespace inpaint {

namespace {

// The file that was opened still has its name: nobody has removed it since.
bool is_in_place(const File& file) {
  struct stat open {
  }, named{};
  return ::fstat(file.fd(), &open) == 0 && ::stat(file.path().c_str(), &named) == 0 &&
         open.st_ino == named.st_ino && open.st_dev == named.st_dev;
}

}  // namespace

FolderLock::FolderLock(const std::filesystem::path& folder) : folder_(folder) {
  bool taken = false;
  do {
    file_ = File(folder / ".lock", O_RDWR | O_CREAT);
    taken = !file_.try_lock();
  } while (!taken && !is_in_place(file_));
  if (taken) {
    std::string holder;
    try {
      holder = read_text_file(file_.path(), 20);
    } catch (const UserError&) {
      // The number is a courtesy; that the folder is taken is the news.
    }
    const bool known = !holder.empty() && holder.find_first_not_of("0123456789") == std::string::npos;
    user_error(
        "{}: another run is using this folder{}; wait for its end or give this run a folder of its own",
        folder.string(), known ? " (process " + holder + ")" : "");
  }
  file_.truncate(0);
  file_.write(std::to_string(::getpid()));
}

FolderLock::~FolderLock() {
  try {
    if (names_in_folder(folder_).size() == 1) ::unlink(file_.path().c_str());
  } catch (const UserError&) {
    // A file too many does no harm.
  }
}

}  // namespace inpaint
