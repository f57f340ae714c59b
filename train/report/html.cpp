#include "train/report/html.h"

#include <fmt/format.h>

#include <boost/archive/iterators/base64_from_binary.hpp>
#include <boost/archive/iterators/transform_width.hpp>
#include <boost/nowide/utf/utf.hpp>

#include "core/image/image_codec.h"

namespace inpaint {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

std::string_view escaped(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {};
  }
}

bool is_control(uint32_t code) {
  return (code < 0x20 && code != '\t' && code != '\n') || (code >= 0x7F && code < 0xA0);
}

std::string base64(std::vector<uint8_t> bytes) {
  using namespace boost::archive::iterators;
  using Digits = base64_from_binary<transform_width<const uint8_t*, 6, 8>>;
  const size_t padding = (3 - bytes.size() % 3) % 3;
  bytes.resize(bytes.size() + padding);  // the iterator takes whole groups of three bytes
  std::string text(Digits(bytes.data()), Digits(bytes.data() + bytes.size()));
  std::fill_n(text.end() - static_cast<std::ptrdiff_t>(padding), padding, '=');
  return text;
}

}  // namespace

std::string html_text(std::string_view text) {
  using Utf8 = boost::nowide::utf::utf_traits<char>;
  std::string html;
  for (const char *at = text.data(), *end = at + text.size(); at != end;) {
    const char* begin = at;
    const auto code = Utf8::decode(at, end);
    if (code == boost::nowide::utf::illegal || code == boost::nowide::utf::incomplete || is_control(code)) {
      html += kReplacement;
    } else if (const std::string_view entity = escaped(*begin); !entity.empty()) {
      html += entity;
    } else {
      html.append(begin, at);
    }
  }
  return html;
}

std::string html_name(std::string_view name) { return "<bdi>" + html_text(name) + "</bdi>"; }

std::string html_number(double value, std::string_view shown) {
  return fmt::format("<data value=\"{}\">{}</data>", value, shown);
}

std::string html_picture(const Image& image, std::string_view alt) {
  return fmt::format("<img src=\"data:image/png;base64,{}\" alt=\"{}\" width=\"{}\" height=\"{}\">",
                     base64(encode_png(image)), html_text(alt), image.width, image.height);
}

}  // namespace inpaint
