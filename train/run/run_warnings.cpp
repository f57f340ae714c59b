#include "train/run/run_warnings.h"

#include <utility>

#include "core/device/copy.h"

namespace inpaint {
namespace {

// The channels without any gradient, of two tensors [channels].
int64_t count_dead(const Tensor& dgamma, const Tensor& dbeta) {
  int64_t dead = 0;
  visit_real(dgamma.dtype, [&]<typename T>(T) {
    for (int64_t c = 0; c < dgamma.elements(); ++c) dead += dgamma.as<T>()[c] == 0 && dbeta.as<T>()[c] == 0;
  });
  return dead;
}

}  // namespace

RunWarnings::RunWarnings(const TrainSettings& s)
    : adversarial_(s.model == ModelKind::kContextEncoder && s.lamb_adv > 0),
      trains_discriminator_(adversarial_ && s.disc_iter > 0) {}

void RunWarnings::step(const Seen& seen) {
  all_right_ = seen.disc_acc == 1 ? all_right_ + 1 : 0;
  one_answer_ = seen.disc_acc == 0.5 ? one_answer_ + 1 : 0;
  vanished_ = seen.adversarial_share < kVanishing ? vanished_ + 1 : 0;
  if (trains_discriminator_ && all_right_ >= kWindow)
    say_once(
        "all right",
        fmt::format("for {} steps the discriminator has been right about every picture: the generator learns "
                    "little from it; more gene_iter, fewer disc_iter, or weight_clip hold it back",
                    all_right_));
  if (trains_discriminator_ && one_answer_ >= kWindow)
    say_once("one answer",
             fmt::format(
                 "for {} steps the discriminator's accuracy has been one half: it tells nothing apart; more "
                 "disc_iter or a larger lamb_adv make it learn",
                 one_answer_));
  if (adversarial_ && vanished_ >= kWindow)
    say_once(
        "vanished",
        fmt::format(
            "for {} steps less than {} of the generator's gradient has come from the discriminator: only "
            "the reconstruction is learnt, which blurs; a larger lamb_adv gives it a say",
            vanished_, kVanishing));

  if (!window_open_) window_begin_ = seen;
  window_open_ = true;
  if (seen.step - window_begin_.step < kWindow) return;
  const double share =
      (seen.waited_seconds - window_begin_.waited_seconds) / (seen.seconds - window_begin_.seconds);
  if (share > kWaiting)
    say_once("waiting",
             fmt::format(
                 "{:.0f} % of the time goes into waiting for pictures; more loader_threads, data_cache, or "
                 "a faster disk for the data help",
                 100 * share));
  window_begin_ = seen;
}

void RunWarnings::channels(const Context& ctx, const Model& model) {
  look_at(ctx, model.generator, model.generator_params);
  if (trains_discriminator_) look_at(ctx, model.discriminator, model.discriminator_params);
}

void RunWarnings::look_at(const Context& ctx, const Network& network, const Parameters& params) {
  constexpr std::string_view kGamma = ".bn.weight", kBeta = ".bn.bias";
  const auto kind = ParameterId::Kind::kOther;
  const std::vector<ParameterInfo>& list = network.spec().list(kind);
  for (size_t i = 0; i < list.size(); ++i) {
    if (!list[i].name.ends_with(kGamma)) continue;
    const std::string layer = list[i].name.substr(0, list[i].name.size() - kGamma.size());
    for (size_t j = 0; j < list.size(); ++j) {
      if (list[j].name != layer + std::string(kBeta)) continue;
      const int64_t channels = list[i].shape.elements();
      const int64_t dead =
          count_dead(HostCopy(ctx, params.grad({kind, i})), HostCopy(ctx, params.grad({kind, j})));
      int64_t& looks = dead_looks_[layer];
      looks = static_cast<double>(dead) >= kDeadChannels * static_cast<double>(channels) ? looks + 1 : 0;
      if (looks >= kChannelLooks)
        say_once(layer,
                 fmt::format("{} of {} channels of {} are dead: nothing they do reaches the loss; a smaller "
                             "learning_rate keeps channels alive, and a new start is needed to get them back",
                             dead, channels, layer));
    }
  }
}

std::vector<std::string> RunWarnings::take() { return std::exchange(waiting_, {}); }

void RunWarnings::say_once(const std::string& kind, const std::string& text) {
  if (said_.insert(kind).second) waiting_.push_back(text);
}

}  // namespace inpaint
