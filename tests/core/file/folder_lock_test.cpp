#include "core/file/folder_lock.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <optional>

#include "core/base/error.h"
#include "tests/harness/run_and_kill.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;

TEST_CASE("folder lock: a second run is refused, and told who has the folder") {
  const TemporaryFolder folder;
  std::optional<FolderLock> lock(folder.path());
  const std::string message = folder.path().string() + ": another run is using this folder (process " +
                              std::to_string(getpid()) + "); ";
  CHECK_THROWS_WITH_AS(FolderLock(folder.path()), doctest::Contains(message.c_str()), UserError);
  CHECK_THROWS_AS(FolderLock(folder.path()), UserError);  // the refused one has not taken it from the first
  lock.reset();
  FolderLock again(folder.path());
}

TEST_CASE("folder lock: a killed process gives it up") {
  const TemporaryFolder folder;
  CHECK(killed([&] {
    const FolderLock lock(folder.path());
    raise(SIGKILL);
  }));
  put_file(folder / ".lock", "12345678901234567");  // longer than any process number
  const FolderLock lock(folder.path());
  CHECK(file_contents(folder / ".lock") == std::to_string(getpid()));
}

TEST_CASE("folder lock: its file goes with it from a folder that is empty otherwise") {
  const TemporaryFolder folder;
  {
    const FolderLock lock(folder.path());
    CHECK(folder.names() == std::set<std::string>{".lock"});
  }
  CHECK(folder.names().empty());
  put_file(folder / "model", "x");
  { const FolderLock lock(folder.path()); }
  CHECK(folder.names() == std::set<std::string>{".lock", "model"});
}

TEST_CASE("folder lock: a folder that is not there") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH_AS(FolderLock(folder / "none"), doctest::Contains("No such file or directory"),
                       UserError);
}
