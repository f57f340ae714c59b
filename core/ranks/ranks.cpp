#include "core/ranks/ranks.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <thread>
#include <utility>

#include "core/base/available_cores.h"
#include "core/base/error.h"

namespace inpaint {
namespace {

constexpr int64_t kPiece = 1 << 18;        // elements of values that are exchanged at once
constexpr int64_t kLine = 16;              // slices begin at multiples of so many elements
constexpr size_t kAtOnce = 3;              // exchanges under way
constexpr int64_t kMostBytes = 1LL << 28;  // of a broadcast at once

// A rank that waits long leaves its core to others.
constexpr std::chrono::microseconds kEager{200}, kPause{20};

}  // namespace

struct Ranks::Place {
  char machine[64] = {};
  int64_t process = 0;
  cpu_set_t cores = {};
  double usable = 0;  // share of these cores that the container's quota leaves
};

Ranks::Ranks(std::unique_ptr<Transport> transport, double timeout_seconds)
    : transport_(std::move(transport)),
      timeout_seconds_(timeout_seconds),
      exceptions_(std::uncaught_exceptions()) {
  try {
    exchange_places();
  } catch (...) {
    transport_->fail();
    throw;
  }
}

Ranks::~Ranks() {
  if (!transport_) return;
  if (std::uncaught_exceptions() > exceptions_)
    transport_->fail();
  else
    transport_->finish();
}

void Ranks::exchange_places() {
  Place mine;
  gethostname(mine.machine, sizeof(mine.machine) - 1);
  mine.process = ::getpid();
  sched_getaffinity(0, sizeof(mine.cores), &mine.cores);
  const int cores = std::max(1, CPU_COUNT(&mine.cores));
  mine.usable = std::min(1.0, static_cast<double>(available_cores()) / cores);
  const std::vector<Place> all = gather(mine);
  const auto is_here = [&](const Place& other) {
    return std::strncmp(other.machine, mine.machine, sizeof(mine.machine)) == 0;
  };
  double fair = 0;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &mine.cores)) continue;
    const auto shares = std::ranges::count_if(
        all, [&](const Place& other) { return is_here(other) && CPU_ISSET(core, &other.cores); });
    fair += mine.usable / static_cast<double>(shares);
  }
  fair_threads_ = std::max(1, static_cast<int>(fair + 1e-6));
  machine_ = mine.machine;
  local_rank_ = static_cast<int>(std::ranges::count_if(all.begin(), all.begin() + rank(), is_here));
  local_count_ = static_cast<int>(std::ranges::count_if(all, is_here));
  for (size_t rank = 0; rank < all.size(); ++rank)
    names_.push_back(fmt::format("rank {} ({}, process {})", rank, all[rank].machine, all[rank].process));
}

std::string Ranks::name_of(int rank) const {
  const auto place = static_cast<size_t>(rank);
  return place < names_.size() ? names_[place] : fmt::format("rank {}", rank);
}

// Every rank makes the same calls, so all count alike.
int Ranks::next_tag(int tags) {
  if (tag_ + tags > Transport::kTags) tag_ = 0;
  return std::exchange(tag_, tag_ + tags);
}

bool Ranks::are_done(std::vector<Pending>& pending) {
  std::erase_if(pending, [&](const Pending& p) { return transport_->is_done(p.request); });
  return pending.empty();
}

// pending() gives what has not happened yet.
template <typename Done, typename What>
void Ranks::wait(Done&& is_done, What&& pending) {
  const Clock::time_point started = Clock::now();
  while (true) {
    go_on();
    if (is_done()) return;
    const auto waited = Clock::now() - started;
    if (waited < kEager)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(kPause);
    if (timeout_seconds_ > 0 && std::chrono::duration<double>(waited).count() > timeout_seconds_)
      give_up(pending());
  }
}

void Ranks::give_up(const std::vector<Pending>& pending) const {
  std::string missing;
  for (int rank = 0; rank < count(); ++rank)
    if (std::ranges::find(pending, rank, &Pending::peer) != pending.end())
      missing += (missing.empty() ? "" : ", ") + name_of(rank);
  throw Error(fmt::format(
      "{} has not answered for {} s, the rank_timeout: it has ended, hangs, or is much slower; the run "
      "ends, and its newest checkpoint is whole",
      missing, timeout_seconds_));
}

void Ranks::mean(const Tensor& values) {
  begin_mean(values);
  finish_means();
}

void Ranks::begin_mean(const Tensor& values, Branch* beside) {
  if (!are_several()) return;
  INPAINT_CHECK(values.shape.rank() == 1, "means of {} values", to_string(values.shape));
  if (values.device == Device::kCuda) {
    INPAINT_CHECK(device_ != nullptr, "means of values on a GPU, and nobody sums them there");
    return device_->begin_mean(values, beside);
  }
  for (int64_t begin = 0; begin < values.elements(); begin += kPiece) {
    const int64_t n = std::min(kPiece, values.elements() - begin);
    exchanges_.push_back({Exchange::Stage::kWaiting, values.slice(begin, n), next_tag(2), {}, {}});
  }
  go_on();
}

void Ranks::go_on() {
  std::erase_if(exchanges_, [&](Exchange& exchange) {
    if (!advance(exchange)) return false;
    spare_.push_back(std::move(exchange.others));
    return true;
  });
  size_t under_way = 0;
  for (Exchange& exchange : exchanges_) {
    if (++under_way > kAtOnce) break;
    if (exchange.stage == Exchange::Stage::kWaiting) begin_slices(exchange);
  }
}

void Ranks::finish_means() {
  if (device_ != nullptr) device_->finish_means();
  // The oldest exchange is the one that others wait for.
  while (!exchanges_.empty()) {
    const int tag = exchanges_.front().tag;
    wait([&] { return exchanges_.empty() || exchanges_.front().tag != tag; },
         [&] { return exchanges_.front().pending; });
  }
}

int64_t Ranks::slice_begin(int64_t n, int rank, int count) {
  return std::min(n, (n * rank / count + kLine - 1) / kLine * kLine);
}

void Ranks::begin_slices(Exchange& exchange) {
  exchange.stage = Exchange::Stage::kSlices;
  const int64_t begin = slice_begin(exchange, rank()), size = size_of(exchange.values.dtype);
  const int64_t bytes = (slice_begin(exchange, rank() + 1) - begin) * size;
  if (spare_.empty()) {
    exchange.others = Buffer((count() - 1) * (kPiece / count() + 2 * kLine) * size_of(DType::kF64));
  } else {
    exchange.others = std::move(spare_.back());
    spare_.pop_back();
  }
  auto* const values = static_cast<std::byte*>(exchange.values.data);
  auto* to = static_cast<std::byte*>(exchange.others.data());
  for (int peer = 0; peer < count(); ++peer) {
    if (peer == rank()) continue;
    exchange.pending.push_back({transport_->receive(peer, to, bytes, exchange.tag), peer});
    to += bytes;
  }
  for (int peer = 0; peer < count(); ++peer) {
    if (peer == rank()) continue;
    const int64_t first = slice_begin(exchange, peer), last = slice_begin(exchange, peer + 1);
    exchange.pending.push_back(
        {transport_->send(peer, values + first * size, (last - first) * size, exchange.tag), peer});
  }
}

void Ranks::sum_slice(const Exchange& exchange) const {
  const int64_t begin = slice_begin(exchange, rank()), n = slice_begin(exchange, rank() + 1) - begin;
  visit_real(exchange.values.dtype, [&]<typename T>(T) {
    T* const mine = exchange.values.as<T>() + begin;
    const T* const others = static_cast<const T*>(exchange.others.data());
    const double share = 1.0 / count();
    constexpr int64_t kBlock = 512;
    double sums[kBlock];
    for (int64_t at = 0; at < n; at += kBlock) {
      const int64_t m = std::min(kBlock, n - at);
      std::fill_n(sums, m, 0.0);
      for (int of = 0; of < count(); ++of) {
        const T* const from = of == rank() ? mine + at : others + (of < rank() ? of : of - 1) * n + at;
        for (int64_t i = 0; i < m; ++i) sums[i] += static_cast<double>(from[i]);
      }
      for (int64_t i = 0; i < m; ++i) mine[at + i] = static_cast<T>(sums[i] * share);
    }
  });
}

void Ranks::begin_sums(Exchange& exchange) {
  exchange.stage = Exchange::Stage::kSums;
  const int64_t size = size_of(exchange.values.dtype);
  auto* const values = static_cast<std::byte*>(exchange.values.data);
  const auto slice = [&](int of, auto&& begin) {
    const int64_t first = slice_begin(exchange, of), last = slice_begin(exchange, of + 1);
    return begin(values + first * size, (last - first) * size);
  };
  for (int peer = 0; peer < count(); ++peer) {
    if (peer == rank()) continue;
    exchange.pending.push_back({slice(peer,
                                      [&](std::byte* memory, int64_t bytes) {
                                        return transport_->receive(peer, memory, bytes, exchange.tag + 1);
                                      }),
                                peer});
    exchange.pending.push_back({slice(rank(),
                                      [&](std::byte* memory, int64_t bytes) {
                                        return transport_->send(peer, memory, bytes, exchange.tag + 1);
                                      }),
                                peer});
  }
}

// True: the means are there.
bool Ranks::advance(Exchange& exchange) {
  if (exchange.stage == Exchange::Stage::kWaiting || !are_done(exchange.pending)) return false;
  if (exchange.stage == Exchange::Stage::kSums) return true;
  sum_slice(exchange);
  begin_sums(exchange);
  return false;
}

void Ranks::gather(const void* mine, int64_t bytes, void* all) {
  auto* const to = static_cast<std::byte*>(all);
  std::memmove(to + rank() * bytes, mine, static_cast<size_t>(bytes));
  if (!are_several()) return;
  const int tag = next_tag(1);
  std::vector<Pending> pending;
  for (int peer = 0; peer < count(); ++peer)
    if (peer != rank()) pending.push_back({transport_->receive(peer, to + peer * bytes, bytes, tag), peer});
  for (int peer = 0; peer < count(); ++peer)
    if (peer != rank()) pending.push_back({transport_->send(peer, to + rank() * bytes, bytes, tag), peer});
  wait([&] { return are_done(pending); }, [&] { return pending; });
}

void Ranks::broadcast(void* memory, int64_t bytes) {
  if (!are_several()) return;
  auto* at = static_cast<std::byte*>(memory);
  for (int64_t left = bytes; left > 0;) {
    const int64_t n = std::min(left, kMostBytes);
    const int tag = next_tag(1);
    std::vector<Pending> pending;
    if (is_first()) {
      for (int peer = 1; peer < count(); ++peer)
        pending.push_back({transport_->send(peer, at, n, tag), peer});
    } else {
      pending.push_back({transport_->receive(0, at, n, tag), 0});
    }
    wait([&] { return are_done(pending); }, [&] { return pending; });
    at += n;
    left -= n;
  }
}

void Ranks::broadcast(std::string& text) {
  text.resize(static_cast<size_t>(of_first(static_cast<int64_t>(text.size()))));
  broadcast(text.data(), static_cast<int64_t>(text.size()));
}

void Ranks::meet() {
  if (device_ == nullptr) return;
  gather(char{});
  device_->check();
}

void Ranks::wait_for_all() {
  const double timeout = std::exchange(timeout_seconds_, 0);
  gather(char{});
  timeout_seconds_ = timeout;
}

}  // namespace inpaint
