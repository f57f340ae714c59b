// The ranks of a run: processes that train one model together, each on its share of every batch. A rank has
// a number from 0 on; rank 0 writes what the run leaves. One process alone is rank 0 of 1: every call below
// then returns at once and changes nothing.
//
// Every rank makes the same calls in the same order. Sums run over the ranks from 0 on, so the same ranks
// give the same bytes. A rank that does not come within the timeout ends the run: the call throws an Error
// that names it. For one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "core/device/buffer.h"
#include "core/device/tensor.h"
#include "core/ranks/device_ranks.h"
#include "core/ranks/transport.h"

namespace inpaint {

class Ranks {
 public:
  Ranks() = default;  // one process alone
  // Waits for all ranks, and notes on which machines they are.
  Ranks(std::unique_ptr<Transport> transport, double timeout_seconds);
  // The end of all ranks' work; while an exception goes by, the failure of this one (transport.h).
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int rank() const { return transport_ ? transport_->rank() : 0; }
  int count() const { return transport_ ? transport_->count() : 1; }
  bool is_first() const { return rank() == 0; }
  bool are_several() const { return count() > 1; }

  // How long a rank waits for another; 0: for ever.
  void set_timeout(double seconds) { timeout_seconds_ = seconds; }

  // The CPU threads for this rank where no number is asked for: the cores that it may use, shared with the
  // ranks of the same machine that may use them too. At least 1.
  int fair_threads() const { return fair_threads_; }

  // The place of this rank among those of its machine, and how many they are.
  int local_rank() const { return local_rank_; }
  int local_count() const { return local_count_; }
  const std::string& machine() const { return machine_; }  // its name

  // "rank 1 (node7, process 4711)"
  std::string name_of(int rank) const;

  // Who sums what lies in the memory of the ranks' GPUs; null: nobody any more.
  void use(DeviceRanks* device) { device_ = device; }
  DeviceRanks* device() const { return device_; }

  // Replaces f32 or f64 values, of the same number on all ranks, by their means over the ranks: summed in
  // double in the order of the ranks, times 1 / count, rounded. All ranks get the same bytes. Values in a
  // GPU's memory are those that its context has made; their means are enqueued there (device_ranks.h).
  void mean(const Tensor& values);

  // The same in parts: begin_mean returns at once, go_on moves along what has begun and never waits, and
  // finish_means waits for all. The values must not be touched before. beside: a branch of the GPU that has
  // made values too, or null.
  void begin_mean(const Tensor& values, Branch* beside = nullptr);
  void go_on();
  void finish_means();

  // `bytes` of each rank, in the order of the ranks, into all[count() * bytes].
  void gather(const void* mine, int64_t bytes, void* all);
  template <typename T>
  std::vector<T> gather(const T& mine) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::vector<T> all(static_cast<size_t>(count()), mine);
    gather(&mine, sizeof(T), all.data());
    return all;
  }

  // Bytes of rank 0, into the memory of the others.
  void broadcast(void* memory, int64_t bytes);
  void broadcast(std::string& text);
  template <typename T>
  T of_first(T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    broadcast(&value, sizeof(T));
    return value;
  }

  // Where ranks use GPUs, before one waits for its own: returns when all have enqueued as much as this one. A
  // GPU waits for the others' for ever; here the one that does not come is named. On CPUs it returns at once.
  void meet();

  // Returns when all ranks have come here, however long that takes: for work that one does alone.
  void wait_for_all();

  // Where the slice of n values begins that a rank sums; that of the last ends at n. Some may be empty.
  static int64_t slice_begin(int64_t n, int rank, int count);

 private:
  using Clock = std::chrono::steady_clock;
  struct Pending {
    Transport::Request request;
    int peer;
  };
  // A piece of values whose mean is being made: each rank sums one slice of it.
  struct Exchange {
    enum class Stage { kWaiting, kSlices, kSums } stage;
    Tensor values;
    int tag;        // of the slices; the sums have the next one
    Buffer others;  // my slice, as the other ranks have it
    std::vector<Pending> pending;
  };
  // A rank's machine and the cores it may use.
  struct Place;

  int next_tag(int tags);
  int64_t slice_begin(const Exchange& exchange, int rank) const {
    return slice_begin(exchange.values.elements(), rank, count());
  }
  void begin_slices(Exchange& exchange);
  void sum_slice(const Exchange& exchange) const;
  void begin_sums(Exchange& exchange);
  bool advance(Exchange& exchange);
  bool are_done(std::vector<Pending>& pending);
  template <typename Done, typename What>
  void wait(Done&& is_done, What&& pending);
  [[noreturn]] void give_up(const std::vector<Pending>& pending) const;
  void exchange_places();

  std::unique_ptr<Transport> transport_;
  double timeout_seconds_ = 0;
  int exceptions_ = 0;  // under way when this object was made
  int tag_ = 0;
  std::vector<std::string> names_;
  std::string machine_;
  int fair_threads_ = 0, local_rank_ = 0, local_count_ = 1;
  DeviceRanks* device_ = nullptr;
  std::deque<Exchange> exchanges_;
  std::vector<Buffer> spare_;
};

}  // namespace inpaint
