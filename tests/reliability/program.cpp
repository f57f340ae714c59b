#include "tests/reliability/program.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "tests/harness/temporary_folder.h"

namespace inpaint {

Program::Program(const std::string& program, const std::vector<std::string>& arguments,
                 const std::filesystem::path& folder, const std::filesystem::path& streams,
                 const std::function<void()>& prepare)
    : streams_(streams) {
  const std::string out = (streams / "out").string(), err = (streams / "err").string();
  put_file(out, "");  // also there when the process is killed before its first step
  put_file(err, "");
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ > 0) return;
  const int to = ::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int errors = ::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (to < 0 || errors < 0 || dup2(to, STDOUT_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0) _exit(125);
  ::close(to);
  ::close(errors);
  if (chdir(folder.c_str()) != 0) _exit(125);
  if (prepare) prepare();
  execv(argv[0], argv.data());
  _exit(126);
}

Program::~Program() {
  if (!reaped_) {
    kill();
    waitpid(pid_, &status_, 0);
  }
}

bool Program::ended() {
  if (!reaped_) reaped_ = waitpid(pid_, &status_, WNOHANG) == pid_;
  return reaped_;
}

void Program::kill() {
  if (!reaped_) ::kill(pid_, SIGKILL);
}

Ending Program::wait() {
  if (!reaped_ && waitpid(pid_, &status_, 0) != pid_) throw std::runtime_error("waitpid");
  return ending_of(status_);
}

Ending Program::ending_of(int status) {
  reaped_ = true;
  Ending ending;
  if (WIFEXITED(status)) ending.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) ending.signal = WTERMSIG(status);
  ending.out = file_contents(streams_ / "out");
  ending.err = file_contents(streams_ / "err");
  return ending;
}

}  // namespace inpaint
