#include "train/checkpoint/run_state.h"

#include <charconv>

#include "core/base/error.h"

namespace inpaint {
namespace {

template <typename T>
T read(const std::map<std::string, std::string>& metadata, const std::string& key, const std::string& where) {
  const auto found = metadata.find(key);
  if (found == metadata.end())
    user_error("{}: the metadata lack '{}': no checkpoint of this program, or of another version", where,
               key);
  T value{};
  const char* end = found->second.data() + found->second.size();
  const auto [last, error] = std::from_chars(found->second.data(), end, value);
  if (error != std::errc{} || last != end)
    user_error("{}: the metadata have '{}' = '{}', which is no number", where, key, found->second);
  return value;
}

// The one list of what a state holds: f(key, member) for each.
template <typename State, typename F>
void for_each_member(State& s, F&& f) {
  f("step", s.step);
  f("epoch", s.epoch);
  f("batch", s.batch);
  f("generator_updates", s.generator_updates);
  f("discriminator_updates", s.discriminator_updates);
  f("epoch_steps", s.sums.steps);
  f("epoch_rec_loss_sum", s.sums.rec_loss);
  f("epoch_adv_gene_loss_sum", s.sums.adv_gene_loss);
  f("epoch_adv_disc_loss_sum", s.sums.adv_disc_loss);
  f("epoch_disc_acc_sum", s.sums.disc_acc);
}

// What files from before may lack.
template <typename State, typename F>
void for_each_later_member(State& s, F&& f) {
  f("best_step", s.best_step);
  f("best_rec_loss", s.best_rec_loss);
  f("best_gain", s.best_gain);
  f("validations_since_best", s.validations_since_best);
  f("clip_mean", s.clip_mean);
  f("adversarial_ratio", s.adversarial_ratio);
  f("train_seconds", s.train_seconds);
  f("data_crc32c", s.data_crc32c);
}

}  // namespace

bool RunState::is_best(const ValidationFigures& figures) const {
  if (best_step < 0) return true;
  if (figures.quality.gain) return *figures.quality.gain > best_gain;
  return figures.losses.rec_loss < best_rec_loss;
}

void RunState::to_metadata(std::map<std::string, std::string>& metadata) const {
  // The shortest text that reads back to the same bits.
  const auto put = [&](const char* key, auto value) {
    metadata["state." + std::string(key)] = fmt::format("{}", value);
  };
  for_each_member(*this, put);
  for_each_later_member(*this, put);
}

RunState RunState::from_metadata(const std::map<std::string, std::string>& metadata,
                                 const std::string& where) {
  RunState state;
  for_each_member(state, [&]<typename T>(const char* key, T& value) {
    value = read<T>(metadata, "state." + std::string(key), where);
  });
  for_each_later_member(state, [&]<typename T>(const char* name, T& value) {
    const std::string key = "state." + std::string(name);
    if (metadata.contains(key)) value = read<T>(metadata, key, where);
  });
  return state;
}

}  // namespace inpaint
