#include "train/data/shuffle.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>

using namespace inpaint;

TEST_CASE("shuffle: an order is a permutation, the same for the same seed and epoch only") {
  const auto order = shuffled_order(5, 2, 1000);
  std::vector<int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (int64_t i = 0; i < 1000; ++i) REQUIRE(sorted[static_cast<size_t>(i)] == i);
  CHECK(order == shuffled_order(5, 2, 1000));
  CHECK(order != sorted);
  CHECK(order != shuffled_order(5, 3, 1000));
  CHECK(order != shuffled_order(6, 2, 1000));

  std::vector<int64_t> reused(1000, -7);
  shuffled_order(5, 2, reused);
  CHECK(reused == order);
}

TEST_CASE("shuffle: every order of four is equally likely") {
  constexpr int kDraws = 24000;
  std::map<std::vector<int64_t>, int> counts;
  for (int64_t epoch = 0; epoch < kDraws; ++epoch) ++counts[shuffled_order(1, epoch, 4)];
  REQUIRE(counts.size() == 24);
  double chi_square = 0;
  for (const auto& [order, count] : counts) chi_square += (count - 1000.0) * (count - 1000.0) / 1000.0;
  CHECK(chi_square < 49.7);  // 23 degrees of freedom: exceeded by chance once in 1,000
}

TEST_CASE("shuffle: nothing and one item") {
  CHECK(shuffled_order(1, 0, 0).empty());
  CHECK(shuffled_order(1, 0, 1) == std::vector<int64_t>{0});
}
