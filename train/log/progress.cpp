#include "train/log/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "core/base/plain_text.h"

namespace inpaint {
namespace {

constexpr size_t kMarks = 20;  // steps the rates are taken over
constexpr std::chrono::milliseconds kRedraw{100};

// The terminal's width at this moment.
size_t columns_of(int terminal) {
  constexpr size_t kUsual = 80, kLeast = 2;
  winsize size{};
  if (::ioctl(terminal, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsual;
  return std::max<size_t>(size.ws_col, kLeast);
}

}  // namespace

std::string fitted_line(std::vector<LinePart> parts, size_t columns) {
  while (true) {
    std::string line;
    for (const LinePart& part : parts) line += (line.empty() ? "" : "  ") + part.text;
    const auto least = std::ranges::max_element(parts, {}, &LinePart::rank);
    if (line.size() <= columns || least == parts.end() || least->rank == 0) return line.substr(0, columns);
    const int rank = least->rank;
    std::erase_if(parts, [rank](const LinePart& part) { return part.rank == rank; });
  }
}

std::string duration_text(double seconds) {
  const auto s = static_cast<int64_t>(seconds);
  if (s >= 86400) return fmt::format("{} d {} h", s / 86400, s % 86400 / 3600);
  if (s >= 3600) return fmt::format("{} h {:02} min", s / 3600, s % 3600 / 60);
  if (s >= 60) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} s", s);
}

Progress::Progress(std::FILE* out)
    : out_(out), terminal_(isatty(fileno(out)) == 1), marks_{{Clock::now(), 0.0}} {}

void Progress::step(const ProgressFigures& f, const Losses& l) {
  marks_.push_back({Clock::now(), f.waited_seconds});
  if (marks_.size() > kMarks + 1) marks_.pop_front();
  const double seconds = std::chrono::duration<double>(marks_.back().time - marks_.front().time).count();
  const double steps = static_cast<double>(marks_.size() - 1);
  images_per_second_ = seconds > 0 ? steps * static_cast<double>(f.batch_size) / seconds : 0;

  if (!terminal_) {
    put(fmt::format("Epoch:{:4} Batch:{:4}, rec_loss:{:2.8f}{}\n", f.epoch, f.batch, l.rec_loss,
                    l.is_adversarial
                        ? fmt::format(", gene_loss: {:2.8f}, disc_loss: {:2.8f}, disc_acc: {:2.8f}",
                                      l.adv_gene_loss, l.adv_disc_loss, l.disc_acc)
                        : ""));
    return;
  }
  if (line_open_ && marks_.back().time - drawn_ < kRedraw && f.steps_left > 0) return;
  drawn_ = marks_.back().time;
  const double wait_share =
      seconds > 0 ? (marks_.back().waited_seconds - marks_.front().waited_seconds) / seconds : 0;
  std::vector<LinePart> parts = {
      {0, fmt::format("Epoch {}/{} batch {}/{}", f.epoch, f.last_epoch, f.batch + 1, f.batches)},
      {0, fmt::format("rec {:.5f}", l.rec_loss)}};
  if (l.is_adversarial) {
    parts.push_back({3, fmt::format("gene {:.4f}", l.adv_gene_loss)});
    parts.push_back({3, fmt::format("disc {:.4f}", l.adv_disc_loss)});
    parts.push_back({3, fmt::format("acc {:.2f}", l.disc_acc)});
  }
  parts.push_back({2, fmt::format("{:.1f} images/s", images_per_second_)});
  parts.push_back(
      {1, fmt::format("{} left", duration_text(static_cast<double>(f.steps_left) * seconds / steps))});
  parts.push_back({4, fmt::format("{:.0f}% waiting for data", 100 * wait_share)});
  // The last column stays free: some terminals begin a new line when it is taken.
  put(fmt::format("\r\x1b[K{}", fitted_line(std::move(parts), columns_of(fileno(out_)) - 1)));
  line_open_ = true;
}

void Progress::line(const std::string& text) {
  put(fmt::format("{}{}\n", line_open_ ? "\n" : "", escaped(text)));
  line_open_ = false;
}

// Other faults, a full disk for one, end no run: main tells of them at the end.
void Progress::put(const std::string& text) {
  if (closed_) return;
  if (std::fwrite(text.data(), 1, text.size(), out_) == text.size() && std::fflush(out_) == 0) return;
  const int signal = errno == EPIPE ? SIGPIPE : errno == EIO && terminal_ ? SIGHUP : 0;
  if (signal == 0) return;
  closed_ = true;
  ::kill(::getpid(), signal);
}

}  // namespace inpaint
