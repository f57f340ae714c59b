// The most memory this process has held resident (VmHWM), counted anew from a moment of the caller's choice.
#pragma once

#include <malloc.h>

#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>

namespace inpaint {

class PeakMemory {
 public:
  // From here on.
  PeakMemory() {
    malloc_trim(0);  // what earlier tests have freed does not count
    std::ofstream reset("/proc/self/clear_refs");
    reset << "5";  // proc(5): the peak becomes what is resident now
    if (!reset.flush()) throw std::runtime_error("cannot write /proc/self/clear_refs");
    at_start_ = status("VmRSS:");
  }
  // Above what was resident at the start.
  int64_t bytes() const { return status("VmHWM:") - at_start_; }

 private:
  static int64_t status(const std::string& key) {
    std::ifstream file("/proc/self/status");
    for (std::string word; file >> word;)
      if (word == key) {
        int64_t kibibytes = 0;
        file >> kibibytes;
        return kibibytes * 1024;
      }
    throw std::runtime_error("no " + key + " in /proc/self/status");
  }
  int64_t at_start_ = 0;
};

}  // namespace inpaint
