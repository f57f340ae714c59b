// Batches of a data set, prepared ahead on a thread of their own.
//
// Every epoch has count / batch_size batches; an incomplete last one is dropped. Without shuffling they come
// in file order, with it in the epoch's shuffled_order. Any (epoch, batch) is a possible start, so a resumed
// run sees what an uninterrupted one would have seen.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "core/buffer.h"
#include "core/tensor.h"
#include "train/bin_dataset.h"

namespace inpaint {

struct LoadedBatch {
  int64_t epoch = 0;
  int64_t index = 0;            // within the epoch
  Tensor pixels;                // u8[N, S, S, C], bytes as in the file
  std::vector<int64_t> images;  // N indices into the data set
};

class BatchLoader {
 public:
  struct Options {
    int64_t batch_size = 64;
    bool shuffle = false;
    uint64_t seed = 0;
    int64_t first_epoch = 0;
    int64_t first_batch = 0;  // at most batches_per_epoch, which is the next epoch's first
  };

  // UserError when the data set has fewer images than a batch. The data set has to outlive the loader.
  BatchLoader(const BinDataset& dataset, const Options& options);
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  int64_t batches_per_epoch() const { return batches_per_epoch_; }

  // The next batch, valid until the following call. Never ends: after an epoch's last batch comes the next
  // epoch's first. Rethrows what went wrong while reading. For one thread.
  const LoadedBatch& next();

  // Time that next() has spent waiting so far: 0 as long as loading keeps up.
  double waited_seconds() const { return waited_seconds_; }

 private:
  void load();
  void fill(LoadedBatch& batch, int64_t epoch, int64_t index);

  static constexpr int64_t kSlots = 3;  // one in the caller's hands, two ahead

  const BinDataset& dataset_;
  const Options options_;
  const int64_t batches_per_epoch_;
  double waited_seconds_ = 0;

  // The loading thread's own.
  std::vector<int64_t> order_;
  int64_t order_epoch_ = -1;

  // Batch number k (counted from the start) lives in slot k % kSlots.
  Buffer buffer_;
  LoadedBatch slots_[kSlots];
  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t loaded_ = 0;    // batches made
  int64_t taken_ = 0;     // batches handed out
  int64_t released_ = 0;  // batches whose slot may be filled again
  bool stopping_ = false;
  std::exception_ptr failure_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace inpaint
