# Writes the source that holds files as bytes; see InpaintEmbed.cmake. Takes name, source and files.
set(arrays "")
set(choices "")
set(number 0)
foreach(file IN LISTS files)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  get_filename_component(file_name ${file} NAME)
  string(APPEND arrays "constexpr char kFile${number}[] = {${bytes}};\n")
  string(APPEND choices "  if (name == \"${file_name}\") return {kFile${number}, sizeof kFile${number}};\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${source} "// Made by cmake/WriteEmbedded.cmake.
#include <stdexcept>
#include <string>
#include <string_view>

namespace inpaint {
namespace {

${arrays}
}  // namespace

std::string_view ${name}(std::string_view name);
std::string_view ${name}(std::string_view name) {
${choices}  throw std::logic_error(\"no embedded file \" + std::string(name));
}

}  // namespace inpaint
")
