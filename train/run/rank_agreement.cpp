#include "train/run/rank_agreement.h"

#include <algorithm>
#include <sstream>
#include <type_traits>

#include "core/base/crc32c.h"
#include "core/device/copy.h"
#include "train/settings/flags.h"

namespace inpaint {
namespace {

uint32_t checksum(const Context& ctx, const Tensor& values) {
  const HostCopy host(ctx, values);
  return crc32c({static_cast<const std::byte*>(host->data), static_cast<size_t>(host->bytes())});
}

// The first rank whose value differs from rank 0's; 0: none does.
template <typename T>
int other_one(const std::vector<T>& all) {
  const auto at = std::ranges::find_if(all, [&](const T& value) { return value != all.front(); });
  return at == all.end() ? 0 : static_cast<int>(at - all.begin());
}

}  // namespace

void check_same_flags(Ranks& ranks, const TrainSettings& settings) {
  if (!ranks.are_several()) return;
  for (const Flag& flag : all_flags()) {
    const std::string mine = flag.print(settings);
    std::string first = mine;
    ranks.broadcast(first);
    if (const int other = other_one(ranks.gather(static_cast<int>(mine == first)))) {
      if (ranks.rank() == other)
        user_error("{}={}, and rank 0 has {}={}; give all ranks the same flags", flag.name, mine, flag.name,
                   first);
      ranks.wait_for_all();  // which that one ends
    }
  }
}

void check_same_pictures(Ranks& ranks, int64_t pictures, const std::string& where) {
  const std::vector<int64_t> all = ranks.gather(pictures);
  if (const int other = other_one(all))
    user_error("{}: {} sees {} pictures there, and rank 0 sees {}; give all ranks the same data", where,
               ranks.name_of(other), all[static_cast<size_t>(other)], all.front());
}

void check_same_weights(Ranks& ranks, const Context& ctx, const Model& model) {
  if (!ranks.are_several()) return;
  const uint32_t sums[] = {checksum(ctx, model.generator_params.values()),
                           checksum(ctx, model.discriminator_params.values())};
  const std::vector<uint64_t> all = ranks.gather(uint64_t{sums[0]} << 32 | sums[1]);
  if (const int other = other_one(all))
    throw Error(fmt::format(
        "the weights of {} are no longer those of rank 0; nothing was saved over the last checkpoint. Ranks "
        "need the same program on processors, or GPUs, of one kind",
        ranks.name_of(other)));
}

void share_state(Ranks& ranks, RunState& state) {
  if (!ranks.are_several()) return;
  std::map<std::string, std::string> metadata;
  state.to_metadata(metadata);
  std::string text;
  for (const auto& [key, value] : metadata) text += fmt::format("{}\n{}\n", key, value);
  ranks.broadcast(text);
  metadata.clear();
  std::istringstream lines(text);
  for (std::string key, value; std::getline(lines, key) && std::getline(lines, value);) metadata[key] = value;
  state = RunState::from_metadata(metadata, "the state of rank 0");
}

void share_model(Ranks& ranks, const Context& ctx, Model& model) {
  if (!ranks.are_several()) return;
  const auto share = [&](const Tensor& values) {
    const HostCopy host(ctx, values);
    ranks.broadcast(host->data, host->bytes());
    if (values.device != Device::kCpu) upload(ctx, host, values);
  };
  for (const Parameters* params : {&model.generator_params, &model.discriminator_params}) {
    for (const Tensor& values : {params->values(), params->moments1(), params->moments2(), params->running()})
      share(values);
    params->refresh_copy(ctx);
  }
  if (!model.generator_averages) return;
  share(model.generator_averages->values());
  model.generator_averages->refresh_copy(ctx);
}

StepOutcome agree(Ranks& ranks, const StepOutcome& mine) {
  if (!ranks.are_several()) return mine;
  static_assert(std::is_trivially_copyable_v<StepOutcome>);
  const std::vector<StepOutcome> all = ranks.gather(mine);
  StepOutcome agreed = all.front();
  for (double Losses::*loss :
       {&Losses::rec_loss, &Losses::adv_gene_loss, &Losses::tv_loss, &Losses::gene_loss_ori,
        &Losses::adv_disc_loss, &Losses::disc_loss_ori, &Losses::disc_acc}) {
    double sum = 0;
    for (const StepOutcome& outcome : all) sum += outcome.losses.*loss;
    agreed.losses.*loss = sum / ranks.count();
  }
  for (const StepOutcome& outcome : all) agreed.signal = std::max(agreed.signal, outcome.signal);
  return agreed;
}

int64_t sum_over(Ranks& ranks, int64_t mine) {
  int64_t sum = 0;
  for (const int64_t one : ranks.gather(mine)) sum += one;
  return sum;
}

}  // namespace inpaint
