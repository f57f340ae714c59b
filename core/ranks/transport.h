// What carries bytes between the ranks of a run. Everything else (sums, deadlines, messages) stands on it:
// ranks.h.
#pragma once

#include <cstdint>
#include <string>

namespace inpaint {

class Transport {
 public:
  Transport() = default;
  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  virtual int rank() const = 0;
  virtual int count() const = 0;
  virtual std::string name() const = 0;  // "Open MPI 4.1.4"

  // Begins to send to, or to receive from, another rank; the memory stays as it is until is_done(). A message
  // reaches the receive of its sender and its tag; `tag` is below kTags, and at most 1 GiB go at once.
  using Request = int;
  static constexpr int kTags = 32768;
  virtual Request send(int to, const void* memory, int64_t bytes, int tag) = 0;
  virtual Request receive(int from, void* memory, int64_t bytes, int tag) = 0;

  // Whether it has happened; never waits. After true the request is of no more use.
  virtual bool is_done(Request request) = 0;

  // All ranks have come to the end and call this; it may wait for the others.
  virtual void finish() = 0;
  // This rank has failed: when its process ends, those of all ranks end.
  virtual void fail() = 0;
};

}  // namespace inpaint
