// Texts and pictures as parts of an HTML page.
#pragma once

#include <string>
#include <string_view>

#include "core/image/image.h"

namespace inpaint {

// Any text for a page, for an attribute's value too: `&`, `<`, `>` and quotes are escaped; control characters
// and what is no UTF-8 become U+FFFD.
std::string html_text(std::string_view text);

// A name that a user chose (of a file, of a data set), as an element that keeps its direction of writing to
// itself (Arabic, Hebrew).
std::string html_name(std::string_view name);

// A figure as it is shown, with the exact value in the element: <data value="0.1234">0.12</data>.
std::string html_number(double value, std::string_view shown);

// A picture with all of its bytes: an <img> whose source is a PNG as base64 (RFC 2397, RFC 4648). `alt` says
// what is to be seen, to those who do not see it; any text.
std::string html_picture(const Image& image, std::string_view alt);

}  // namespace inpaint
