// A program of ours in a process that a test may stop, limit and watch.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace inpaint {

struct Ending {
  int exit_code = -1;  // -1: a signal ended it
  int signal = 0;
  std::string out, err;
};

class Program {
 public:
  // Starts `program` in `folder`. Its standard output and error go to the files `out` and `err` beside each
  // other in `streams`. `prepare` runs in the new process before the program takes its place.
  Program(const std::string& program, const std::vector<std::string>& arguments,
          const std::filesystem::path& folder, const std::filesystem::path& streams,
          const std::function<void()>& prepare = {});
  ~Program();  // kills it where it still runs
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  bool ended();  // without waiting
  void kill();   // SIGKILL
  Ending wait();

  // For a tracer, which has to wait itself: what waitpid said of the end.
  Ending ending_of(int status);

 private:
  std::filesystem::path streams_;
  pid_t pid_ = -1;
  bool reaped_ = false;
  int status_ = 0;
};

}  // namespace inpaint
