// Runs one of our programs as a user would, in a folder.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>

#include "tests/harness/temporary_folder.h"

namespace inpaint {

struct ProgramRun {
  int exit_code;
  std::string out, err;
};

inline ProgramRun run_program(const std::string& program, const TemporaryFolder& folder,
                              const std::string& arguments) {
  const TemporaryFolder streams;
  const std::string command = fmt::format("cd {} && {} {} >{} 2>{}", folder.path().string(), program,
                                          arguments, (streams / "out").string(), (streams / "err").string());
  const int status = std::system(command.c_str());
  REQUIRE(WIFEXITED(status));
  return {WEXITSTATUS(status), file_contents(streams / "out"), file_contents(streams / "err")};
}

}  // namespace inpaint
