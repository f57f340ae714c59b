# Writes the source that holds files as bytes; see InpaintEmbed.cmake. Takes name, source and files. The
# assembler takes the bytes as they are: an array of them would cost the compiler seconds per megabyte.
set(parts "")
set(declarations "")
set(choices "")
set(number 0)
foreach(file IN LISTS files)
  get_filename_component(file_name ${file} NAME)
  set(label inpaint_${name}_${number})
  string(APPEND parts "    \".balign 64\\n${label}:\\n.incbin \\\"${file}\\\"\\n${label}_end:\\n.byte 0\\n\"\n")
  string(APPEND declarations "extern \"C\" __attribute__((visibility(\"hidden\"))) const char ${label}[], ${label}_end[];\n")
  string(APPEND choices "  if (name == \"${file_name}\") return {${label}, ${label}_end};\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${source} "// Made by cmake/WriteEmbedded.cmake.
#include <stdexcept>
#include <string>
#include <string_view>

asm(\".pushsection .rodata\\n\"
${parts}    \".popsection\\n\");
${declarations}
namespace inpaint {

std::string_view ${name}(std::string_view name);
std::string_view ${name}(std::string_view name) {
${choices}  throw std::logic_error(\"no embedded file \" + std::string(name));
}

}  // namespace inpaint
")
