// Writes checkpoints on a thread of its own while training goes on. A snapshot is host memory that the run
// copies its state into; at most two exist, made when first needed and used again: one being filled, one
// being written.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/device/buffer.h"
#include "train/checkpoint/checkpoint_store.h"

namespace inpaint {

struct CheckpointSnapshot {
  int64_t step = 0;
  Standing standing = Standing::kNewest;
  Metadata metadata;
  std::vector<NamedTensor> tensors;  // those of the layout, in its order; fill their data
  Arena memory;                      // what the tensors point into
};

// For one thread. Every call below first throws what the writing of an earlier snapshot threw (once).
class CheckpointWriter {
 public:
  // layout: names, shapes and types of every checkpoint's tensors. `store` must outlive this object.
  CheckpointWriter(CheckpointStore& store, std::vector<NamedTensor> layout);
  ~CheckpointWriter();  // waits for what has been submitted; call finish() to hear of failures
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  // The snapshot to fill, with the contents it had at some time before. Waits while both are being written.
  CheckpointSnapshot& next();

  void submit();  // hands the filled snapshot to the thread, and returns at once
  void finish();  // returns when everything submitted is on the disk

 private:
  void work();
  void rethrow();
  std::unique_ptr<CheckpointSnapshot> make_snapshot() const;

  CheckpointStore& store_;
  const std::vector<NamedTensor> layout_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<CheckpointSnapshot> filling_, waiting_, writing_;
  std::vector<std::unique_ptr<CheckpointSnapshot>> spare_;
  bool stopping_ = false;
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace inpaint
