// A page that is one file: its style, its script and its pictures are in it, and it asks for nothing outside.
// Its Content-Security-Policy forbids the browser to try.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace inpaint {

struct PageSection {
  std::string id;       // its anchor: lower-case letters
  std::string heading;  // any text
  std::string body;     // HTML
};

struct Page {
  std::string title;  // any text
  std::string lead;   // HTML, below the title
  std::vector<PageSection> sections;
};

// The whole file. It names the program that made it (core/base/build_info.h).
std::string page_html(const Page& page, const std::string& program);

// A table of two columns, name and value. `rows`: any text, and HTML.
struct PageRow {
  std::string name, value;
};
std::string row_table(std::string_view caption, const std::vector<PageRow>& rows);

// A part that opens when it is asked for. `summary`: any text; body: HTML.
std::string folded(std::string_view summary, std::string_view body);

// Lets what is wider than the page scroll by itself, also by keyboard. `label`: any text.
std::string scrolling(std::string_view label, std::string_view body);

// The files that CMake embeds (assets/), by their name.
std::string_view report_asset(std::string_view name);

}  // namespace inpaint
