// What a person watching a run sees: on a terminal one line that renews itself and fits its width, whatever
// that is at the moment, elsewhere a plain line a step. When nobody can watch any longer, the process gets
// the signal that says so: SIGPIPE where the reader of a pipe has closed it, SIGHUP where the terminal is
// gone. No call throws.
#pragma once

#include <chrono>
#include <cstdio>
#include <deque>
#include <string>
#include <vector>

#include "train/step/figures.h"

namespace inpaint {

struct ProgressFigures {
  int64_t epoch = 0, last_epoch = 0;  // this one, and the last one's number
  int64_t batch = 0, batches = 0;     // this one (from 0) of so many
  int64_t steps_left = 0;             // to the end of the run
  int64_t batch_size = 0;
  double waited_seconds = 0;  // for data, since the run's start
};

std::string duration_text(double seconds);  // "2 h 05 min"

// The parts in their order, two blanks between them, in at most `columns`: the parts with the highest ranks
// go first, and what is left is cut. The texts are ASCII.
struct LinePart {
  int rank;  // 0 stays longest
  std::string text;
};
std::string fitted_line(std::vector<LinePart> parts, size_t columns);

class Progress {
 public:
  explicit Progress(std::FILE* out);

  // After every step. Images per second and the share of time spent waiting are over the last steps.
  void step(const ProgressFigures& figures, const Losses& losses);

  // A line of its own, control characters escaped: on a terminal the renewing line moves down.
  void line(const std::string& text);

  double seconds() const { return seconds_since(started_); }  // since it was made
  double images_per_second() const { return images_per_second_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Mark {
    Clock::time_point time;
    double waited_seconds;
  };

  static double seconds_since(Clock::time_point then) {
    return std::chrono::duration<double>(Clock::now() - then).count();
  }

  void put(const std::string& text);

  std::FILE* out_;
  const Clock::time_point started_ = Clock::now();
  bool terminal_;
  bool line_open_ = false;
  bool closed_ = false;  // nobody can watch any longer
  Clock::time_point drawn_{};
  std::deque<Mark> marks_;
  double images_per_second_ = 0;
};

}  // namespace inpaint
