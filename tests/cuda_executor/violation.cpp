#include "tests/cuda_executor/violation.h"

#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string_view>

#include "tests/cuda_executor/executor.h"

// Set by the linker: where the program, or the shared library that this is part of, begins in memory.
extern "C" const char __ehdr_start __attribute__((visibility("hidden")));

namespace inpaint::executor {
namespace {

std::deque<Violation>& violations() {
  static auto* const list = [] {
    std::atexit([] {
      if (!violations().empty() || !leaks().empty()) {
        fflush(nullptr);
        if (const std::string text = leaks(); !text.empty()) fprintf(stderr, "leaked: %s\n", text.c_str());
        _exit(3);
      }
    });
    return new std::deque<Violation>;  // never destroyed: code at exit may still report
  }();
  return *list;
}

}  // namespace

void report(Violation violation) {
  fprintf(stderr, "violation: %s\n", violation.message.c_str());
  violations().push_back(std::move(violation));
}

cudaError_t sticky_error() { return violations().empty() ? cudaSuccess : violations().front().error; }

const std::string& first_violation() {
  static const std::string none;
  return violations().empty() ? none : violations().front().message;
}

std::vector<std::string> take_violations() {
  std::vector<std::string> messages;
  for (const Violation& violation : violations()) messages.push_back(violation.message);
  violations().clear();
  return messages;
}

std::string program_of(const void* code_address) {
  Dl_info file;
  if (dladdr(code_address, &file) != 0 &&
      std::string_view(file.dli_fname).find(".so") != std::string_view::npos)
    return file.dli_fname;
  std::array<char, 4096> path;
  const auto length = readlink("/proc/self/exe", path.data(), path.size());
  return {path.data(), static_cast<size_t>(std::max<ssize_t>(length, 0))};
}

std::string source_line(const void* code_address) {
  const auto offset = static_cast<const char*>(code_address) - &__ehdr_start;
  char place[32];
  snprintf(place, sizeof(place), "0x%lx", static_cast<unsigned long>(offset));
  const std::string command =
      "addr2line -C -f -i -p -s -e '" + program_of(code_address) + "' " + place + " 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::array<char, 4096> line;
  std::string found;
  while (pipe && fgets(line.data(), line.size(), pipe.get()) != nullptr) {
    const std::string_view text(line.data());
    found += found.empty() ? "" : ",";
    found += text.substr(0, text.find('\n'));
  }
  return found.empty() ? std::string("code at ") + place : found;
}

}  // namespace inpaint::executor
