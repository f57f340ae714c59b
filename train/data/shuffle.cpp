#include "train/data/shuffle.h"

#include <numeric>
#include <utility>

#include "core/base/error.h"

namespace inpaint {

void shuffle(std::span<int64_t> items, const Philox& random, uint32_t round) {
  INPAINT_CHECK(items.size() <= (uint64_t{1} << 32), "{} items", items.size());
  for (size_t i = items.size(); i-- > 1;)
    std::swap(items[i], items[random.below(static_cast<uint32_t>(i + 1), i, round)]);
}

void shuffled_order(uint64_t seed, int64_t epoch, std::span<int64_t> order) {
  std::iota(order.begin(), order.end(), int64_t{0});
  shuffle(order, Philox(seed, RandomStream::kShuffle), static_cast<uint32_t>(epoch));
}

std::vector<int64_t> shuffled_order(uint64_t seed, int64_t epoch, int64_t count) {
  std::vector<int64_t> order(static_cast<size_t>(count));
  shuffled_order(seed, epoch, order);
  return order;
}

}  // namespace inpaint
