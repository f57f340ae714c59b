// What is not finite: seen, named, never saved, and rolled back where that was asked for.
#include "train/checkpoint/non_finite.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"
#include "tests/train/run/small_run.h"
#include "tests/train/step/tiny_training.h"
#include "train/checkpoint/run_state.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

template <typename T>
void poison(const Tensor& tensor, int64_t element, double value) {
  tensor.as<T>()[element] = static_cast<T>(value);
}

std::string run_and_fail(const TrainSettings& s) {
  const Captured out(stdout);
  return error_message<Error>([&] { run_training(s); });
}

std::string newest(const TrainSettings& s) { return file_contents(checkpoint_folder(s) / "checkpoint"); }

}  // namespace

TEST_CASE("non finite: the first one is named with its tensor and place") {
  Buffer a(24), b(80000), c(8);
  const std::vector<NamedTensor> tensors = {{"bytes", c.tensor({8}, DType::kU8)},
                                            {"a", a.tensor({2, 3}, DType::kF32)},
                                            {"b", b.tensor({10000}, DType::kF64)}};
  std::memset(c.data(), 0xFF, 8);  // bytes are numbers, whatever they are
  CHECK_FALSE(first_non_finite(tensors).has_value());
  poison<double>(tensors[2].tensor, 9999, -INFINITY);
  CHECK(to_string(*first_non_finite(tensors)) == "tensor 'b' holds -inf at element 9999 of 10000");
  poison<double>(tensors[2].tensor, 5000, NAN);
  CHECK(to_string(*first_non_finite(tensors)) == "tensor 'b' holds nan at element 5000 of 10000");
  poison<float>(tensors[1].tensor, 4, INFINITY);
  CHECK(to_string(*first_non_finite(tensors)) == "tensor 'a' holds inf at element 4 of 6");
}

TEST_CASE("non finite: the step's sentinel sees every parameter, the state's every value") {
  const StepOptions options;
  const auto kinds = {ParameterId::Kind::kWeight, ParameterId::Kind::kOther, ParameterId::Kind::kRunning};
  int seen = 0;
  for (const bool generator : {true, false})
    for (const auto kind : kinds) {
      const TinyTraining count(options);
      const auto& spec = (generator ? count.model.generator_params : count.model.discriminator_params).spec();
      for (size_t i = 0; i < spec.list(kind).size(); ++i) {
        TinyTraining t(options);
        const Parameters& params = generator ? t.model.generator_params : t.model.discriminator_params;
        t.load(0);
        t.step.train();
        REQUIRE(t.step.is_finite(t.step.losses()));
        REQUIRE(t.step.is_state_finite());
        const Tensor value = params.value({kind, i});
        CAPTURE(spec.list(kind)[i].name);
        poison<float>(value, value.elements() - 1, NAN);
        CHECK_FALSE(t.step.is_state_finite());
        ++seen;
        if (kind == ParameterId::Kind::kRunning) continue;  // training does not read it
        t.step.train();
        CHECK_FALSE(t.step.is_finite(t.step.losses()));
        poison<float>(value, value.elements() - 1, 0);
      }
    }
  CHECK(seen > 30);
  // Adam's moments: a gradient of 1e30 leaves finite weights and a second moment beyond any float.
  for (const bool second : {false, true}) {
    TinyTraining t(options);
    const Parameters& params = t.model.discriminator_params;
    const Tensor moments = second ? params.moments2() : params.moments1();
    poison<float>(moments, moments.elements() / 2, INFINITY);
    CHECK_FALSE(t.step.is_state_finite());
  }
}

TEST_CASE("non finite: either network's loss is enough") {
  TinyTraining t{StepOptions{}};
  t.load(0);
  t.step.train();
  REQUIRE(t.step.is_finite(t.step.losses()));
  for (double Losses::*loss : {&Losses::gene_loss_ori, &Losses::adv_disc_loss}) {
    Losses bad = t.step.losses();
    bad.*loss = NAN;
    CHECK_FALSE(t.step.is_finite(bad));
  }
}

TEST_CASE("non finite: the adversarial share is the part of the image's gradient that is D's") {
  StepOptions options;
  options.lamb_tv = 0;
  const auto share = [&](double lamb_rec, double lamb_adv) {
    options.lamb_rec = lamb_rec;
    options.lamb_adv = lamb_adv;
    TinyTraining t(options);
    CHECK(t.step.adversarial_share() == 0);
    t.load(0);
    t.step.train();
    t.step.losses();
    return t.step.adversarial_share();
  };
  CHECK(share(1, 0) == 0);
  CHECK(share(0, 1) == doctest::Approx(1));
  const double tenth = share(1, 1e-3), hundredth = share(1, 1e-4);
  CHECK(tenth > 0);
  CHECK(tenth < 1);
  CHECK(hundredth < tenth);
}

TEST_CASE("non finite: on_nan=stop names the tensor, saves nothing and leaves the last checkpoint") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.max_steps = 2;
  run_quietly(s);
  s.max_steps = 50;
  s.learning_rate = 1e30;
  s.ckpt = 100;  // long before a save that would see it
  const std::string message = run_and_fail(s);
  CHECK(contains(message, "the losses or weights are no longer finite (rec_loss "));
  CHECK(contains(message, "; first, tensor '"));
  CHECK(contains(message, "on_nan=rollback"));
  CHECK(newest(s) == "model-2.safetensors\n");
  CHECK_NOTHROW(SafetensorsFile(checkpoint(s, 2)));
}

TEST_CASE("non finite: on_nan=rollback takes the last weights, goes on behind the step, a few times only") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.keep = 10;
  s.validate_every = 0;
  s.max_steps = 3;
  run_quietly(s);
  const RunState before = RunState::from_metadata(SafetensorsFile(checkpoint(s, 3)).metadata(), "");
  s.learning_rate = 1e30;  // every step from here on
  s.on_nan = OnNan::kRollback;
  s.ckpt = 100;
  s.max_steps = 5;
  const std::string printed = run_quietly(s);
  CHECK(contains(printed, "back to the weights of step 3"));
  check_same_tensors(checkpoint(s, 3), checkpoint(s, 5));
  const RunState after = RunState::from_metadata(SafetensorsFile(checkpoint(s, 5)).metadata(), "");
  CHECK(after.step == 5);
  CHECK(after.epoch == 2);
  CHECK(after.batch == 1);
  CHECK(after.generator_updates == before.generator_updates);
  CHECK(after.discriminator_updates == before.discriminator_updates);

  s.max_steps = 100;
  const std::string message = run_and_fail(s);
  CHECK(contains(message, "3 rollbacks to"));
  CHECK(contains(message, "model-5.safetensors have not helped"));
  CHECK(newest(s) == "model-5.safetensors\n");

  s.learning_rate = 0.0002;  // and with sound settings the folder goes on
  s.max_steps = 8;
  run_quietly(s);
  CHECK(newest(s) == "model-8.safetensors\n");
}

TEST_CASE("non finite: without a checkpoint there is nothing to roll back to") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.learning_rate = 1e30;
  s.on_nan = OnNan::kRollback;
  s.ckpt = 100;
  CHECK(contains(run_and_fail(s), "no checkpoint yet to roll back to"));
  CHECK_FALSE(fs::exists(checkpoint_folder(s) / "checkpoint"));
}

TEST_CASE("non finite: a second moment that overflows is found before the state is saved") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.keep = 10;
  s.validate_every = 0;
  s.max_steps = 1;
  run_quietly(s);
  s.max_steps = 3;
  s.lamb_rec = 1e30;  // gradients whose squares no float holds; Adam's updates stay finite
  const std::string message = run_and_fail(s);
  CHECK(contains(message, "the training state is no longer finite; first, tensor 'adam."));
  CHECK(contains(message, ".v' holds inf"));
  CHECK(newest(s) == "model-1.safetensors\n");
  s.on_nan = OnNan::kRollback;
  const std::string printed = run_quietly(s);
  CHECK(contains(printed, "back to the weights of step 1"));
  check_same_tensors(checkpoint(s, 1), checkpoint(s, 3));
}
