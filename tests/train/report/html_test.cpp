#include "train/report/html.h"

#include <doctest/doctest.h>

#include "core/image/image_codec.h"
#include "tests/harness/base64.h"
#include "tests/harness/error_message.h"
#include "tests/train/data/noise_pictures.h"

using namespace inpaint;

TEST_CASE("html: what would be read as a mark is escaped") {
  CHECK(html_text("<script>alert('a' & \"b\")</script>") ==
        "&lt;script&gt;alert(&#39;a&#39; &amp; &quot;b&quot;)&lt;/script&gt;");
  CHECK(html_text("street 3.png") == "street 3.png");
  CHECK(html_text("") == "");
  CHECK(html_name("<b>") == "<bdi>&lt;b&gt;</bdi>");
}

TEST_CASE("html: what is no UTF-8, and control characters, become U+FFFD, and other scripts stay") {
  CHECK(html_text("\xff\xfe") == "\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(html_text("a\xC3") == "a\xEF\xBF\xBD");  // cut off
  CHECK(html_text("\xC0\xBC") != "<");           // an overlong '<'
  CHECK_FALSE(contains(html_text("\xC0\xBC"), "\xC0"));
  CHECK(html_text(std::string("a\0\x1b\x7f", 4)) == "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(html_text("tab\tline\n") == "tab\tline\n");
  CHECK(html_text("Straße 街 🌳") == "Straße 街 🌳");
}

TEST_CASE("html: a number keeps its exact value") {
  CHECK(html_number(0.1 + 0.2, "0.30") == "<data value=\"0.30000000000000004\">0.30</data>");
}

TEST_CASE("html: a picture's bytes are in the page, for every length of its file") {
  for (int size = 1; size < 12; ++size) {
    const Image picture = noise_image(size, size + 1, 3, static_cast<uint64_t>(size));
    const std::string html = html_picture(picture, "a \"picture\"");
    const std::string begin = "<img src=\"data:image/png;base64,";
    REQUIRE(html.starts_with(begin));
    const size_t end = html.find('"', begin.size());
    const std::vector<uint8_t> file = from_base64(html.substr(begin.size(), end - begin.size()));
    CHECK(decode_image(file, "picture") == picture);
    CHECK(html.substr(end) ==
          fmt::format("\" alt=\"a &quot;picture&quot;\" width=\"{}\" height=\"{}\">", size + 1, size));
  }
}
