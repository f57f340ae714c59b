#include "train/log/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace inpaint {
namespace {

constexpr size_t kMarks = 20;  // steps the rates are taken over
constexpr std::chrono::milliseconds kRedraw{100};

}  // namespace

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
  put(
      fmt::format("\r\x1b[KEpoch {}/{} batch {}/{}  rec {:.5f}{}  {:.1f} images/s  {} left  {:.0f}% waiting "
                  "for data",
                  f.epoch, f.last_epoch, f.batch + 1, f.batches, l.rec_loss,
                  l.is_adversarial ? fmt::format("  gene {:.4f}  disc {:.4f}  acc {:.2f}", l.adv_gene_loss,
                                                 l.adv_disc_loss, l.disc_acc)
                                   : "",
                  images_per_second_, duration_text(static_cast<double>(f.steps_left) * seconds / steps),
                  100 * wait_share));
  line_open_ = true;
}

void Progress::line(const std::string& text) {
  put((line_open_ ? "\n" : "") + text + "\n");
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
