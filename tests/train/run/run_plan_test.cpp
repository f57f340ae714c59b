#include "train/run/run_plan.h"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"
#include "tests/train/run/small_run.h"
#include "train/checkpoint/disk_space.h"
#include "train/step/gan_step.h"
#include "train/step/run_options.h"

using namespace inpaint;
namespace fs = std::filesystem;

namespace {

std::set<std::string> files_under(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) names.insert(entry.path().string());
  return names;
}

}  // namespace

TEST_CASE("plan: what is planned is what a run allocates and writes") {
  for (const auto& [precision, accumulate] :
       {std::pair(Precision::kFp32, 1), std::pair(Precision::kFp64, 1), std::pair(Precision::kFp32, 3)}) {
    const TemporaryFolder folder;
    TrainSettings s = small_run(folder.path());
    s.precision = precision;
    s.accumulate = accumulate;
    s.device = DeviceChoice::kCpu;
    s.matrix_backend = MatrixChoice::kAuto;
    s.max_steps = 0;
    const RunPlan plan = plan_run(s);
    Context ctx(1);
    Model model(model_options(s), activation_type(s), Parameters::Use::kTraining, Device::kCpu,
                handed_over(s, false));
    GanStep step(ctx, model, s.batch_size, step_options(s));
    CHECK(plan.generator_parameters == model.generator_params.values().elements());
    CHECK(plan.discriminator_parameters == model.discriminator_params.values().elements());
    CHECK(plan.step_flop == step.product_flop());
    CHECK(plan.optimizer_bytes ==
          model.generator_params.moments1().bytes() * 2 + model.discriminator_params.moments1().bytes() * 2);
    int64_t values_and_gradients = 0;
    for (const Parameters* params : {&model.generator_params, &model.discriminator_params})
      values_and_gradients += params->values().bytes() + params->grads().bytes();
    CHECK(plan.weight_bytes > values_and_gradients);
    CHECK(plan.weight_bytes < values_and_gradients + 0.05 * plan.optimizer_bytes);  // the running averages
    CHECK(plan.pass_bytes <= step.bytes());
    CHECK(plan.pass_bytes + 4096 >= step.bytes());  // figures, and what stands between aligned arrays
    run_quietly(s);
    const auto written = static_cast<int64_t>(fs::file_size(checkpoint(s, 0)));
    CHECK(plan.checkpoint_bytes <= written + 64);
    CHECK(plan.checkpoint_bytes >= written - 64);  // numbers in the state have some digits more or less
  }
}

TEST_CASE("plan: the copies of checkpoints on the disk") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());  // with a set to validate on
  CHECK(plan_run(s).copies == 3);
  s.validate_every = 0;
  CHECK(plan_run(s).copies == 2);
  s.keep = 5;
  CHECK(plan_run(s).copies == 6);
  s.epoch = 3;
  s.keep = 1'000'000;
  CHECK(plan_run(s).copies == 5);  // it will not save more
}

TEST_CASE("plan: --plan measures and prints, and leaves no trace") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  const auto before = files_under(folder.path());
  std::string printed;
  {
    const Captured out(stdout);
    CHECK(show_plan(s) == 0);
    printed = out.text();
  }
  CHECK(files_under(folder.path()) == before);
  const RunPlan plan = plan_run(s);
  for (const std::string& part :
       {fmt::format("generator                   {} parameters", plan.generator_parameters),
        fmt::format("a checkpoint                {}", bytes_text(plan.checkpoint_bytes)),
        std::string("free disk "), std::string("the mean of ten measured ones"),
        std::string("an epoch                    2 steps, "),
        std::string("the run                     100 epochs, ")})
    CHECK(contains(printed, part));
  // The run ends with its steps or its minutes, where those are given.
  s.max_steps = 12;
  {
    const Captured out(stdout);
    show_plan(s);
    CHECK(contains(out.text(), "the run                     12 steps, "));
  }
  s.max_steps = TrainSettings::kNoStepLimit;
  s.accumulate = 2;  // 11 pictures in steps of 8
  {
    const Captured out(stdout);
    show_plan(s);
    CHECK(contains(out.text(), "an epoch                    1 steps, "));
  }
  s.accumulate = 1;
  s.minutes = 90;
  const Captured out(stdout);
  show_plan(s);
  CHECK(contains(out.text(), "the run                     1 h 30 min, about "));
}

TEST_CASE("plan: without room for its checkpoints no run starts, and nothing that is there is touched") {
  const TemporaryFolder folder;
  const int64_t free = free_bytes(folder / "not/yet/there");
  CHECK(free > 0);
  CHECK_NOTHROW(check_disk_space(folder.path(), 1000, 3));
  const std::string message = error_message([&] { check_disk_space(folder.path(), free / 2, 3); });
  CHECK(contains(message, " free, and "));
  CHECK(contains(message, "at most 3 checkpoints of"));
  // What lies there already is overwritten in time.
  put_file(folder / "model-1.safetensors", "");
  fs::resize_file(folder / "model-1.safetensors", static_cast<uintmax_t>(free));  // sparse: takes no room
  CHECK_NOTHROW(check_disk_space(folder.path(), free / 2, 3));
  CHECK_THROWS_AS(check_disk_space(folder.path(), 2 * free, 1), UserError);
  CHECK(bytes_text(512) == "512 bytes");
  CHECK(bytes_text(3 << 20) == "3.0 MiB");
  CHECK(bytes_text(int64_t{13} << 28) == "3.25 GiB");
}

TEST_CASE("plan: the batch size that would fit") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  RunPlan plan = plan_run(s);
  CHECK(plan.free_bytes > 0);
  plan.free_bytes = 4 * plan.device_bytes();
  s.batch_size = plan.fitting_batch_size();
  REQUIRE(s.batch_size > 1);
  const int64_t room = plan.free_bytes - plan.free_bytes / 20;
  CHECK(plan_run(s).device_bytes() <= room + room / 100);
  s.batch_size += s.batch_size / 20 + 1;
  CHECK(plan_run(s).device_bytes() > room);
  plan.free_bytes = plan.weight_bytes;
  CHECK(plan.fitting_batch_size() == 0);
  CHECK(contains(memory_text(plan), "too few for any batch_size"));
}

TEST_CASE("plan: out of memory is said with what the run needs as a whole, and nothing is lost") {
  const TemporaryFolder folder;
  TrainSettings s = small_run(folder.path());
  s.max_steps = 2;
  run_quietly(s);
  const std::string newest = file_contents(checkpoint_folder(s) / "checkpoint");
  s.batch_size = 1'000'000'000;
  s.validate_every = 0;  // whose set is too small for that
  const Captured out(stdout);
  const std::string message = error_message<OutOfMemory>([&] { run_training(s); });
  CHECK(contains(message, "out of memory: "));
  CHECK(contains(message, "training needs "));
  CHECK(contains(message, " passes of a batch "));
  CHECK(contains(message, ": a batch_size of "));
  CHECK(file_contents(checkpoint_folder(s) / "checkpoint") == newest);
}
