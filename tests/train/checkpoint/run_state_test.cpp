#include "train/checkpoint/run_state.h"

#include <doctest/doctest.h>

#include "tests/harness/error_message.h"

using namespace inpaint;

namespace {

ValidationFigures figures(double rec_loss, std::optional<double> gain) {
  ValidationFigures f;
  f.losses.rec_loss = rec_loss;
  f.quality.gain = gain;
  return f;
}

}  // namespace

TEST_CASE("run state: every member comes back from the metadata, with all its bits") {
  RunState s;
  s.step = 1;
  s.epoch = 2;
  s.batch = 3;
  s.generator_updates = 4;
  s.discriminator_updates = 5;
  s.sums.steps = 6;
  s.sums.rec_loss = 0.1;
  s.sums.adv_gene_loss = 1.0 / 3;
  s.sums.adv_disc_loss = 1e-300;
  s.sums.disc_acc = 0.7;
  s.best_step = 8;
  s.best_rec_loss = 0.9;
  s.best_gain = -0.3;
  s.validations_since_best = 9;
  s.clip_mean = 2.0 / 3;
  s.adversarial_ratio = 1.0 / 7;
  s.train_seconds = 1e10 / 7;
  s.data_crc32c = 0xffffffff;
  std::map<std::string, std::string> metadata;
  s.to_metadata(metadata);
  CHECK(metadata.size() == 18);
  const RunState read = RunState::from_metadata(metadata, "here");
  std::map<std::string, std::string> again;
  read.to_metadata(again);
  CHECK(again == metadata);
  CHECK(read.step == 1);
  CHECK(read.epoch == 2);
  CHECK(read.batch == 3);
  CHECK(read.generator_updates == 4);
  CHECK(read.discriminator_updates == 5);
  CHECK(read.sums.steps == 6);
  CHECK(read.sums.rec_loss == 0.1);
  CHECK(read.sums.adv_gene_loss == 1.0 / 3);
  CHECK(read.sums.adv_disc_loss == 1e-300);
  CHECK(read.sums.disc_acc == 0.7);
  CHECK(read.best_step == 8);
  CHECK(read.best_rec_loss == 0.9);
  CHECK(read.best_gain == -0.3);
  CHECK(read.validations_since_best == 9);
  CHECK(read.clip_mean == 2.0 / 3);
  CHECK(read.adversarial_ratio == 1.0 / 7);
  CHECK(read.train_seconds == 1e10 / 7);
  CHECK(read.data_crc32c == 0xffffffff);
}

TEST_CASE("run state: what came into the format later may be missing, nothing else, and all are numbers") {
  std::map<std::string, std::string> whole;
  RunState{}.to_metadata(whole);
  const auto complaint = [&](const std::map<std::string, std::string>& metadata) {
    return error_message<UserError>([&] { RunState::from_metadata(metadata, "here"); });
  };
  for (const char* const name :
       {"step", "epoch", "batch", "generator_updates", "discriminator_updates", "epoch_steps",
        "epoch_rec_loss_sum", "epoch_adv_gene_loss_sum", "epoch_adv_disc_loss_sum", "epoch_disc_acc_sum"}) {
    auto metadata = whole;
    REQUIRE(metadata.erase("state." + std::string(name)) == 1);
    CHECK(contains(complaint(metadata), "here: the metadata lack 'state." + std::string(name) + "'"));
  }
  auto early = whole;
  for (const char* const name : {"best_step", "best_rec_loss", "best_gain", "validations_since_best",
                                 "clip_mean", "adversarial_ratio", "train_seconds", "data_crc32c"})
    REQUIRE(early.erase("state." + std::string(name)) == 1);
  CHECK(RunState::from_metadata(early, "here").best_step == -1);
  for (auto& [key, value] : whole) {
    auto metadata = whole;
    metadata[key] += "x";
    CHECK(contains(complaint(metadata), "here: the metadata have '" + key + "' = '" + value + "x'"));
  }
}

TEST_CASE("run state: the best has the largest gain, or the smallest loss where there is no gain") {
  RunState s;
  CHECK(s.is_best(figures(9, std::nullopt)));  // the first one
  CHECK(s.is_best(figures(9, -9)));
  s.best_step = 0;
  s.best_rec_loss = 0.5;
  s.best_gain = 2;
  CHECK(s.is_best(figures(0.4, std::nullopt)));
  CHECK_FALSE(s.is_best(figures(0.5, std::nullopt)));
  CHECK_FALSE(s.is_best(figures(0.6, std::nullopt)));
  CHECK(s.is_best(figures(0.6, 2.5)));
  CHECK_FALSE(s.is_best(figures(0.4, 2)));
  CHECK_FALSE(s.is_best(figures(0.4, 1.5)));
}
