// Runs with texture: where their adversarial phase begins, that stopping changes nothing, what they leave.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/harness/temporary_folder.h"
#include "tests/train/run/small_run.h"
#include "train/checkpoint/checkpoint_store.h"
#include "train/checkpoint/model_state.h"
#include "train/checkpoint/run_state.h"
#include "train/checkpoint/trained_generator.h"
#include "train/run/run_plan.h"
#include "train/run/verify_resume.h"
#include "train/step/run_options.h"
#include "train/step/training_step.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

// Three steps an epoch; of eight planned steps the last four are adversarial.
TrainSettings textured_run(const fs::path& folder) {
  TrainSettings s = small_run(folder);
  s.model = ModelKind::kHarmonicUnet;
  s.holes = HoleForm::kMixed;
  s.learning_rate = 0.001;
  s.warm_up = 2;
  s.batch_size = 3;
  s.schedule_steps = 8;
  s.texture = 0.5;
  s.texture_share = 0.5;
  return s;
}

std::vector<nlohmann::json> log_of(const fs::path& path) {
  std::vector<nlohmann::json> lines;
  for (const std::string& line : lines_of(path)) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

RunState state_of(const TrainSettings& s, int64_t step) {
  return RunState::from_metadata(SafetensorsFile(checkpoint(s, step)).metadata(), "here");
}

bool holds_discriminator(const TrainSettings& s, int64_t step) {
  return SafetensorsFile(checkpoint(s, step)).find("discriminator.hidden1.weight") != nullptr;
}

}  // namespace

TEST_CASE("adversarial run: it begins where planned, and goes on exactly when it is stopped anywhere") {
  const TemporaryFolder whole_folder, parted_folder;
  TrainSettings whole = textured_run(whole_folder.path()), parted = textured_run(parted_folder.path());
  whole.max_steps = 8;
  const std::string said = run_quietly(whole);
  for (const int64_t steps : {3, 4, 6, 8}) {  // the end of an epoch and of the first phase, and in the second
    parted.max_steps = steps;
    run_quietly(parted);
  }
  check_same_state(checkpoint(whole, 8), checkpoint(parted, 8));
  CHECK(timeless(log_folder(whole) / "train_log.jsonl") == timeless(log_folder(parted) / "train_log.jsonl"));
  CHECK(lines_of(log_folder(whole) / "loss_log.txt") == lines_of(log_folder(parted) / "loss_log.txt"));

  const auto log = log_of(log_folder(whole) / "train_log.jsonl");
  REQUIRE(log.size() == 8);
  for (size_t i = 0; i < log.size(); ++i) {
    CAPTURE(i);
    const bool adversarial = i >= 4;
    CHECK((log[i]["adv_disc_loss"].get<double>() > 0) == adversarial);
    CHECK((log[i]["adv_gene_loss"].get<double>() != 0) == adversarial);
    CHECK(log[i]["learning_rate_disc"].get<double>() == (adversarial ? 6e-4 : 0));
  }
  CHECK(log[4]["learning_rate_gene"].get<double>() == doctest::Approx(3e-4));
  CHECK(log[4]["gene_loss_ori"].get<double>() == log[4]["rec_loss"].get<double>());  // a scale of 0
  CHECK(log[5]["gene_loss_ori"].get<double>() != log[5]["rec_loss"].get<double>());
  CHECK(said.find("disc_acc") != std::string::npos);
  CHECK(said.find("disc_acc") > said.find("Epoch:   1 Batch:   0"));

  const RunState end = state_of(whole, 8);
  CHECK(end.generator_updates == 8);
  CHECK(end.discriminator_updates == 4);
  CHECK(end.adversarial_ratio > 0);
  CHECK(holds_discriminator(whole, 8));
  const SafetensorsFile file(checkpoint(whole, 8));
  for (const char* name : {"discriminator.hidden1.u", "discriminator.hidden4.bias",
                           "adam.discriminator.hidden3.weight.v", "average.generator.last.weight"})
    CHECK(file.find(name) != nullptr);
  CHECK(file.find("discriminator.hidden1.weight")->shape == std::vector<int64_t>{32, 4, 4, 4});

  // The painter alone is what paints.
  const Context ctx(1);
  CHECK(load_trained_generator(ctx, checkpoint_folder(whole)).step == 8);
  TrainSettings validate = whole;
  validate.mode = Split::kValidate;
  CHECK(run_quietly(validate).find("dB over harmonic") != std::string::npos);
}

TEST_CASE("adversarial run: validations of the phase neither replace the best checkpoint nor end the run") {
  const TemporaryFolder folder;
  TrainSettings s = textured_run(folder.path());
  s.schedule_steps = 12;  // validations after 3, 6, 9 and 12 steps
  s.max_steps = 12;
  s.patience = 1;
  s.learning_rate = 1e-6;  // so that the first validation may stay the best
  s.texture_share = 0.7;
  run_quietly(s);
  const auto log = log_of(log_folder(s) / "validation_log.jsonl");
  REQUIRE(log.size() == 4);
  CHECK(log[0]["best"].get<bool>());
  for (size_t i = 1; i < log.size(); ++i) {
    CAPTURE(i);
    CHECK_FALSE(log[i]["best"].get<bool>());
    CHECK(log[i]["adv_disc_loss"].get<double>() > 0);
  }
  CHECK(log[0]["adv_disc_loss"].get<double>() == 0);
  const RunState end = state_of(s, 12);
  CHECK(end.best_step == 3);
  CHECK(end.validations_since_best == 0);
  CHECK(open_best_checkpoint(checkpoint_folder(s))->path() == checkpoint(s, 3));
}

TEST_CASE("adversarial run: a finished run is gone on from with texture, and without it again") {
  const TemporaryFolder folder;
  TrainSettings s = textured_run(folder.path());
  s.texture = 0;
  s.schedule_steps = 0;
  s.max_steps = 3;
  CHECK(run_quietly(s).find("disc_acc") == std::string::npos);
  CHECK_FALSE(holds_discriminator(s, 3));
  s.texture = 0.25;
  s.max_steps = 6;
  const std::string said = run_quietly(s);
  CHECK(said.find("holds no discriminator; texture begins with one that has learnt nothing yet") !=
        std::string::npos);
  CHECK(said.find("note: texture=0.25 from here on; the checkpoint was made with texture=0") !=
        std::string::npos);
  CHECK(holds_discriminator(s, 6));
  CHECK(state_of(s, 6).discriminator_updates == 3);
  CHECK(state_of(s, 6).generator_updates == 6);
  s.texture = 0;
  s.max_steps = 7;
  run_quietly(s);
  CHECK_FALSE(holds_discriminator(s, 7));
  s.texture = 0.25;  // the count of updates belongs to the discriminator that is gone
  s.max_steps = 8;
  run_quietly(s);
  CHECK(state_of(s, 8).discriminator_updates == 1);
}

TEST_CASE("adversarial run: a discriminator that a checkpoint lacks begins anew, moments too") {
  const TemporaryFolder folder;
  TrainSettings s = textured_run(folder.path());
  s.texture = 0;
  s.max_steps = 0;
  run_quietly(s);
  s.texture = 0.5;
  const Context ctx(1);
  Model fresh(model_options(s), DType::kF32, Parameters::Use::kTraining),
      used(model_options(s), DType::kF32, Parameters::Use::kTraining);
  fresh.initialize(ctx, 9);
  used.initialize(ctx, 4);
  used.discriminator_params.values().as<float>()[0] = NAN;
  for (const Tensor& moments : {used.discriminator_params.moments1(), used.discriminator_params.moments2()})
    moments.as<float>()[5] = 7;
  CHECK_FALSE(load_model(ctx, SafetensorsFile(checkpoint(s, 0)), used, 9));
  const auto same = [](const Tensor& a, const Tensor& b) {
    return std::equal(a.as<float>(), a.as<float>() + a.elements(), b.as<float>());
  };
  const Parameters &a = used.discriminator_params, &b = fresh.discriminator_params;
  CHECK(same(a.values(), b.values()));
  CHECK(same(a.running(), b.running()));
  CHECK(same(a.moments1(), b.moments1()));
  CHECK(same(a.moments2(), b.moments2()));
}

TEST_CASE("adversarial run: a proof that resuming is exact goes through both phases") {
  const TemporaryFolder folder;
  TrainSettings s = textured_run(folder.path());
  s.threads = 1;
  const Captured out(stdout);
  CHECK(verify_resume(s) == 0);
  CHECK(out.text().find("Resuming is exact") != std::string::npos);
}

TEST_CASE("adversarial run: the plan counts the discriminator") {
  for (const int accumulate : {1, 2}) {
    const TemporaryFolder folder;
    TrainSettings s = textured_run(folder.path());
    s.accumulate = accumulate;
    s.max_steps = 0;
    const RunPlan plan = plan_run(s);
    Context ctx(1);
    Model model(model_options(s), activation_type(s), Parameters::Use::kTraining, Device::kCpu,
                handed_over(s, false));
    const auto step = make_training_step(ctx, model, s.batch_size, step_options(s));
    CHECK(plan.discriminator_parameters == model.discriminator_params.values().elements());
    CHECK(plan.discriminator_parameters > 100'000);
    CHECK(plan.pass_bytes <= step->bytes());
    CHECK(plan.pass_bytes + 8192 >= step->bytes());
    CHECK(plan.adversarial_flop > plan.step_flop);
    CHECK(to_text(plan).find("in the adversarial phase") != std::string::npos);
    run_quietly(s);
    const auto written = static_cast<int64_t>(fs::file_size(checkpoint(s, 0)));
    CHECK(plan.checkpoint_bytes <= written + 64);
    CHECK(plan.checkpoint_bytes >= written - 64);
  }
}
