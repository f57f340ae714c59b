// Several ranks in one process: each is a thread, and messages are copied from one to the other.
#pragma once

#include <algorithm>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <tuple>
#include <vector>

#include "core/ranks/ranks.h"

namespace inpaint {

class ThreadTransport final : public Transport {
 public:
  // What the ranks of one run share.
  struct Mail {
    std::mutex mutex;
    std::map<std::tuple<int, int, int>, std::vector<std::byte>> letters;  // by sender, receiver and tag
    int failed = 0, finished = 0;
  };

  ThreadTransport(Mail& mail, int rank, int count) : mail_(mail), rank_(rank), count_(count) {}

  int rank() const override { return rank_; }
  int count() const override { return count_; }
  std::string name() const override { return "threads"; }

  // A letter is on its way at once; one of this sender, receiver and tag must have been received before.
  Request send(int to, const void* memory, int64_t bytes, int tag) override {
    const auto* begin = static_cast<const std::byte*>(memory);
    const std::lock_guard lock(mail_.mutex);
    if (!mail_.letters.emplace(std::tuple(rank_, to, tag), std::vector(begin, begin + bytes)).second)
      throw Error("two letters with one tag");
    return 0;
  }
  Request receive(int from, void* memory, int64_t bytes, int tag) override {
    awaited_.push_back({from, memory, bytes, tag});
    return static_cast<Request>(awaited_.size());
  }
  bool is_done(Request request) override {
    if (request == 0) return true;
    const Awaited& a = awaited_[static_cast<size_t>(request) - 1];
    const std::lock_guard lock(mail_.mutex);
    const auto letter = mail_.letters.find(std::tuple(a.from, rank_, a.tag));
    if (letter == mail_.letters.end()) return false;
    if (std::ssize(letter->second) != a.bytes) throw Error("a letter of another size");
    std::copy(letter->second.begin(), letter->second.end(), static_cast<std::byte*>(a.memory));
    mail_.letters.erase(letter);
    return true;
  }
  void finish() override { count_in(mail_.finished); }
  void fail() override { count_in(mail_.failed); }

 private:
  struct Awaited {
    int from;
    void* memory;
    int64_t bytes;
    int tag;
  };

  void count_in(int& number) {
    const std::lock_guard lock(mail_.mutex);
    ++number;
  }

  Mail& mail_;
  int rank_, count_;
  std::vector<Awaited> awaited_;
};

// What became of the ranks: the error that ended one, by rank.
struct RanksEnding {
  std::vector<std::string> errors;
  int failed = 0, finished = 0;
};

// Calls body(ranks) as each of `count` ranks at the same time.
inline RanksEnding run_ranks(int count, const std::function<void(Ranks&)>& body,
                             double timeout_seconds = 60) {
  ThreadTransport::Mail mail;
  RanksEnding ending{std::vector<std::string>(static_cast<size_t>(count))};
  std::vector<std::thread> threads;
  for (int rank = 0; rank < count; ++rank)
    threads.emplace_back([&, rank] {
      try {
        Ranks ranks(std::make_unique<ThreadTransport>(mail, rank, count), timeout_seconds);
        body(ranks);
      } catch (const std::exception& error) {
        ending.errors[static_cast<size_t>(rank)] = error.what();
      }
    });
  for (std::thread& thread : threads) thread.join();
  ending.failed = mail.failed;
  ending.finished = mail.finished;
  return ending;
}

}  // namespace inpaint
