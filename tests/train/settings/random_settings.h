// Settings in which every member has a random value of its range.
#pragma once

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "train/settings/settings.h"

namespace inpaint {

inline TrainSettings random_settings(uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto whole = [&](int64_t min, int64_t max) {
    return std::uniform_int_distribution<int64_t>(min, max)(random);
  };
  const auto small = [&](int min, int max) { return static_cast<int>(whole(min, max)); };
  const auto truth = [&] { return whole(0, 1) == 1; };
  const auto real = [&] {  // any bits: all magnitudes from the subnormal ones on
    while (true) {
      const double value = std::bit_cast<double>(random());
      if (std::isfinite(value) && value > 0 && value <= 1e30) return value;
    }
  };
  const auto share = [&] { return static_cast<double>(whole(1, int64_t{1} << 53)) / 9007199254740992.0; };
  const auto text = [&](bool with_slash) {
    static const std::string kParts[] = {"a", "Z",  " ", "#", " #", "\"", "\\",
                                         "=", "--", "'", "%", "ü",  "東", ":"};
    std::string value;
    for (int64_t left = whole(1, 12); left > 0; --left)
      value += kParts[whole(0, static_cast<int64_t>(std::size(kParts)) - 1)];
    return with_slash ? value + "/" + value : value;
  };
  const auto big = [&] { return whole(0, std::numeric_limits<int64_t>::max()); };

  TrainSettings s;
  s.dataname = text(false);
  s.image_size = 64 << small(0, 2);
  s.image_channel = truth() ? 1 : 3;
  s.block = static_cast<HolePlacement>(whole(0, 1));
  s.batch_size = small(1, 1'000'000);
  s.accumulate = small(1, 256);
  s.holes = static_cast<HoleForm>(whole(0, 5));
  s.min_hole = real();
  s.max_hole = real();
  s.masks = text(true);
  s.mask_value = static_cast<MaskPolarity>(whole(0, 1));
  s.model = static_cast<ModelKind>(whole(0, 1));
  s.model_size = static_cast<ModelSize>(whole(0, 2));
  s.warm_up = whole(0, 1'000'000'000);
  s.last_rate = real();
  s.average_decay = real();
  s.texture = 2 * share();
  s.texture_share = share();
  s.minutes = truth() ? 0 : real();
  s.schedule_steps = whole(0, 1'000'000'000);
  s.shuffle = truth();
  s.data_dir = text(true);
  s.data_cache = truth();
  s.flip = truth();
  s.random_crop = truth();
  s.base_channels = small(1, 1024);
  s.bottleneck = small(1, 65536);
  s.learning_rate = real();
  s.lamb_rec = real();
  s.lamb_adv = real();
  s.lamb_tv = truth() ? 0 : real();
  s.use_l1 = truth();
  s.adv_loss = static_cast<AdversarialLoss>(whole(0, 1));
  s.weight_clip = truth();
  s.gene_iter = small(1, 10'000);
  s.disc_iter = small(0, 10'000);
  s.reuse = truth();
  s.mode = static_cast<Split>(whole(0, 2));
  s.start_epoch = whole(0, 1'000'000'000);
  s.epoch = whole(1, 1'000'000'000);
  s.max_steps = truth() ? -1 : big();
  s.seed = big();
  s.resume = text(true);
  s.fallback = truth();
  s.on_nan = static_cast<OnNan>(whole(0, 1));
  s.validate_every = whole(0, 1'000'000'000);
  s.patience = whole(0, 1'000'000'000);
  s.plan = truth();
  s.verify_resume = truth();
  s.ckpt = whole(1, 1'000'000'000);
  s.save_minutes = truth() ? 0 : real();
  s.keep = small(1, 1'000'000);
  s.sample = whole(1, 1'000'000'000);
  s.summary = whole(1, 1'000'000'000);
  s.log_offsets = truth();
  s.data_root = text(true);
  s.checkpoint_root = text(true);
  s.log_root = text(true);
  s.sample_root = text(true);
  s.device = static_cast<DeviceChoice>(whole(0, 2));
  s.gpu = small(0, 255);
  s.threads = small(0, 1024);
  s.loader_threads = small(0, 256);
  s.precision = static_cast<Precision>(whole(0, 4));
  s.matrix_backend = static_cast<MatrixChoice>(whole(0, 2));
  return s;
}

}  // namespace inpaint
