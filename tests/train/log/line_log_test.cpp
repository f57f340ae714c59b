#include "train/log/line_log.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "core/base/error.h"
#include "tests/harness/fault_injection.h"
#include "tests/harness/run_and_kill.h"
#include "tests/harness/temporary_folder.h"

using namespace inpaint;
using faults::Injection;

namespace {

constexpr int64_t kAll = std::numeric_limits<int64_t>::max();

std::string json_line(int64_t step) { return "{\"step\": " + std::to_string(step) + ", \"rec_loss\": 0.5}"; }

std::string json_lines(int64_t first, int64_t last) {
  std::string text;
  for (int64_t step = first; step <= last; ++step) text += json_line(step) + "\n";
  return text;
}

// What is left of `before` when a run resumes with `last`.
std::string resumed(const std::string& before, int64_t last,
                    LineLog::NumberOf number_of = step_of_json_line) {
  const TemporaryFolder folder;
  put_file(folder / "log", before);
  { const LineLog log(folder / "log", last, number_of); }
  return file_contents(folder / "log");
}

}  // namespace

TEST_CASE("line log: a new one, lines added, opened again") {
  const TemporaryFolder folder;
  {
    LineLog log(folder / "log", 0, step_of_json_line);
    log.append(json_line(1));
    CHECK(file_contents(folder / "log") == json_lines(1, 1));  // at once
    log.append(json_line(2));
    log.sync();
  }
  LineLog log(folder / "log", 2, step_of_json_line);
  log.append(json_line(3));
  CHECK(file_contents(folder / "log") == json_lines(1, 3));
  CHECK_THROWS_AS(log.append("two\nlines"), Error);
}

TEST_CASE("line log: lines of later steps are cut, at every step of a log of several pieces") {
  const std::string before = json_lines(1, 7000);
  REQUIRE(before.size() > 3 * 65536);
  for (const int64_t last : {-1, 0, 1, 2, 999, 3000, 6999, 7000, 8000}) {
    CAPTURE(last);
    CHECK(resumed(before, last) == json_lines(1, std::min<int64_t>(last, 7000)));
  }
  const TemporaryFolder folder;
  put_file(folder / "log", before);
  for (int64_t last = 7000; last >= 6990; --last) {
    { const LineLog log(folder / "log", last, step_of_json_line); }
    CHECK(file_contents(folder / "log") == json_lines(1, last));
  }
}

TEST_CASE("line log: a last line that was not finished goes, wherever it was cut") {
  const std::string whole = json_lines(1, 3), more = json_line(4);
  for (size_t size = 0; size <= more.size(); ++size) {
    CHECK(resumed(whole + more.substr(0, size), 3) == whole);
    CHECK(resumed(whole + more.substr(0, size), kAll) == whole);
  }
  CHECK(resumed(more, kAll).empty());
  CHECK(resumed("", kAll).empty());
}

TEST_CASE("line log: what a power cut leaves behind the last good line goes") {
  CHECK(resumed(json_lines(1, 3) + std::string(5000, '\0') + "\n" + json_line(5) + "\n", 4) ==
        json_lines(1, 3));
  CHECK(resumed("\n\n" + json_lines(1, 3) + "\n\n", 3) == "\n\n" + json_lines(1, 3));
  CHECK(resumed("\n", 3).empty());
}

TEST_CASE("line log: the lines of an earlier run stay") {
  const std::string earlier = json_lines(1, 100);
  CHECK(resumed(earlier + json_lines(1, 50), 40) == earlier + json_lines(1, 40));
  CHECK(resumed(earlier + json_lines(1, 50), 50) == earlier + json_lines(1, 50));
}

TEST_CASE("line log: an endless line is refused and the file stays") {
  const TemporaryFolder folder;
  const std::string before = json_lines(1, 3) + std::string(LineLog::kMaxLine + 70000, 'x');
  put_file(folder / "log", before);
  CHECK_THROWS_WITH_AS(LineLog(folder / "log", 3, step_of_json_line),
                       doctest::Contains("not a log of this program"), UserError);
  CHECK(file_contents(folder / "log") == before);
  // The longest line that can be added is read again.
  const std::string longest = "{\"step\": 1, \"x\": \"" + std::string(LineLog::kMaxLine - 21, 'x') + "\"}";
  REQUIRE(static_cast<int64_t>(longest.size()) == LineLog::kMaxLine - 1);
  LineLog log(folder / "other", -1, step_of_json_line);
  log.append(longest);
  CHECK_THROWS_AS(log.append(longest + "x"), Error);
  { const LineLog again(folder / "other", 1, step_of_json_line); }
  CHECK(file_contents(folder / "other") == longest + "\n");
}

TEST_CASE("line log: a refused line leaves nothing, and later ones are taken") {
  const TemporaryFolder folder;
  LineLog log(folder / "log", -1, step_of_json_line);
  log.append(json_line(1));
  {
    const Injection injection(Injection::What::kTearWrite, 1, ENOSPC);
    CHECK_THROWS_WITH_AS(log.append(json_line(2)), doctest::Contains("No space left on device"), UserError);
  }
  CHECK(file_contents(folder / "log") == json_lines(1, 1));
  log.append(json_line(2));
  CHECK(file_contents(folder / "log") == json_lines(1, 2));
}

TEST_CASE("line log: a killed process loses no line") {
  const TemporaryFolder folder;
  CHECK(killed([&] {
    LineLog log(folder / "log", -1, step_of_json_line);
    for (int64_t step = 1; step <= 5; ++step) log.append(json_line(step));
    raise(SIGKILL);
  }));
  CHECK(file_contents(folder / "log") == json_lines(1, 5));
}

TEST_CASE("line log: the numbers of lines") {
  CHECK(step_of_json_line(R"({"epoch": 3, "step": 12})") == 12);
  for (const char* line : {"", "{", "[12]", "12", R"({"step": "12"})", R"({"step": 1.5})", R"({"steps": 12})",
                           R"({"a": {"step": 12}})", R"({"step": 12)"}) {
    CAPTURE(line);
    CHECK_FALSE(step_of_json_line(line).has_value());
  }
  CHECK(epoch_of_loss_line("Epoch:   0, rec_loss:0.5") == 0);
  CHECK(epoch_of_loss_line("Epoch:12345, rec_loss:0.5") == 12345);
  for (const char* line : {"", "Epoch:", "Batch:   1, rec", "Epoch:    ", "Epoch: x, rec_loss",
                           " Epoch:   1, rec", "Epoch:   1.5, rec", "Epoch:99999999999999999999, rec"}) {
    CAPTURE(line);
    CHECK_FALSE(epoch_of_loss_line(line).has_value());
  }
  const std::string before = "Epoch:   0, rec_loss:0.5\nEpoch:   1, rec_loss:0.4\nEpoch:   2, rec_loss:0.3\n";
  CHECK(resumed(before, 0, epoch_of_loss_line) == before.substr(0, 25));
}
