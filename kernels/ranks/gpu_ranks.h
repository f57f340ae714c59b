// The sums of ranks on GPUs. Each rank has a slice of every array: it gets that slice of the other ranks,
// sums it in the order of the ranks, in double, and sends the sums to all. So the same ranks give the same
// bytes, whatever library carries them (core/ranks/nccl_link.h), and all ranks have the same.
#pragma once

#include <memory>

#include "core/ranks/device_link.h"
#include "core/ranks/ranks.h"

namespace inpaint {

// While this object lives, `ranks` sums in the memory of the GPU of `ctx` too. It is to go behind whatever
// has recorded its calls (a CUDA graph holds them), and before ctx and ranks.
class GpuRanks final : public DeviceRanks {
 public:
  // The link's other ends are those of the other ranks.
  GpuRanks(const Context& ctx, Ranks& ranks, std::unique_ptr<DeviceLink> link);
  ~GpuRanks() override;

  void begin_mean(const Tensor& values, Branch* beside) override;
  void finish_means() override;
  void merge_statistics(const Tensor& mean, const Tensor& variance) override;
  void sum(const Tensor& values) override;
  Tensor room_for_sums(int64_t n) override;
  std::string name() const override { return link_->name(); }
  void check() override { link_->check(); }
  void abandon() override { link_->abandon(); }

 private:
  Tensor room(int64_t n, DType dtype) const;  // for what comes of others
  void mean_of_piece(const Context& there, const Tensor& values);

  Ranks& ranks_;
  std::unique_ptr<DeviceLink> link_;
  Branch branch_;  // all exchanges, one behind the other
  Buffer others_, sums_;
};

}  // namespace inpaint
