// What the fuzzers share. A fuzzer feeds any bytes to one reader of ours: it must give a result or a
// UserError of one line, in bounded memory, and what it has accepted must keep the property the fuzzer
// states. Anything else, other exceptions included, ends the process, and the input is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/base/error.h"
#include "tests/harness/temporary_folder.h"

namespace inpaint::fuzz {

inline void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// Runs `read`; true unless it refused the input.
template <typename F>
bool accepted(F&& read) {
  try {
    read();
    return true;
  } catch (const UserError& refusal) {
    const std::string_view message = refusal.what();
    expect(!message.empty() && message.find('\n') == std::string_view::npos, "a refusal is one line");
    return false;
  }
}

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A folder in memory for the whole run of a fuzzer.
inline const TemporaryFolder& folder() {
  static const TemporaryFolder folder;
  return folder;
}

inline std::filesystem::path put_input(std::string_view bytes) {
  const std::filesystem::path path = folder() / "input";
  put_file(path, std::string(bytes));
  return path;
}

}  // namespace inpaint::fuzz
