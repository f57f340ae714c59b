#include "train/settings/folders.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "core/base/error.h"
#include "core/file/file.h"
#include "core/file/replace_file.h"
#include "train/settings/settings_text.h"

namespace inpaint {
namespace fs = std::filesystem;
namespace {

std::string set_name(const TrainSettings& s) { return s.dataname + std::to_string(s.image_size); }

fs::path run_folder(const std::string& root, const TrainSettings& s) {
  return fs::path(root) / set_name(s) / ("gpu" + std::to_string(s.gpu));
}

// Only writing tells: permissions say nothing of read-only and special file systems.
void probe_writing(const fs::path& folder) {
  // Without a name, so that nothing stays behind wherever the process dies.
  int file = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0 && (errno == ENOTSUP || errno == EISDIR || errno == ENOENT)) {  // not every file system can
    std::string name = (folder / ".writable-XXXXXX").string();
    file = ::mkstemp(name.data());
    if (file >= 0) ::unlink(name.c_str());
  }
  if (file < 0) throw_file_error("write into this folder", folder, errno);
  ::close(file);
}

void make_writable(const fs::path& folder, const char* flag, NewFolders& made) {
  try {
    made.make(folder);
    probe_writing(folder);
    remove_stale_temporaries(folder);
  } catch (const UserError& error) {
    user_error("{} (--{} moves it)", error.what(), flag);
  }
}
}  // namespace

fs::path data_file(const TrainSettings& s, Split split) {
  return fs::path(s.data_root) / fmt::format("{}_{}.bin", set_name(s), to_string(split));
}

fs::path cache_file(const TrainSettings& s, Split split) {
  return data_file(s, split).replace_extension("cache");
}

fs::path checkpoint_folder(const TrainSettings& s) { return run_folder(s.checkpoint_root, s); }

fs::path log_folder(const TrainSettings& s) { return run_folder(s.log_root, s); }

fs::path sample_folder(const TrainSettings& s) { return run_folder(s.sample_root, s) / to_string(s.mode); }

void make_run_folders(const TrainSettings& s, NewFolders& made) {
  if (s.mode == Split::kTrain) {
    make_writable(checkpoint_folder(s), "checkpoint_root", made);
    make_writable(log_folder(s), "log_root", made);
  }
  make_writable(sample_folder(s), "sample_root", made);
}

void append_configs(const TrainSettings& s) {
  File(checkpoint_folder(s) / "configs.txt", O_WRONLY | O_CREAT | O_APPEND).write(to_configs_entry(s));
}

}  // namespace inpaint
