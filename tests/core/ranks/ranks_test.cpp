#include "core/ranks/ranks.h"

#include <doctest/doctest.h>
#include <sched.h>

#include <cmath>
#include <cstdlib>

#include "core/base/philox.h"
#include "core/ranks/launch.h"
#include "tests/harness/thread_ranks.h"

using namespace inpaint;

namespace {

// Value `i` of a rank: numbers of many sizes, whose sum depends on its order.
double value_of(int rank, int64_t i) {
  const auto bits = Philox(5, RandomStream::kProceduralPictures)
                        .bits(static_cast<uint64_t>(i), static_cast<uint32_t>(rank));
  return (static_cast<double>(bits[0]) / 4e9 - 0.5) * std::exp2(static_cast<double>(bits[1] % 20));
}

template <typename T>
std::vector<T> values_of(int rank, int64_t n) {
  std::vector<T> values(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) values[static_cast<size_t>(i)] = static_cast<T>(value_of(rank, i));
  return values;
}

template <typename T>
std::vector<T> means_in_order(int count, int64_t n) {
  std::vector<T> means;
  std::vector<std::vector<T>> all;
  for (int rank = 0; rank < count; ++rank) all.push_back(values_of<T>(rank, n));
  for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
    double sum = 0;
    for (const std::vector<T>& one : all) sum += static_cast<double>(one[i]);
    means.push_back(static_cast<T>(sum * (1.0 / count)));
  }
  return means;
}

template <typename T>
Tensor tensor_of(std::vector<T>& values) {
  return {{std::ssize(values)}, kDTypeOf<T>, Device::kCpu, values.data()};
}

void check_no_errors(const RanksEnding& ending) {
  for (const std::string& error : ending.errors) CHECK(error == "");
  CHECK(ending.finished == std::ssize(ending.errors));
  CHECK(ending.failed == 0);
}

// Sets variables of the environment, and unsets them again.
class Variables {
 public:
  explicit Variables(std::vector<std::pair<const char*, const char*>> list) : list_(std::move(list)) {
    for (const auto& [name, value] : list_) setenv(name, value, 1);
  }
  ~Variables() {
    for (const auto& [name, value] : list_) unsetenv(name);
  }
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;

 private:
  std::vector<std::pair<const char*, const char*>> list_;
};

}  // namespace

TEST_CASE_TEMPLATE("ranks: means are sums in the order of the ranks, the same bytes on all", T, float,
                   double) {
  // Around a line of 16 values, and a piece of 2^20.
  for (const int count : {2, 3, 4})
    for (const int64_t n : {0, 1, 15, 17, 100, 4097, (1 << 20) + 3}) {
      const std::vector<T> wanted = means_in_order<T>(count, n);
      check_no_errors(run_ranks(count, [&](Ranks& ranks) {
        std::vector<T> values = values_of<T>(ranks.rank(), n);
        ranks.mean(tensor_of(values));
        CHECK_MESSAGE(values == wanted, count, " ranks, ", n, " values");
      }));
    }
}

TEST_CASE("ranks: means that are under way let other exchanges by") {
  constexpr int kCount = 3;
  constexpr int64_t kValues = 5 * (1 << 20);  // more pieces than go at once
  const std::vector<float> wanted = means_in_order<float>(kCount, kValues),
                           few = means_in_order<float>(kCount, 40);
  check_no_errors(run_ranks(kCount, [&](Ranks& ranks) {
    std::vector<float> many = values_of<float>(ranks.rank(), kValues),
                       others = values_of<float>(ranks.rank(), 40);
    ranks.begin_mean(tensor_of(many));
    CHECK(ranks.gather(10 * ranks.rank()) == std::vector{0, 10, 20});
    for (int i = 0; i <= ranks.rank(); ++i) ranks.go_on();  // the ranks move along at paces of their own
    ranks.begin_mean(tensor_of(others));
    CHECK(ranks.of_first(ranks.rank() + 7) == 7);
    ranks.finish_means();
    CHECK(many == wanted);
    CHECK(others == few);
  }));
}

TEST_CASE("ranks: gather and broadcast") {
  check_no_errors(run_ranks(4, [](Ranks& ranks) {
    CHECK(ranks.count() == 4);
    CHECK(ranks.is_first() == (ranks.rank() == 0));
    CHECK(ranks.gather(100 + ranks.rank()) == std::vector{100, 101, 102, 103});
    std::string text = ranks.is_first() ? "the newest checkpoint" : "";
    ranks.broadcast(text);
    CHECK(text == "the newest checkpoint");
    ranks.wait_for_all();
  }));
}

TEST_CASE("ranks: the tags of messages come round") {
  check_no_errors(run_ranks(2, [](Ranks& ranks) {
    bool all_right = true;
    for (int i = 0; i < Transport::kTags + 10; ++i)
      all_right = all_right && ranks.gather(2 * i + ranks.rank()) == std::vector{2 * i, 2 * i + 1};
    CHECK(all_right);
  }));
}

TEST_CASE("ranks: one process alone waits for nobody") {
  Ranks alone;
  std::vector<float> values = {1, 2, 3};
  alone.mean(tensor_of(values));
  CHECK(values == std::vector<float>{1, 2, 3});
  CHECK(alone.gather(5) == std::vector{5});
  CHECK(alone.of_first(6) == 6);
  alone.wait_for_all();
  CHECK(alone.count() == 1);
  CHECK_FALSE(alone.are_several());
}

TEST_CASE("ranks: the one that does not come is named after the timeout") {
  const RanksEnding ending = run_ranks(
      3,
      [](Ranks& ranks) {
        if (ranks.rank() == 1) std::this_thread::sleep_for(std::chrono::seconds(1));
        std::vector<double> values(100);
        ranks.mean(tensor_of(values));
      },
      0.2);
  for (const size_t rank : {0, 2}) {
    const std::string& error = ending.errors[rank];
    INFO(error);
    CHECK(error.starts_with("rank 1 ("));
    CHECK(error.find("has not answered for 0.2 s") != std::string::npos);
    CHECK(error.find("rank 0") == std::string::npos);
    CHECK(error.find("rank 2") == std::string::npos);
  }
  CHECK(ending.failed >= 2);
}

TEST_CASE("ranks: a wait for work that one does alone has no timeout") {
  check_no_errors(run_ranks(
      2,
      [](Ranks& ranks) {
        if (ranks.is_first()) std::this_thread::sleep_for(std::chrono::milliseconds(500));
        ranks.wait_for_all();
      },
      0.1));
}

TEST_CASE("ranks: an error that ends a rank is the failure of all") {
  const RanksEnding ending = run_ranks(2, [](Ranks& ranks) {
    if (ranks.rank() == 1) throw Error("no such file");
  });
  CHECK(ending.errors[1] == "no such file");
  CHECK(ending.failed == 1);
  CHECK(ending.finished == 1);
}

TEST_CASE("ranks: those of one machine share its cores") {
  cpu_set_t cores;
  REQUIRE(sched_getaffinity(0, sizeof(cores), &cores) == 0);
  check_no_errors(run_ranks(2, [&](Ranks& ranks) {
    CHECK(ranks.fair_threads() >= 1);
    CHECK(ranks.fair_threads() <= std::max(1, CPU_COUNT(&cores) / 2));
  }));
}

TEST_CASE("ranks: what launchers say in the environment") {
  CHECK(launch_of_environment().count == 1);
  CHECK(rank_prefix() == "");
  {
    const Variables open_mpi({{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "3"}});
    const Launch launch = launch_of_environment();
    CHECK(launch.count == 4);
    CHECK(launch.rank == 3);
    CHECK(launch.by_mpi);
    CHECK(rank_prefix() == "rank 3: ");
  }
  {
    const Variables mpich({{"PMI_SIZE", "2"}, {"PMI_RANK", "0"}});
    CHECK(launch_of_environment().variable == "PMI_SIZE");
  }
  {
    const Variables slurm({{"SLURM_STEP_NUM_TASKS", "8"}, {"SLURM_PROCID", "5"}});
    CHECK(launch_of_environment().rank == 5);
  }
  {  // the script of sbatch is no rank
    const Variables batch({{"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "0"}});
    CHECK(launch_of_environment().count == 1);
  }
  {
    const Variables torchrun({{"WORLD_SIZE", "2"}, {"RANK", "1"}});
    CHECK(launch_of_environment().count == 2);
    CHECK_FALSE(launch_of_environment().by_mpi);
  }
  for (const char* size : {"", "two", "0", "-1", "2x"}) {
    const Variables strange({{"PMI_SIZE", size}, {"PMI_RANK", "0"}});
    CHECK(launch_of_environment().count == 1);
  }
}
