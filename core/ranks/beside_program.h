// Where the libraries lie that a program loads when it needs them.
#pragma once

#include <filesystem>

namespace inpaint {

// Beside the program, as in a build, or in `folder`, seen from there, where the installation has libraries.
inline std::filesystem::path beside_program(const char* file, const char* folder) {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const auto beside = program / file;
  return std::filesystem::exists(beside) ? beside : (program / folder / file).lexically_normal();
}

}  // namespace inpaint
