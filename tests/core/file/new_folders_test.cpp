#include "core/file/new_folders.h"

#include <doctest/doctest.h>

#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;
namespace fs = std::filesystem;

TEST_CASE("new folders: what was missing and is empty goes again, all else stays") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "there");
  {
    NewFolders made;
    made.make(folder / "a/b/c");
    made.make(folder / "a/b/d/");
    made.make(folder / "there");
    made.make(folder / "there/e");
    made.make(folder / "full/f");
    put_file(folder / "full/file", "x");
    CHECK(fs::is_directory(folder / "a/b/c"));
    CHECK(fs::is_directory(folder / "a/b/d"));
  }
  CHECK(folder.names() == std::set<std::string>{"full", "there"});
  CHECK(fs::is_empty(folder / "there"));
  CHECK_FALSE(fs::exists(folder / "full/f"));
  CHECK(file_contents(folder / "full/file") == "x");
}

TEST_CASE("new folders: kept") {
  const TemporaryFolder folder;
  {
    NewFolders made;
    made.make(folder / "a/b");
    made.keep();
  }
  CHECK(fs::is_directory(folder / "a/b"));
}

TEST_CASE("new folders: one that cannot be made takes those above it along") {
  const TemporaryFolder folder;
  put_file(folder / "file", "x");
  {
    NewFolders made;
    made.make(folder / "a/b");
    CHECK(contains(error_message([&] { made.make(folder / "file/c"); }), "cannot make the folder"));
  }
  CHECK(folder.names() == std::set<std::string>{"file"});
  CHECK(file_contents(folder / "file") == "x");
}
