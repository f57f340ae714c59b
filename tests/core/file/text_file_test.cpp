#include "core/file/text_file.h"

#include <doctest/doctest.h>

#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;
using namespace std::string_literals;

TEST_CASE("text file: a UTF-8 byte order mark is passed over, UTF-16 is refused with a command") {
  const TemporaryFolder folder;
  const auto path = folder / "x.txt";
  const auto text = [&](const std::string& bytes) {
    put_file(path, bytes);
    return read_written_text(path, 1000);
  };
  CHECK(text("") == "");
  CHECK(text("a") == "a");
  CHECK(text("\xEF\xBB\xBFgröße\n") == "größe\n");
  CHECK(text("a\xEF\xBB\xBF") == "a\xEF\xBB\xBF");
  CHECK(text("ab\0"s) == "ab\0"s);
  const auto refused = [&](const std::string& bytes) { return error_message([&] { text(bytes); }); };
  CHECK(refused("\xFF\xFE"s) == path.string() +
                                    ": UTF-16 text, and UTF-8 is read here; save it as UTF-8, or: iconv -f "
                                    "UTF-16 -t UTF-8 " +
                                    path.string() + " > NEW");
  CHECK(contains(refused("\xFE\xFF\0a"s), "-f UTF-16 "));
  CHECK(contains(refused("a\0b\0"s), "-f UTF-16LE "));
  CHECK(contains(refused("\0a\0b"s), "-f UTF-16BE "));
  CHECK(contains(refused(std::string(1001, 'x')), "longer than the 1000 bytes"));
}

TEST_CASE("text file: lines") {
  using Lines = std::vector<std::string_view>;
  CHECK(lines_of("") == Lines{});
  CHECK(lines_of("\n") == Lines{""});
  CHECK(lines_of("a\r\n\nb ") == Lines{"a", "", "b "});
  CHECK(lines_of("a\n") == Lines{"a"});
  CHECK(lines_of("a\rb\r\r\n") == Lines{"a\rb\r"});
}
