#include "train/learner/gradient_exchange.h"

#include <algorithm>

namespace inpaint {
namespace {

// The node that computes this gradient. A product and the norm or bias behind it share a name: the product
// is the first of them.
size_t node_of(const Network& network, const ParameterInfo& weight) {
  const auto node = std::ranges::find_if(network.nodes(), [&](const Network::Node& n) {
    return weight.name.starts_with(n.layer->name() + ".");
  });
  INPAINT_CHECK(node != network.nodes().end(), "{}: no layer has this weight", weight.name);
  return static_cast<size_t>(node - network.nodes().begin());
}

}  // namespace

GradientExchange::GradientExchange(const Network& network, const Parameters& params, Ranks& ranks)
    : params_(params),
      ranks_(ranks),
      weights_(network.spec().elements(ParameterId::Kind::kWeight)),
      first_weight_(network.nodes().size(), weights_),
      sent_(weights_) {
  INPAINT_CHECK(params.grads().elements() == network.spec().parameters(), "{}: not all gradients are stored",
                network.name());
  for (const ParameterInfo& weight : network.spec().list(ParameterId::Kind::kWeight)) {
    int64_t& first = first_weight_[node_of(network, weight)];
    first = std::min(first, weight.offset);
  }
  for (size_t node = first_weight_.size(); node-- > 1;)
    first_weight_[node - 1] = std::min(first_weight_[node - 1], first_weight_[node]);
}

void GradientExchange::is_done(size_t node, Branch* beside) {
  const int64_t first = first_weight_[node];
  if (sent_ - first >= kSlice) {
    ranks_.begin_mean(params_.grads().slice(first, sent_ - first), beside);
    sent_ = first;
  }
  ranks_.go_on();
}

void GradientExchange::finish() {
  ranks_.begin_mean(params_.grads().slice(0, sent_));
  ranks_.begin_mean(params_.grads().slice(weights_, params_.grads().elements() - weights_));
  ranks_.finish_means();
  sent_ = weights_;
}

}  // namespace inpaint
