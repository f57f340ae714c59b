// Several ranks under the launcher of the MPI library that the program is built with: they come to the same
// as one process, and what happens to one of them ends all.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <regex>
#include <sstream>
#include <thread>

#include "tests/harness/nightly.h"
#include "tests/reliability/tiny_run.h"
#include "train/checkpoint/checkpoint_store.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;

// Open MPI asks for these where root starts it, or more ranks than cores; MPICH for nothing.
void allow_root() {
  setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
  setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
  setenv("OMPI_MCA_rmaps_base_oversubscribe", "1", 1);
}

std::vector<std::string> under_launcher(int count, const std::vector<std::string>& flags) {
  std::vector<std::string> arguments = {"-np", std::to_string(count), INPAINT_TRAIN};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  return arguments;
}

Ending train_ranks(const fs::path& folder, int count, const std::vector<std::string>& flags) {
  const TemporaryFolder streams;
  return Program(INPAINT_MPIRUN, under_launcher(count, flags), folder, streams.path(), allow_root).wait();
}

// Batches of 8 of 11 pictures: one step an epoch.
std::vector<std::string> rank_flags(int steps, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"--batch_size=8", "--shuffle", "--flip", "--epoch=1000000"});
  return tiny_flags(steps, more);
}

std::vector<nlohmann::json> log_of(const fs::path& folder) {
  std::ifstream file(folder / "logs/tiny64/gpu0/train_log.jsonl");
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

// The values of a checkpoint of fp64, by tensor.
std::map<std::string, std::vector<double>> values_of(const fs::path& path) {
  const SafetensorsFile file = open_checkpoint(path);
  std::map<std::string, std::vector<double>> values;
  for (const SafetensorsEntry& tensor : file.tensors()) {
    std::vector<double>& list = values[tensor.name];
    list.resize(static_cast<size_t>(tensor.bytes()) / sizeof(double));
    file.read(tensor, std::as_writable_bytes(std::span(list)));
  }
  return values;
}

// Processes of the program in this folder, by their rank.
std::map<int, pid_t> ranks_in(const fs::path& folder) {
  std::map<int, pid_t> ranks;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (!std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) continue;
    std::error_code error;
    if (fs::read_symlink(entry.path() / "cwd", error) != folder || error) continue;
    if (fs::read_symlink(entry.path() / "exe", error) != fs::path(INPAINT_TRAIN) || error) continue;
    std::ifstream file(entry.path() / "environ", std::ios::binary);
    for (std::string variable; std::getline(file, variable, '\0');)
      for (const std::string name_of_rank : {"OMPI_COMM_WORLD_RANK=", "PMI_RANK="})
        if (variable.starts_with(name_of_rank))
          ranks[std::stoi(variable.substr(name_of_rank.size()))] = std::stoi(name);
  }
  return ranks;
}

// A run of two ranks that goes on for long, until something ends it; it has saved a step of its own.
class LongRun {
 public:
  explicit LongRun(const fs::path& folder, const std::vector<std::string>& more = {})
      : folder_(fs::canonical(folder)),
        begun_at_(std::max<int64_t>(0, acknowledged_step(folder_))),
        program_(INPAINT_MPIRUN, under_launcher(2, rank_flags(100'000, more)), folder, streams_.path(),
                 allow_root) {
    for (int tries = 0; newest_step() <= begun_at_ && tries < 6000 && !program_.ended(); ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ~LongRun() {
    for (const auto& [rank, process] : ranks_in(folder_)) ::kill(process, SIGKILL);
  }

  int64_t newest_step() const { return acknowledged_step(folder_); }
  Program& launcher() { return program_; }
  void send(int rank, int signal) { ::kill(ranks_in(folder_).at(rank), signal); }

  struct End {
    Ending ending;
    double seconds;
    size_t orphans;
  };
  End wait() {
    const auto started = Clock::now();
    Ending ending = program_.wait();
    const std::chrono::duration<double> seconds = Clock::now() - started;
    // A process that was killed may take a moment to be gone.
    for (int tries = 0; !ranks_in(folder_).empty() && tries < 100; ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return {std::move(ending), seconds.count(), ranks_in(folder_).size()};
  }

 private:
  fs::path folder_;
  int64_t begun_at_;
  TemporaryFolder streams_;
  Program program_;
};

void copy_run(const fs::path& from, const fs::path& to) {
  fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
}

}  // namespace

TEST_CASE("ranks: two and four come to what one process comes to, and always to the same bytes") {
  constexpr int kSteps = 10;
  const std::vector<std::string> flags = rank_flags(kSteps, {"--precision=fp64", "--sync_batch_norm"});
  const TemporaryFolder begin, one;
  for (const TemporaryFolder* folder : {&begin, &one}) {
    put_tiny_data(folder->path());
    const int steps = folder == &begin ? 0 : kSteps;
    REQUIRE(train_tiny(folder->path(), rank_flags(steps, {"--precision=fp64"})).exit_code == 0);
  }
  const auto origin = values_of(tiny_checkpoint(begin.path(), 0)),
             wanted = values_of(tiny_checkpoint(one.path(), kSteps));
  const auto wanted_log = log_of(one.path());
  for (const int count : {2, 4}) {
    CAPTURE(count);
    const TemporaryFolder several, again;
    for (const TemporaryFolder* folder : {&several, &again}) {
      if (folder == &again && count > 2) continue;
      put_tiny_data(folder->path());
      const Ending ending = train_ranks(folder->path(), count, flags);
      INFO(ending.err);
      REQUIRE(ending.exit_code == 0);
    }
    const auto values = values_of(tiny_checkpoint(several.path(), kSteps));
    REQUIRE(values.size() == wanted.size());
    for (const auto& [name, list] : wanted) {
      double difference = 0, way = 0;
      for (size_t i = 0; i < list.size(); ++i) {
        difference += std::pow(values.at(name)[i] - list[i], 2);
        way += std::pow(list[i] - origin.at(name)[i], 2);
      }
      CHECK_MESSAGE(std::sqrt(difference) <= 1e-9 * std::sqrt(way), name);
    }
    const auto log = log_of(several.path());
    REQUIRE(log.size() == wanted_log.size());
    for (size_t i = 0; i < log.size(); ++i)
      for (const char* loss :
           {"rec_loss", "adv_gene_loss", "tv_loss", "adv_disc_loss", "disc_acc", "gene_decay_loss"})
        CHECK(log[i][loss].get<double>() == doctest::Approx(wanted_log[i][loss].get<double>()).epsilon(1e-9));
    if (count == 2)
      CHECK(file_contents(tiny_checkpoint(several.path(), kSteps)) ==
            file_contents(tiny_checkpoint(again.path(), kSteps)));
  }
}

TEST_CASE("ranks: with micro-batches two come to what one process comes to, and log the same holes") {
  const std::vector<std::string> flags = rank_flags(
      5, {"--precision=fp64", "--sync_batch_norm", "--accumulate=2", "--log_offsets", "--batch_size=4"});
  const TemporaryFolder one, two;
  for (const TemporaryFolder* folder : {&one, &two}) put_tiny_data(folder->path());
  REQUIRE(train_tiny(one.path(), flags).exit_code == 0);
  const Ending ending = train_ranks(two.path(), 2, flags);
  INFO(ending.err);
  REQUIRE(ending.exit_code == 0);
  const auto wanted = log_of(one.path()), log = log_of(two.path());
  REQUIRE(log.size() == 5);
  REQUIRE(wanted.size() == 5);
  for (size_t i = 0; i < log.size(); ++i) {
    CHECK(log[i]["offsets"].size() == 8);
    CHECK(log[i]["offsets"] == wanted[i]["offsets"]);
    CHECK(log[i]["rec_loss"].get<double>() ==
          doctest::Approx(wanted[i]["rec_loss"].get<double>()).epsilon(1e-9));
  }
}

TEST_CASE("ranks: a run that stops goes on to the same bytes, and with another number of ranks") {
  constexpr int kSteps = 6;
  const TemporaryFolder whole, parts, others;
  put_tiny_data(whole.path());
  put_tiny_data(parts.path());
  REQUIRE(train_ranks(whole.path(), 2, rank_flags(kSteps)).exit_code == 0);
  REQUIRE(train_ranks(parts.path(), 2, rank_flags(kSteps / 2)).exit_code == 0);
  copy_run(parts.path(), others.path());
  REQUIRE(train_ranks(parts.path(), 2, rank_flags(kSteps)).exit_code == 0);
  CHECK(file_contents(tiny_checkpoint(parts.path(), kSteps)) ==
        file_contents(tiny_checkpoint(whole.path(), kSteps)));
  REQUIRE(train_ranks(others.path(), 4, rank_flags(kSteps)).exit_code == 0);
  REQUIRE(train_tiny(others.path(), rank_flags(2 * kSteps)).exit_code == 0);
  CHECK(log_of(others.path()).size() == 2 * kSteps);
  for (int i = 0; i < kSteps / 2 + 1; ++i)  // the first step behind the checkpoint has its very weights
    CHECK(log_of(others.path())[i]["rec_loss"].get<double>() ==
          doctest::Approx(log_of(whole.path())[i]["rec_loss"].get<double>()).epsilon(1e-3));
}

TEST_CASE("ranks: a rank that is killed ends the run at once, and it goes on") {
  std::mt19937 random(77);
  const int kills = nightly() ? 20 : 3;
  const TemporaryFolder folder;
  put_tiny_data(folder.path());
  for (int i = 0; i < kills; ++i) {
    LongRun run(folder.path());
    REQUIRE(run.newest_step() >= 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 300));
    const int64_t acknowledged = run.newest_step();
    run.send(i % 2, SIGKILL);
    const auto end = run.wait();
    INFO(end.ending.err << end.ending.out);
    CHECK(end.ending.exit_code != 0);
    CHECK(end.seconds < 10);
    CHECK(end.orphans == 0);
    CHECK(newest_whole_step(folder.path()) >= acknowledged);
  }
  const int64_t newest = newest_whole_step(folder.path());
  CHECK(train_ranks(folder.path(), 2, rank_flags(static_cast<int>(newest) + 2)).exit_code == 0);
}

TEST_CASE("ranks: one that hangs is named after rank_timeout") {
  const TemporaryFolder folder;
  put_tiny_data(folder.path());
  for (const int rank : {0, 1}) {
    LongRun run(folder.path(), {"--rank_timeout=2"});
    run.send(rank, SIGSTOP);
    const auto end = run.wait();
    INFO(end.ending.err);
    CHECK(end.ending.exit_code != 0);
    CHECK(end.seconds < 12);
    CHECK(end.orphans == 0);
    const std::string says =
        "error: rank " + std::to_string(1 - rank) + ": rank " + std::to_string(rank) + " (";
    CHECK(end.ending.err.find(says) != std::string::npos);
    CHECK(end.ending.err.find("has not answered for 2 s") != std::string::npos);
    CHECK(newest_whole_step(folder.path()) >= 1);
  }
}

TEST_CASE("ranks: a signal to one of them stops all at one step, which is saved") {
  for (const int rank : {0, 1}) {
    const TemporaryFolder folder;
    put_tiny_data(folder.path());
    LongRun run(folder.path());
    run.send(rank, SIGTERM);
    const auto end = run.wait();
    INFO(end.ending.err);
    CHECK(end.orphans == 0);
    const int64_t saved = newest_whole_step(folder.path());
    CHECK(end.ending.out.find("Stopped by a signal; step " + std::to_string(saved) + " is saved") !=
          std::string::npos);
    CHECK(std::ssize(log_of(folder.path())) == saved);
  }
}

TEST_CASE("ranks: errors name the rank, and end the run") {
  const TemporaryFolder folder;
  put_tiny_data(folder.path());
  const auto error_of = [&](int count, const std::vector<std::string>& flags) {
    const Ending ending = train_ranks(folder.path(), count, flags);
    CHECK(ending.exit_code != 0);
    return ending.err;
  };
  const auto contains = [](const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
  };
  contains(error_of(2, rank_flags(2, {"--batch_size=7"})),
           "error: rank 0: batch_size=7: 2 ranks cannot share it evenly; give batch_size=8");
  contains(error_of(4, rank_flags(2, {"--batch_size=4"})), "each of 4 ranks has one image");
  contains(error_of(2, rank_flags(2, {"--mode=validate"})), "mode=validate runs in one process");
  contains(error_of(2, rank_flags(2, {"--dataname=others"})),
           "error: rank 0: data/others64_train.bin: there is no such data set");
  // Flags that differ.
  const TemporaryFolder streams;
  std::vector<std::string> arguments = under_launcher(1, rank_flags(2, {"--learning_rate=0.001"}));
  arguments.push_back(":");
  for (const std::string& argument : under_launcher(1, rank_flags(2))) arguments.push_back(argument);
  const Ending ending = Program(INPAINT_MPIRUN, arguments, folder.path(), streams.path(), allow_root).wait();
  CHECK(ending.exit_code != 0);
  contains(ending.err,
           "error: rank 1: learning_rate=0.0002, and rank 0 has learning_rate=0.001; give all ranks the same "
           "flags");
  CHECK_FALSE(fs::exists(folder.path() / "checkpoints"));
}

TEST_CASE("ranks: a launcher of others is met with its name, and one process loads no MPI") {
  const TemporaryFolder folder;
  put_tiny_data(folder.path());
  const Ending torchrun = train_tiny(folder.path(), rank_flags(1), [] {
    setenv("WORLD_SIZE", "2", 1);
    setenv("RANK", "1", 1);
  });
  CHECK(torchrun.exit_code == 1);
  CHECK(torchrun.err.find(
            "error: rank 1: WORLD_SIZE=2: ranks talk by MPI, which this launcher does not start") == 0);
  // MPI would see one process alone where the variables of another launcher say two.
  const Ending other = train_tiny(folder.path(), rank_flags(1), [] {
    setenv("SLURM_STEP_NUM_TASKS", "2", 1);
    setenv("SLURM_PROCID", "0", 1);
    allow_root();
  });
  INFO(other.err);
  CHECK(other.exit_code == 1);
  CHECK(other.err.find("the launcher has started 2 ranks (SLURM_STEP_NUM_TASKS)") != std::string::npos);
  const Ending alone = train_tiny(folder.path(), rank_flags(1), [] { setenv("LD_DEBUG", "libs", 1); });
  CHECK(alone.exit_code == 0);
  CHECK(alone.err.find("libc.so") != std::string::npos);
  CHECK(alone.err.find("libmpi") == std::string::npos);
}
