// Batches of a set of pictures, prepared ahead by worker threads.
//
// A batch is micro_batches micro-batches of batch_size pictures, one behind the other. Every epoch has
// count / (micro_batches batch_size) of them; an incomplete last one is dropped, or, when it is asked for or
// no other is there, filled up with pictures from the epoch's beginning. Without shuffling they come in file
// order, with it in the epoch's shuffled_order. Any (epoch, batch) is a possible start, so a resumed
// run sees what an uninterrupted one would have seen; and what is done to a picture (augmentation.h) follows
// from the seed, the epoch and its number alone, so the workers' number and order do not show in the bytes.
//
// A picture that cannot be read gives its place to the next one of the set that can: the same one at
// every start.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/device/buffer.h"
#include "core/device/tensor.h"
#include "train/data/augmentation.h"
#include "train/data/picture_set.h"

namespace inpaint {

struct ReplacedPicture {
  int64_t image, by;    // indices into the set
  std::string problem;  // why it cannot be read, beginning with its path
};

struct LoadedBatch {
  int64_t epoch = 0;
  int64_t index = 0;                      // within the epoch
  Tensor pixels;                          // u8[N, S, S, C], N the shares of all micro-batches
  std::vector<int64_t> images;            // N indices into the set, of those that are there
  int64_t fresh = 0;                      // the first so many of the N; those behind only fill the batch up
  std::vector<ReplacedPicture> replaced;  // by the batch's pictures, in the order of `image`
};

// The batches of an epoch of so many pictures, at least 1, where the loader drops an incomplete last one.
// batch: pictures of a batch, of all its micro-batches.
int64_t batches_in_epoch(int64_t pictures, int64_t batch);

class BatchLoader {
 public:
  struct Options {
    int64_t batch_size = 64, micro_batches = 1;
    // A part of each micro-batch alone is loaded: `share` pictures from the place share_begin on; 0: all.
    int64_t share_begin = 0, share = 0;
    bool fill_last = false;  // an incomplete last batch is filled up; else dropped unless it is the only one
    bool shuffle = false;
    Augmentation augmentation = {};
    uint64_t seed = 0;
    int64_t first_epoch = 0;
    int64_t first_batch = 0;  // at most batches_per_epoch, which is the next epoch's first
    int workers = 1;
    Device device = Device::kCpu;  // that copies the batches from the host's memory
  };

  // The set has to outlive the loader.
  BatchLoader(const PictureSet& pictures, const Options& options);
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  int64_t batches_per_epoch() const { return batches_per_epoch_; }

  // The next batch, valid until the following call. Never ends: after an epoch's last batch comes the next
  // epoch's first. Throws, in the place of its batch, what went wrong with the first place in order that no
  // picture of the set could fill: UserError when none can be read any more. For one thread.
  const LoadedBatch& next();

  // Time that next() has spent waiting so far: 0 as long as loading keeps up.
  double waited_seconds() const { return waited_seconds_; }

 private:
  // Batch number k, counted from the start, lives in slot k % kSlots.
  struct Slot {
    LoadedBatch batch;
    int64_t number = -1;
    int64_t done = 0;  // pictures that are in place
  };
  static constexpr int64_t kSlots = 3;  // one in the caller's hands, two ahead

  void work();
  bool wait_for_work(std::unique_lock<std::mutex>& lock);
  void begin_batch(int64_t number);
  std::optional<ReplacedPicture> read(Slot& slot, int64_t place) const;
  std::string read_picture(int64_t image, int64_t epoch, uint8_t* to) const;
  bool is_loaded(int64_t number) const;
  void stop();

  const PictureSet& pictures_;
  const Options options_;
  const int64_t share_;   // pictures of a micro-batch that are loaded
  const int64_t loaded_;  // and of a batch
  const int64_t batches_per_epoch_;
  double waited_seconds_ = 0;

  Buffer buffer_;
  std::mutex mutex_;
  std::condition_variable
      changed_;  // all below is guarded by the mutex, but for the pixels of a claimed place
  Slot slots_[kSlots];
  std::vector<int64_t> order_;
  int64_t order_epoch_ = -1;
  int64_t claimed_ = 0;   // pictures that a worker has taken on
  int64_t busy_ = 0;      // workers at a picture
  int64_t taken_ = 0;     // batches handed out
  int64_t released_ = 0;  // batches whose slot may be filled again
  bool stopping_ = false;
  std::exception_ptr failure_;
  int64_t failed_ = 0;                // the picture it belongs to
  std::vector<std::thread> threads_;  // last: they use all of the above
};

}  // namespace inpaint
