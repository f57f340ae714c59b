#include "train/run/run_warnings.h"

#include <doctest/doctest.h>

#include "tests/harness/error_message.h"
#include "tests/train/step/tiny_training.h"

using namespace inpaint;

namespace {

constexpr RunWarnings::Seen kSound{.disc_acc = 0.8, .adversarial_share = 0.1};

// All that is said over `steps` steps.
template <typename F>
std::vector<std::string> said(RunWarnings& warnings, int64_t steps, F&& seen_at) {
  std::vector<std::string> all;
  for (int64_t step = 1; step <= steps; ++step) {
    RunWarnings::Seen seen = seen_at(step);
    seen.step = step;
    if (seen.seconds == 0) seen.seconds = static_cast<double>(step);
    warnings.step(seen);
    for (const std::string& text : warnings.take()) all.push_back(text);
  }
  return all;
}

}  // namespace

TEST_CASE("warnings: a sound run hears nothing") {
  RunWarnings warnings{TrainSettings()};
  CHECK(said(warnings, 1000, [](int64_t step) {
          RunWarnings::Seen seen = kSound;
          // Each of the bad figures, but never for a whole window.
          if (step % RunWarnings::kWindow != 0)
            seen.disc_acc = step / RunWarnings::kWindow % 2 == 0 ? 1 : 0.5;
          if (step % RunWarnings::kWindow != 0) seen.adversarial_share = 0;
          seen.waited_seconds = 0.2 * static_cast<double>(step);
          return seen;
        }).empty());
}

TEST_CASE("warnings: each once, with its remedy, after a window and not before") {
  struct Case {
    double disc_acc, adversarial_share, waited_share;
    const char *what, *remedy;
  };
  for (const Case& c : {Case{1, 0.1, 0, "right about every picture", "weight_clip"},
                        Case{0.5, 0.1, 0, "one half", "disc_iter"},
                        Case{0.8, 0.9e-4, 0, "from the discriminator", "lamb_adv"},
                        Case{0.8, 0.1, 0.3, "30 % of the time", "loader_threads"}}) {
    CAPTURE(c.what);
    const auto bad = [&](int64_t step) {
      return RunWarnings::Seen{.disc_acc = c.disc_acc,
                               .adversarial_share = c.adversarial_share,
                               .waited_seconds = c.waited_share * static_cast<double>(step)};
    };
    RunWarnings early{TrainSettings()}, warnings{TrainSettings()};
    CHECK(said(early, RunWarnings::kWindow - 1, bad).empty());
    const auto all = said(warnings, 5 * RunWarnings::kWindow, bad);
    REQUIRE(all.size() == 1);
    CHECK(contains(all[0], c.what));
    CHECK(contains(all[0], c.remedy));
  }
}

TEST_CASE("warnings: what the settings ask for is no fault") {
  TrainSettings s;
  s.lamb_adv = 0;  // the generator alone
  RunWarnings warnings(s);
  CHECK(said(warnings, 1000, [](int64_t) { return RunWarnings::Seen{.disc_acc = 0.5}; }).empty());
}

TEST_CASE("warnings: dead channels are counted by layer, from gradients alone") {
  const StepOptions options;
  TinyTraining t(options);
  const auto kind = ParameterId::Kind::kOther;
  const auto& list = t.model.generator.spec().list(kind);
  const auto index_of = [&](const std::string& name) {
    for (size_t i = 0; i < list.size(); ++i)
      if (list[i].name == name) return i;
    FAIL("no such parameter");
    return size_t{0};
  };
  const std::string layer = "generator.hidden2";
  const Tensor gamma = t.model.generator_params.value({kind, index_of(layer + ".bn.weight")}),
               beta = t.model.generator_params.value({kind, index_of(layer + ".bn.bias")});
  RunWarnings warnings{TrainSettings()};
  const auto look = [&](int times) {
    std::vector<std::string> all;
    for (int i = 0; i < times; ++i) {
      t.load(0);
      t.train();
      const auto before = t.state();
      warnings.channels(t.ctx, t.model);
      CHECK(t.state() == before);
      for (const std::string& text : warnings.take()) all.push_back(text);
    }
    return all;
  };
  CHECK(look(5).empty());
  const int64_t dead = (gamma.elements() + 9) / 10;
  for (int64_t c = 0; c < dead; ++c) beta.as<float>()[c] = -1000;  // far below the ReLU's 0
  CHECK(look(RunWarnings::kChannelLooks - 1).empty());
  const auto all = look(5);
  REQUIRE(all.size() >= 1);
  CHECK(contains(all[0], fmt::format("{} of {} channels of {} are dead", dead, gamma.elements(), layer)));
  for (size_t i = 1; i < all.size(); ++i) CHECK_FALSE(contains(all[i], layer + " "));
}
