#include "train/log/progress.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <thread>

#include "tests/harness/captured.h"

using namespace inpaint;

namespace {

// A terminal that nobody sees: what is written to `out` is read here.
class Terminal {
 public:
  Terminal() {
    REQUIRE(grantpt(master_) == 0);
    REQUIRE(unlockpt(master_) == 0);
    out.reset(std::fopen(ptsname(master_), "w"));
    REQUIRE(out != nullptr);
  }
  ~Terminal() { ::close(master_); }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void resize(unsigned short columns) const {
    const winsize size{24, columns, 0, 0};
    REQUIRE(::ioctl(master_, TIOCSWINSZ, &size) == 0);
  }
  std::string take() const {
    char bytes[4096];
    const ssize_t count = ::read(master_, bytes, sizeof bytes);
    return count < 0 ? "" : std::string(bytes, static_cast<size_t>(count));
  }

  std::unique_ptr<std::FILE, int (*)(std::FILE*)> out{nullptr, std::fclose};

 private:
  int master_ = ::posix_openpt(O_RDWR | O_NOCTTY);
};

const ProgressFigures kFigures{.epoch = 3,
                               .last_epoch = 99,
                               .batch = 11,
                               .batches = 500,
                               .steps_left = 48'000,
                               .batch_size = 64,
                               .waited_seconds = 0.1};
const Losses kLosses{.rec_loss = 0.12345, .adv_gene_loss = 0.7, .adv_disc_loss = 0.6, .disc_acc = 0.5};

}  // namespace

TEST_CASE("progress: the line fits the terminal's width, which may change at any time") {
  const Terminal terminal;
  Progress progress(terminal.out.get());
  for (const int columns : {80, 200, 130, 40, 80, 12, 2, 1}) {
    CAPTURE(columns);
    terminal.resize(static_cast<unsigned short>(columns));
    std::this_thread::sleep_for(std::chrono::milliseconds(110));  // lines are drawn that often
    progress.step(kFigures, kLosses);
    const std::string drawn = terminal.take();
    constexpr std::string_view kAnew = "\r\x1b[K";
    REQUIRE(drawn.starts_with(kAnew));
    const std::string line = drawn.substr(kAnew.size());
    CAPTURE(line);
    CHECK(line.find('\n') == std::string::npos);
    CHECK(line.size() < static_cast<size_t>(std::max(columns, 2)));
    CHECK(line.starts_with(std::string("Epoch 3/99 batch 12/500").substr(0, line.size())));
    CHECK((line.find("waiting for data") != std::string::npos) == (columns >= 130));
    CHECK((line.find(" left") != std::string::npos) == (columns >= 80));
    CHECK((line.find("rec 0.12345") != std::string::npos) == (columns >= 40));
  }
  terminal.resize(0);  // unknown: the usual 80
  std::this_thread::sleep_for(std::chrono::milliseconds(110));
  progress.step(kFigures, kLosses);
  CHECK(terminal.take().size() < 80 + 4);
}

TEST_CASE("progress: the least important parts go first, whole") {
  const std::vector<LinePart> parts = {{0, "aa"}, {2, "bb"}, {1, "cc"}, {2, "dd"}};
  CHECK(fitted_line(parts, 14) == "aa  bb  cc  dd");
  CHECK(fitted_line(parts, 13) == "aa  cc");
  CHECK(fitted_line(parts, 6) == "aa  cc");
  CHECK(fitted_line(parts, 5) == "aa");
  CHECK(fitted_line(parts, 1) == "a");
  CHECK(fitted_line(parts, 0) == "");
  CHECK(fitted_line({}, 9) == "");
}

TEST_CASE("progress: a line of its own shows control characters, elsewhere than on a terminal too") {
  const Captured out(stdout);
  Progress progress(stdout);
  progress.line("note: a\nb\x1b[2J.png; größe");
  progress.step(kFigures, kLosses);
  CHECK(out.text().starts_with("note: a\\nb\\x1b[2J.png; größe\nEpoch:   3 Batch:  11, rec_loss:0.12345000"));
}
