#include "core/file/file.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <vector>

#include "core/base/error.h"
#include "tests/harness/fault_injection.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;
using faults::Injection;

TEST_CASE("file: messages name the file, the action, the reason and the remedy") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH_AS(
      File(folder / "none", O_RDONLY),
      (folder / "none").string().append(": cannot open: No such file or directory; check the path").c_str(),
      UserError);
  CHECK_THROWS_WITH_AS(File(folder.path(), O_WRONLY), doctest::Contains("open for writing: Is a directory"),
                       UserError);
  File file(folder / "a", O_WRONLY | O_CREAT);
  const Injection injection(Injection::What::kFail, 1, ENOSPC);
  CHECK_THROWS_WITH_AS(file.write("text"),
                       doctest::Contains("a: cannot write: No space left on device; free some"), UserError);
}

TEST_CASE("file: short writes and interrupted calls lose nothing") {
  const TemporaryFolder folder;
  std::string text(100000, 'x');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7);
  {
    const Injection injection(Injection::What::kShortWrites, 0);
    File file(folder / "a", O_WRONLY | O_CREAT);
    file.write(text);
    file.sync();
    CHECK(injection.calls() > 20);
  }
  CHECK(file_contents(folder / "a") == text);
}

TEST_CASE("file: a read beyond the end says where the file ends") {
  const TemporaryFolder folder;
  put_file(folder / "a", "0123456789");
  const File file(folder / "a", O_RDONLY);
  CHECK(file.size() == 10);
  std::string text(4, ' ');
  file.read_at(6, std::as_writable_bytes(std::span(text)));
  CHECK(text == "6789");
  CHECK_THROWS_WITH_AS(file.read_at(8, std::as_writable_bytes(std::span(text))),
                       doctest::Contains("ends at byte 10, where 2 more"), UserError);
}

TEST_CASE("file: a lock is exclusive and goes with its owner") {
  const TemporaryFolder folder;
  File first(folder / "a", O_RDWR | O_CREAT);
  CHECK(first.try_lock());
  File second(folder / "a", O_RDWR);
  CHECK_FALSE(second.try_lock());
  first = File();
  CHECK(second.try_lock());
}

TEST_CASE("file: read_text_file has a limit") {
  const TemporaryFolder folder;
  put_file(folder / "a", "12345");
  CHECK(read_text_file(folder / "a", 5) == "12345");
  CHECK_THROWS_WITH_AS(read_text_file(folder / "a", 4), doctest::Contains("longer than the 4 bytes"),
                       UserError);
}

TEST_CASE("file: names_in_folder lists all, sorted, and says what cannot be listed") {
  const TemporaryFolder folder;
  CHECK(names_in_folder(folder.path()).empty());
  make_folders(folder / "b");
  put_file(folder / "c", "");
  put_file(folder / ".a", "");
  CHECK(names_in_folder(folder.path()) == std::vector<std::string>{".a", "b", "c"});
  CHECK_THROWS_WITH_AS(names_in_folder(folder / "none"), doctest::Contains("none: cannot list: No such file"),
                       UserError);
  CHECK_THROWS_WITH_AS(names_in_folder(folder / "c"), doctest::Contains("cannot list: Not a directory"),
                       UserError);
}

TEST_CASE("file: make_folders makes what is missing and says what stands in the way") {
  const TemporaryFolder folder;
  make_folders(folder / "a/b/c/");
  CHECK(std::filesystem::is_directory(folder / "a/b/c"));
  make_folders(folder / "a/b/c");
  put_file(folder / "a/file", "");
  CHECK_THROWS_WITH_AS(make_folders(folder / "a/file"),
                       doctest::Contains("cannot make the folder: Not a directory"), UserError);
  CHECK_THROWS_AS(make_folders(folder / "a/file/below"), UserError);
  CHECK(file_contents(folder / "a/file").empty());
}
