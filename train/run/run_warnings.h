// What goes wrong in a training without stopping it, seen from figures that are there anyway: each is said
// once, with a remedy. Looks, and changes nothing.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "train/model/model.h"
#include "train/settings/settings.h"

namespace inpaint {

class RunWarnings {
 public:
  static constexpr int64_t kWindow = 200;        // steps a condition has to last
  static constexpr double kVanishing = 1e-4;     // of the gradient: an adversarial share that moves nothing
  static constexpr double kWaiting = 0.25;       // of the time: waiting for data
  static constexpr int64_t kChannelSteps = 100;  // between looks at the channels
  static constexpr int64_t kChannelLooks = 3;    // in a row that a layer has to be bad at
  static constexpr double kDeadChannels = 0.1;   // of a layer's

  explicit RunWarnings(const TrainSettings& settings);

  struct Seen {
    int64_t step = 0;
    double disc_acc = 0, adversarial_share = 0;
    double seconds = 0, waited_seconds = 0;  // of the run so far, and of those waited for data
  };
  // After every step. Of a window: the discriminator right about every picture, or about none but by one and
  // the same answer to all (accuracy exactly one half); the adversarial share of the image's gradient
  // (training_step.h) below kVanishing at every step, where lamb_adv asks for one; waiting for data.
  void step(const Seen& seen);

  // Dead channels: those whose batch norm gets no gradient at all (of scale and shift), as behind a ReLU that
  // is never above 0 or a scale of 0. From the gradients of the last updates: no pass of its own.
  bool channels_are_due(int64_t step) const { return step % kChannelSteps == 0; }
  void channels(const Context& ctx, const Model& model);

  // The warnings that have come up since the last call.
  std::vector<std::string> take();

 private:
  void say_once(const std::string& kind, const std::string& text);
  void look_at(const Context& ctx, const Network& network, const Parameters& params);

  const bool adversarial_, trains_discriminator_;
  int64_t all_right_ = 0, one_answer_ = 0, vanished_ = 0;  // steps in a row
  Seen window_begin_;
  bool window_open_ = false;
  std::map<std::string, int64_t> dead_looks_;  // by layer
  std::set<std::string> said_;
  std::vector<std::string> waiting_;
};

}  // namespace inpaint
