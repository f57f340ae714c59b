// The files of the page, as the program holds them (cmake/InpaintEmbed.cmake).
#pragma once

#include <string_view>

namespace inpaint {

// The bytes of a file in assets/: page.html, page.css or page.js.
std::string_view serve_asset(std::string_view name);

}  // namespace inpaint
