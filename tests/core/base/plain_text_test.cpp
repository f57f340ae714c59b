#include "core/base/plain_text.h"

#include <doctest/doctest.h>

using namespace inpaint;
using namespace std::string_literals;

TEST_CASE("plain text: what a terminal would obey is shown, all else stays") {
  CHECK(escaped("") == "");
  CHECK(escaped("a größe 猫 🐈 \\ \" ?") == "a größe 猫 🐈 \\ \" ?");
  CHECK(escaped("a\nb\rc\td") == "a\\nb\\rc\\td");
  CHECK(escaped("\x1b[2J\x07\x7f"s) == "\\x1b[2J\\x07\\x7f");
  CHECK(escaped("a\0b"s) == "a\\x00b");
  CHECK(escaped("\xC2\x9B"
                "1m \xC2\x85 \xC2\xA0") == "\\x9b1m \\x85 \xC2\xA0");  // CSI and NEL, in UTF-8
  CHECK(escaped("gr\xF6\xDF") == "gr\\xf6\\xdf");
  CHECK(escaped("\xED\xA0\x80\xE6\x9D") ==
        "\\xed\\xa0\\x80\\xe6\\x9d");  // a surrogate, a character cut short
}

TEST_CASE("plain text: the bytes of a character") {
  CHECK(utf8_bytes("ab") == 1);
  CHECK(utf8_bytes("ßb") == 2);
  CHECK(utf8_bytes("猫b") == 3);
  CHECK(utf8_bytes("🐈b") == 4);
  for (const char* text : {"\x80", "\xC0\xAF", "\xE0\x80\xAF", "\xF0\x80\x80\xAF", "\xED\xA0\x80",
                           "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xC3", "\xE6\x9D", "\xC3(", "\xFF"})
    CHECK(utf8_bytes(text) == 0);
}
