#include "core/base/build_info.h"

#include <fmt/format.h>

#include "build_commit.h"
#include "build_values.h"
#include "core/cpu/level.h"

namespace inpaint {

std::string version_text(const std::string& program) {
  std::string processor(cpu_level());
  if (const auto levels = cpu_levels(); levels.size() > 1)
    processor += fmt::format(" (of {})", fmt::join(levels, ", "));
  return fmt::format("{} {}\ncommit     {}\ncompiler   {}\nprocessor  {}\nlibraries  {}\n", program,
                     kBuildVersion, kBuildCommit, kBuildCompiler, processor, kBuildLibraries);
}

}  // namespace inpaint
