#include "kernels/ranks/gpu_ranks.h"

#include <algorithm>
#include <vector>

#include "kernels/ranks/over_ranks_cuda.h"

namespace inpaint {

namespace {

constexpr int64_t kPiece = 1 << 20;  // elements of values that are exchanged at once

// Values of all other ranks that a slice of kPiece, or a batch norm, has room for.
int64_t room_of(int count) {
  return std::max((count - 1) * (kPiece / count + 32), (count - 1) * DeviceRanks::kMostSums);
}

// Where among the others' values those of a peer lie.
int64_t place_of(int peer, int rank) { return peer < rank ? peer : peer - 1; }

DeviceLink::Part part(int peer, const Tensor& values) {
  return {peer, values.data, values.elements(), values.dtype};
}

}  // namespace

GpuRanks::GpuRanks(const Context& ctx, Ranks& ranks, std::unique_ptr<DeviceLink> link)
    : ranks_(ranks),
      link_(std::move(link)),
      branch_(ctx, Urgency::kNormal),
      others_(room_of(ranks.count()) * size_of(DType::kF64), ctx.device()),
      sums_(kMostSums * size_of(DType::kF64), ctx.device()) {
  ranks.use(this);
}

GpuRanks::~GpuRanks() { ranks_.use(nullptr); }

Tensor GpuRanks::room(int64_t n, DType dtype) const { return others_.tensor({n}, dtype); }

Tensor GpuRanks::room_for_sums(int64_t n) {
  INPAINT_CHECK(n <= kMostSums, "{} sums, at most {}", n, kMostSums);
  return sums_.tensor({n}, DType::kF64);
}

void GpuRanks::begin_mean(const Tensor& values, Branch* beside) {
  if (values.elements() == 0) return;
  const Context& there = branch_.fork();
  if (beside != nullptr) branch_.wait_for(*beside);
  for (int64_t begin = 0; begin < values.elements(); begin += kPiece)
    mean_of_piece(there, values.slice(begin, std::min(kPiece, values.elements() - begin)));
}

void GpuRanks::finish_means() { branch_.join(); }

void GpuRanks::mean_of_piece(const Context& there, const Tensor& values) {
  const int count = ranks_.count(), rank = ranks_.rank();
  const auto slice = [&](int of) {
    const int64_t begin = Ranks::slice_begin(values.elements(), of, count);
    return values.slice(begin, Ranks::slice_begin(values.elements(), of + 1, count) - begin);
  };
  const Tensor mine = slice(rank), others = room((count - 1) * mine.elements(), values.dtype);
  std::vector<DeviceLink::Part> slices, of_mine, sums, to_all;
  for (int peer = 0; peer < count; ++peer) {
    if (peer == rank) continue;
    if (const Tensor theirs = slice(peer); theirs.elements() > 0) {
      slices.push_back(part(peer, theirs));
      sums.push_back(part(peer, theirs));
    }
    if (mine.elements() == 0) continue;
    of_mine.push_back(part(peer, others.slice(place_of(peer, rank) * mine.elements(), mine.elements())));
    to_all.push_back(part(peer, mine));
  }
  link_->exchange(slices, of_mine, there.stream());
  cuda::sum_over_ranks(there, others, rank, 1.0 / count, mine);
  link_->exchange(to_all, sums, there.stream());
}

void GpuRanks::sum(const Tensor& values) {
  const int count = ranks_.count(), rank = ranks_.rank();
  const int64_t n = values.elements();
  const Tensor others = room((count - 1) * n, values.dtype);
  std::vector<DeviceLink::Part> go, come;
  for (int peer = 0; peer < count; ++peer) {
    if (peer == rank) continue;
    go.push_back(part(peer, values));
    come.push_back(part(peer, others.slice(place_of(peer, rank) * n, n)));
  }
  const Context& there = branch_.fork();
  link_->exchange(go, come, there.stream());
  cuda::sum_over_ranks(there, others, rank, 1, values);
  branch_.join();
}

void GpuRanks::merge_statistics(const Tensor& mean, const Tensor& variance) {
  const int count = ranks_.count(), rank = ranks_.rank();
  const int64_t channels = mean.elements();
  const Tensor others = room((count - 1) * 2 * channels, mean.dtype);
  std::vector<DeviceLink::Part> go, come;
  for (int peer = 0; peer < count; ++peer) {
    if (peer == rank) continue;
    const int64_t place = place_of(peer, rank);
    go.insert(go.end(), {part(peer, mean), part(peer, variance)});
    come.insert(come.end(), {part(peer, others.slice(2 * place * channels, channels)),
                             part(peer, others.slice((2 * place + 1) * channels, channels))});
  }
  const Context& there = branch_.fork();
  link_->exchange(go, come, there.stream());
  cuda::merge_over_ranks(there, others, rank, mean, variance);
  branch_.join();
}

}  // namespace inpaint
