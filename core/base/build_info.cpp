#include "core/base/build_info.h"

#include <fmt/format.h>

#include "build_commit.h"
#include "build_values.h"

namespace inpaint {

std::string version_text(const std::string& program) {
  return fmt::format("{} {}\ncommit     {}\ncompiler   {}\nlibraries  {}\n", program, kBuildVersion,
                     kBuildCommit, kBuildCompiler, kBuildLibraries);
}

}  // namespace inpaint
