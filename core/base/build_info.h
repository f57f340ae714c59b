// What this program was built from and with.
#pragma once

#include <string>

namespace inpaint {

// The answer to --version: program and version, git commit ("unknown" outside a repository, "-dirty" behind
// it when files were changed), compiler, the level of the CPU kernels (core/cpu/level.h), libraries.
std::string version_text(const std::string& program);

}  // namespace inpaint
