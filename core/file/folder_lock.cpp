#include "core/file/folder_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/base/error.h"

namespace inpaint {

FolderLock::FolderLock(const std::filesystem::path& folder) : file_(folder / ".lock", O_RDWR | O_CREAT) {
  if (!file_.try_lock()) {
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

}  // namespace inpaint
