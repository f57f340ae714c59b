// Text of unknown origin, such as a file's name, on one line of a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace inpaint {

// The bytes of the UTF-8 character that the text begins with; 0 where it begins with none (Unicode 15, table
// 3-7: no overlong forms, no surrogates, at most U+10FFFF). The text is not empty.
size_t utf8_bytes(std::string_view text);

// The text with its control characters (of ASCII and U+0080 to U+009F) as \n, \r, \t or \x1b, and with bytes
// that are no UTF-8 as \xff. All else stays.
std::string escaped(std::string_view text);

}  // namespace inpaint
