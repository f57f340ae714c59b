#include "core/file/mapped_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;

TEST_CASE("mapped_file: the bytes of a file, none of an empty one") {
  const TemporaryFolder folder;
  put_file(folder / "a", "mapped");
  put_file(folder / "empty", "");
  const MappedFile file(File(folder / "a", O_RDONLY)), empty(File(folder / "empty", O_RDONLY));
  CHECK(file.size() == 6);
  CHECK(std::string(file.bytes(), file.bytes() + 6) == "mapped");
  CHECK(file.path() == folder / "a");
  CHECK(empty.size() == 0);
  CHECK_NOTHROW(empty.check_not_shrunk());
}

TEST_CASE("mapped_file: a file that shrinks is noticed, one that grows is not in the way") {
  const TemporaryFolder folder;
  put_file(folder / "a", "mapped");
  const MappedFile file(File(folder / "a", O_RDONLY));
  std::filesystem::resize_file(folder / "a", 7);
  CHECK_NOTHROW(file.check_not_shrunk());
  std::filesystem::resize_file(folder / "a", 5);
  CHECK(contains(error_message([&] { file.check_not_shrunk(); }), "shrank from 6 to 5 bytes"));
}
