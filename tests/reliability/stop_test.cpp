// A run that a signal, a closed terminal or a closed pipe stops: it saves its last step, and the next start
// goes on.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <thread>

#include "tests/harness/error_message.h"
#include "tests/harness/nightly.h"
#include "tests/reliability/tiny_run.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// The reading end of what a program prints, until someone closes it.
class Reader {
 public:
  explicit Reader(int file) : file_(file), thread_([this] { read(); }) {}
  ~Reader() { close(); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  void close() {
    if (!thread_.joinable()) return;
    closing_ = true;
    thread_.join();
    ::close(file_);
  }

 private:
  void read() {
    std::array<char, 4096> bytes;
    while (!closing_) {
      pollfd file{file_, POLLIN, 0};
      if (poll(&file, 1, 1) == 1 && ::read(file_, bytes.data(), bytes.size()) <= 0)
        std::this_thread::sleep_for(milliseconds(1));  // the program has ended
    }
  }

  int file_;
  std::atomic<bool> closing_ = false;
  std::thread thread_;
};

// A way to end a run, and what it then ends with.
struct Stop {
  std::string what;
  int exit_code;
  enum class Output { kFile, kPipe, kTerminal, kTerminalOfOthers } output;
  int signal;  // sent to the program; 0: its output is closed
};

// A program whose output goes where `stop` says.
class StoppedProgram {
 public:
  StoppedProgram(const Stop& stop, const std::vector<std::string>& flags, const fs::path& folder)
      : stop_(stop) {
    int write_end = -1;
    if (stop.output == Stop::Output::kPipe) {
      std::array<int, 2> ends{};
      REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
      reader_ = std::make_unique<Reader>(ends[0]);
      write_end = ends[1];
    } else if (stop.output != Stop::Output::kFile) {
      const int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
      REQUIRE(terminal >= 0);
      REQUIRE(grantpt(terminal) == 0);
      REQUIRE(unlockpt(terminal) == 0);
      write_end = ::open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
      REQUIRE(write_end >= 0);
      reader_ = std::make_unique<Reader>(terminal);
    }
    program_.emplace(INPAINT_TRAIN, flags, folder, streams_.path(), [&] {
      if (stop.output == Stop::Output::kTerminal && (setsid() < 0 || ioctl(write_end, TIOCSCTTY, 0) != 0))
        _exit(123);
      if (write_end >= 0 && dup2(write_end, STDOUT_FILENO) < 0) _exit(124);
    });
    if (write_end >= 0) ::close(write_end);
  }

  Program& operator*() { return *program_; }
  Program* operator->() { return &*program_; }

  void stop() {
    if (stop_.signal != 0)
      ::kill(program_->pid(), stop_.signal);
    else
      reader_->close();
  }

 private:
  const Stop stop_;
  TemporaryFolder streams_;
  std::unique_ptr<Reader> reader_;
  std::optional<Program> program_;
};

// The steps that a run has logged, which it does as soon as they are done.
int64_t steps_done(const fs::path& folder) {
  const fs::path log = folder / "logs/tiny64/gpu0/train_log.jsonl";
  if (!fs::exists(log)) return 0;
  const std::string text = file_contents(log);
  return std::count(text.begin(), text.end(), '\n');
}

// Waits until the run has done more than `steps`; false when it has ended before.
bool wait_for_more_steps(Program& program, const fs::path& folder, int64_t steps) {
  while (!program.ended()) {
    if (steps_done(folder) > steps) return true;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return false;
}

// Waits for the end of a program that was asked to stop; one that has not heard fails the test.
Ending ending_of(Program& program) {
  const auto late = Clock::now() + std::chrono::minutes(1);
  while (!program.ended() && Clock::now() < late) std::this_thread::sleep_for(milliseconds(1));
  REQUIRE(program.ended());
  return program.wait();
}

// A run with long steps, to send signals to while a step goes on.
class LongStep {
 public:
  LongStep()
      : program_(INPAINT_TRAIN, (put_tiny_data(folder_.path()), tiny_flags(1, {"--gene_iter=10000"})),
                 folder_.path(), streams_.path()) {
    while (!contains(file_contents(streams_ / "out"), "Current Epoch is: 0") && !program_.ended())
      std::this_thread::sleep_for(milliseconds(1));
    std::this_thread::sleep_for(milliseconds(100));
  }

  Program& operator*() { return program_; }
  void send(int signal) { ::kill(program_.pid(), signal); }
  // Every signal waits until all are there: none is lost, and no time lies between them.
  void send_together(std::initializer_list<int> signals) {
    send(SIGSTOP);
    for (const int signal : signals) send(signal);
    send(SIGCONT);
  }
  // It goes on with its step some time later.
  bool goes_on() {
    std::this_thread::sleep_for(milliseconds(300));
    return !program_.ended();
  }

 private:
  TemporaryFolder folder_, streams_;
  Program program_;
};

}  // namespace

TEST_CASE("stop: at random moments, whatever stops a run, nothing is lost after the last whole step") {
  using enum Stop::Output;
  const Stop kStops[] = {
      {"SIGHUP", 128 + SIGHUP, kFile, SIGHUP},
      {"SIGINT", 128 + SIGINT, kFile, SIGINT},
      {"SIGTERM", 128 + SIGTERM, kFile, SIGTERM},
      {"SIGXCPU", 128 + SIGXCPU, kFile, SIGXCPU},
      {"a closed terminal", 128 + SIGHUP, kTerminal, 0},
      {"a closed terminal of another session", 128 + SIGHUP, kTerminalOfOthers, 0},
      {"a closed pipe", 128 + SIGPIPE, kPipe, 0},
  };
  constexpr int kSteps = 40 * kStepsPerEpoch;
  const int wanted = nightly() ? 100 : kSanitized ? 3 : 20;
  const auto start = Clock::now();
  const Undisturbed undisturbed(kSteps);
  const std::chrono::duration<double> whole = Clock::now() - start;
  std::mt19937 random(2026);
  std::uniform_real_distribution<double> moment(0, whole.count() / 4);
  for (const Stop& stop : kStops) {
    CAPTURE(stop.what);
    for (int stops = 0, runs = 0; stops < wanted; ++runs) {
      REQUIRE(runs <= wanted);
      const TemporaryFolder folder;
      put_tiny_data(folder.path());
      while (true) {
        const int64_t before = steps_done(folder.path());
        StoppedProgram program(stop, tiny_flags(kSteps), folder.path());
        if (wait_for_more_steps(*program, folder.path(), before))
          std::this_thread::sleep_for(std::chrono::duration<double>(moment(random)));
        program.stop();
        const Ending ending = ending_of(*program);
        INFO("signal ", ending.signal, ": ", ending.err);
        CHECK(acknowledged_step(folder.path()) == steps_done(folder.path()));
        CHECK(newest_whole_step(folder.path()) == steps_done(folder.path()));
        if (ending.exit_code == 0) break;
        if (steps_done(folder.path()) == kSteps) continue;  // all is done, or all but the end of its epoch
        REQUIRE(ending.exit_code == stop.exit_code);
        ++stops;
      }
      undisturbed.check_equal(folder.path());
    }
  }
  MESSAGE(std::size(kStops), " ways to stop a run, ", wanted, " random moments each: nothing lost");
}

TEST_CASE("stop: a second SIGINT or SIGTERM ends a run at once, in the middle of its step") {
  for (const int first : {SIGHUP, SIGINT, SIGTERM}) {
    for (const int second : {SIGINT, SIGTERM}) {
      CAPTURE(first);
      CAPTURE(second);
      LongStep run;
      run.send(first);
      REQUIRE(run.goes_on());
      run.send(second);
      CHECK(ending_of(*run).signal == second);
    }
  }
}

TEST_CASE("stop: signals that come in twos or again and again by themselves end no run at once") {
  LongStep run;
  run.send_together({SIGTERM, SIGINT});  // as from timeout(1), to the process and to its group
  CHECK(run.goes_on());
  for (const int repeated : {SIGHUP, SIGXCPU, SIGPIPE}) {
    run.send(repeated);
    CHECK(run.goes_on());
  }
  run.send(SIGINT);
  CHECK(ending_of(*run).signal == SIGINT);
}

TEST_CASE("stop: a run that has used up its CPU time saves") {
  const TemporaryFolder folder;
  put_tiny_data(folder.path());
  const Ending ending = train_tiny(folder.path(), tiny_flags(1'000'000, {"--epoch=1000000"}), [] {
    const rlimit limit{kSanitized ? 20 : 2, RLIM_INFINITY};
    if (setrlimit(RLIMIT_CPU, &limit) != 0) _exit(123);
  });
  INFO("signal ", ending.signal, ": ", ending.err);
  CHECK(ending.exit_code == 128 + SIGXCPU);
  CHECK(steps_done(folder.path()) > 0);
  CHECK(acknowledged_step(folder.path()) == steps_done(folder.path()));
}

TEST_CASE("stop: what the parent ignores: SIGHUP stops no run under nohup, SIGINT and SIGTERM do") {
  for (const int last : {SIGINT, SIGTERM}) {
    const TemporaryFolder folder, streams;
    put_tiny_data(folder.path());
    Program program(INPAINT_TRAIN, tiny_flags(1'000'000, {"--epoch=1000000"}), folder.path(), streams.path(),
                    [] {
                      for (const int signal : {SIGHUP, SIGINT, SIGTERM}) std::signal(signal, SIG_IGN);
                    });
    REQUIRE(wait_for_more_steps(program, folder.path(), 0));
    ::kill(program.pid(), SIGHUP);
    std::this_thread::sleep_for(milliseconds(100));
    REQUIRE(wait_for_more_steps(program, folder.path(), steps_done(folder.path()) + 3));
    ::kill(program.pid(), last);
    CHECK(ending_of(program).exit_code == 128 + last);
    CHECK(acknowledged_step(folder.path()) == steps_done(folder.path()));
  }
}
