// What leaks() lists beside the runtime's own objects: those of the libraries that stand in for others.
#pragma once

#include <functional>
#include <string>

namespace inpaint::executor {

// A source is asked every time; it gives an empty text when it holds nothing. Sources stay until the
// program ends.
void add_leak_source(std::function<std::string()> source);
std::string count_text(size_t count, const std::string& what);  // "3 things"; empty for none

}  // namespace inpaint::executor
