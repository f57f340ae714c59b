#include "core/base/host_memory.h"

#include <fstream>
#include <string>

namespace inpaint {

int64_t free_host_memory() {
  std::ifstream file("/proc/meminfo");
  std::string name;
  for (int64_t kib = 0; file >> name >> kib; std::getline(file, name))
    if (name == "MemAvailable:") return kib * 1024;
  return 0;
}

}  // namespace inpaint
