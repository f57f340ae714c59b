#include "tools/main_guard.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <new>
#include <system_error>

#include "core/base/error.h"
#include "tests/harness/captured.h"

using namespace inpaint;

namespace {
struct Outcome {
  int exit_code;
  std::string err;
};

Outcome run(int (*body)(int, const char* const*)) {
  const char* argv[] = {"program", "argument", nullptr};
  const Captured err(stderr);
  const int exit_code = run_main(2, argv, body);
  return {exit_code, err.text()};
}
}  // namespace

TEST_CASE("main guard: the body's exit code and arguments pass through") {
  const Outcome outcome = run([](int argc, const char* const* argv) {
    return argc == 2 && std::string(argv[1]) == "argument" && argv[2] == nullptr ? 130 : 1;
  });
  CHECK(outcome.exit_code == 130);
  CHECK(outcome.err.empty());
  CHECK(run([](int, const char* const*) { return 0; }).exit_code == 0);
}

TEST_CASE("main guard: an error is one line and its exit code") {
  Outcome outcome = run([](int, const char* const*) -> int { throw UserError("epoch=x is no number"); });
  CHECK(outcome.exit_code == 1);
  CHECK(outcome.err == "error: epoch=x is no number\n");

  outcome = run(
      [](int, const char* const*) -> int { throw UserError("two\nlines\r\tand\x7F\x1B\xC2\x9B\xFF größe"); });
  CHECK(outcome.err == "error: two\\nlines\\r\\tand\\x7f\\x1b\\x9b\\xff größe\n");

  outcome = run([](int, const char* const*) -> int { throw Error("broken contract"); });
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.err == "error: broken contract\n");

  outcome = run([](int, const char* const*) -> int { throw std::bad_alloc(); });
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.err.starts_with("error: out of memory"));

  outcome = run([](int, const char* const*) -> int {  // what std::thread throws
    throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
  });
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.err == "error: cannot start a thread: too little memory, or too many threads run already\n");

  outcome = run([](int, const char* const*) -> int { throw 7; });
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.err == "error: unknown exception\n");
}

TEST_CASE("main guard: what was printed before an error is not lost") {
  const Captured out(stdout);
  const Outcome outcome = run([](int, const char* const*) -> int {
    std::fputs("before", stdout);
    throw UserError("x");
  });
  CHECK(outcome.exit_code == 1);
  CHECK(out.text() == "before");
}

TEST_CASE("main guard: output that cannot be written is a failure") {
  const Captured out(stdout, "/dev/full");
  const Outcome outcome = run([](int, const char* const*) {
    std::fputs("a table", stdout);
    return 0;
  });
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.err == "error: cannot write to standard output: No space left on device\n");
}

TEST_CASE("main guard: a pipe that its reader has closed ends a program with SIGPIPE's number, and no line") {
  const auto quiet = [](int (*body)(int, const char* const*)) {
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    close(ends[0]);
    const Captured out(stdout);
    REQUIRE(dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO);
    close(ends[1]);
    const Outcome outcome = run(body);
    CHECK(outcome.exit_code == 128 + SIGPIPE);
    CHECK(outcome.err.empty());
  };
  quiet([](int, const char* const*) {
    std::fputs("a table", stdout);
    return 0;
  });
  quiet([](int, const char* const*) {  // so much that it is written before the end
    fmt::print("{}", std::string(1'000'000, 'x'));
    return 0;
  });
}
