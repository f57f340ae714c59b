#include "train/step/training_step.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/device/copy.h"
#include "kernels/loss/sigmoid_bce.h"
#include "kernels/loss/total_variation.h"
#include "kernels/parameter/sum_of_squares.h"
#include "kernels/picture/hole.h"

namespace inpaint {
namespace {

double decay_factor(const Network& network) {
  return TrainingStep::kWeightDecayRate /
         static_cast<double>(network.spec().list(ParameterId::Kind::kWeight).size());
}

Pass::Keep keep_of(const Model& model) {
  return model.generator_params.use() == Parameters::Use::kTraining ? Pass::Keep::kForBackward
                                                                    : Pass::Keep::kOutputOnly;
}

// Biases and batch-norm parameters: what stands behind the weights in the array of all.
Tensor other_values(const Parameters& params) {
  const int64_t weights = params.spec().elements(ParameterId::Kind::kWeight);
  return params.values().slice(weights, params.spec().elements(ParameterId::Kind::kOther));
}

int64_t first_layer_flop(const Network& network, int64_t batch) {
  return network.layers().front()->product_flop(network.in_shape(batch));
}

}  // namespace

TrainingStep::TrainingStep(Context& ctx, Model& model, int64_t batch_size, const StepOptions& options)
    : ctx_(ctx),
      model_(model),
      options_(options),
      generator_pass_(ctx, model.generator, batch_size, model.activation_dtype(), keep_of(model)),
      real_pass_(ctx, model.discriminator, batch_size, model.activation_dtype(), keep_of(model)),
      fake_pass_(ctx, model.discriminator, real_pass_),
      updates_(ctx, Urgency::kBackground),
      weight_gradients_(ctx, Urgency::kNormal),
      figures_there_(ctx) {
  const DType real = model.activation_dtype();
  const Shape masked = model.generator.in_shape(batch_size),
              hidden = model.discriminator.in_shape(batch_size);
  const int64_t updates = std::max(1, options.disc_iter + options.gene_iter);
  const int64_t figures =
      discriminator_half_squares() + static_cast<int64_t>(model.discriminator_params.pieces().size());
  memory_.masked = arena_.reserve(masked, real);
  memory_.hidden = arena_.reserve(hidden, real);
  memory_.dfake = arena_.reserve(hidden, real);
  memory_.dscore = arena_.reserve({batch_size, 1}, real);
  memory_.figures = arena_.reserve({figures}, DType::kF64);
  memory_.rates = arena_.reserve({updates}, DType::kF64);
  arena_.allocate(ctx.device());
  host_ = Buffer::staging((figures + updates) * size_of(DType::kF64), ctx.device());
  figures_host_ = host_.tensor({figures}, DType::kF64);
  rates_host_ = host_.tensor({updates}, DType::kF64, figures * size_of(DType::kF64));
  ctx.reserve_workspace(std::max(
      {reconstruction_loss_workspace_bytes(ctx, hidden), total_variation_workspace_bytes(ctx, hidden),
       sum_of_squares_workspace_bytes(ctx, hidden.elements()),
       sum_of_squares_workspace_bytes(ctx, model.generator.spec().parameters()),
       sum_of_squares_workspace_bytes(ctx, model.discriminator.spec().parameters()),
       adam_workspace_bytes(ctx, model.generator.spec().parameters()),
       adam_workspace_bytes(ctx, model.discriminator.spec().parameters())}));
  if (ctx.device() == Device::kCpu) return;
  if (model.generator_params.use() == Parameters::Use::kTraining) {
    updates_.reserve_workspace([&](const Context& branch) {
      return model.generator.update_workspace_bytes(branch, batch_size, real);
    });
    weight_gradients_.reserve_workspace([&](const Context& beside) {
      return std::max(model.generator.weight_gradient_workspace_bytes(beside, batch_size, real),
                      model.discriminator.weight_gradient_workspace_bytes(beside, batch_size, real));
    });
  }
  const Shape shapes[] = {masked, {batch_size, 2}};
  const DType types[] = {DType::kU8, DType::kI32};
  input_ = std::make_unique<InputBuffer>(ctx, shapes, types);
}

// The CPU cuts at once, out of the host's memory; on a GPU the cut is part of what reads it.
void TrainingStep::load(const Tensor& images, const Tensor& offsets) {
  generator_pass_current_ = real_pass_current_ = holes_cut_ = false;
  if (input_ == nullptr) {
    cut_hole(ctx_, images, offsets, masked_images(), hidden_images());
    holes_cut_ = true;
    return;
  }
  const Tensor host[] = {images, offsets};
  input_->put(ctx_, host);
}

void TrainingStep::cut_holes() {
  if (holes_cut_) return;
  const int place = input_->place();
  cut_hole(ctx_, input_->tensor(place, 0), input_->tensor(place, 1), masked_images(), hidden_images());
}

void TrainingStep::train() {
  wait_for_figures();  // nothing to wait for after losses(); the host's rates and figures are used again
  upload_rates();
  if (input_ == nullptr) {
    train_recorded();
  } else {
    generator_pass_current_ = real_pass_current_ = holes_cut_ = false;  // as at every replay
    recordings_[input_->place()].run(ctx_, [this] { train_recorded(); });
    generator_pass_current_ = real_pass_current_ = false;
  }
  generator_updates += options_.gene_iter;
  discriminator_updates += options_.disc_iter;
  read_figures();
}

// What a GPU does again at every step without the host: nothing in it depends on more than what the device's
// memory holds.
void TrainingStep::train_recorded() {
  cut_holes();
  for (int i = 0; i < options_.disc_iter; ++i) update_discriminator(i);
  for (int i = 0; i < options_.gene_iter; ++i) update_generator(options_.disc_iter + i);
  updates_.join();
}

Losses TrainingStep::watch(Statistics statistics) {
  cut_holes();
  generator_pass_current_ = real_pass_current_ = false;
  forward_generator(statistics);
  forward_real(statistics);
  forward_fake(statistics);
  judge_scores(0, {});
  reconstruction_loss(ctx_, options_.norm, fake_images(), hidden_images(), 0, figure(kRec), nullptr,
                      GradMode::kOverwrite);
  total_variation(ctx_, fake_images(), 0, figure(kTv), nullptr, GradMode::kOverwrite);
  generator_pass_current_ = real_pass_current_ = false;
  read_figures();
  return losses();
}

// A pass is run only when what it holds is out of date. Batch norm's running averages are moved by the
// caller, once for each time the source program runs the pass.
void TrainingStep::forward_generator(Statistics statistics) {
  if (!(generator_pass_current_ && options_.reuse))
    model_.generator.forward(ctx_, model_.generator_params, masked_images(), statistics, generator_pass_,
                             &updates_);
  generator_pass_current_ = true;
}

void TrainingStep::forward_real(Statistics statistics) {
  if (!(real_pass_current_ && options_.reuse))
    model_.discriminator.forward(ctx_, model_.discriminator_params, hidden_images(), statistics, real_pass_);
  real_pass_current_ = true;
}

void TrainingStep::forward_fake(Statistics statistics) {
  model_.discriminator.forward(ctx_, model_.discriminator_params, fake_images(), statistics, fake_pass_);
}

// The discriminator's loss and accuracy, without gradients. The generator's adversarial loss, and its
// gradient unless dscore is empty.
void TrainingStep::judge_scores(double weight, const Tensor& dscore) {
  const SigmoidBce batches[] = {{real_scores(), 1, 0, figure(kReal), figure(kCorrectReal), {}},
                                {fake_scores(), 0, 0, figure(kFake), figure(kCorrectFake), {}},
                                {fake_scores(), 1, weight, figure(kGene), figure(kUnused), dscore}};
  sigmoid_bce(ctx_, batches);
}

void TrainingStep::update_discriminator(int64_t rate) {
  const Network &generator = model_.generator, &disc = model_.discriminator;
  const Parameters &generator_params = model_.generator_params, &disc_params = model_.discriminator_params;

  forward_generator(Statistics::kBatch);
  generator.update_running(ctx_, generator_params, generator_pass_);

  // The two passes take turns in one memory. The mean over 2N scores is half the sum of the two means over N.
  const double weight = options_.lamb_adv / 2;
  const Tensor dscore = arena_.tensor(memory_.dscore);
  real_pass_current_ = false;  // at most its scores and statistics are still there
  forward_real(Statistics::kBatch);
  disc.update_running(ctx_, disc_params, real_pass_);
  const SigmoidBce real = {real_scores(), 1, weight, figure(kReal), figure(kCorrectReal), dscore};
  sigmoid_bce(ctx_, {&real, 1});
  disc.backward(ctx_, disc_params, dscore, nullptr, {ParameterGrads::kOverwrite, nullptr, &weight_gradients_},
                real_pass_);
  forward_fake(Statistics::kBatch);
  disc.update_running(ctx_, disc_params, fake_pass_);
  const SigmoidBce fake = {fake_scores(), 0, weight, figure(kFake), figure(kCorrectFake), dscore};
  sigmoid_bce(ctx_, {&fake, 1});
  disc.backward(ctx_, disc_params, dscore, nullptr,
                {ParameterGrads::kAccumulate, nullptr, &weight_gradients_}, fake_pass_);

  apply(update_of(disc, disc_params, discriminator_learning_rate(), rate, discriminator_half_squares()),
        disc_params, kDiscriminatorOthers);
  real_pass_current_ = false;
}

void TrainingStep::update_generator(int64_t rate) {
  const Network &generator = model_.generator, &disc = model_.discriminator;
  const Parameters &generator_params = model_.generator_params, &disc_params = model_.discriminator_params;

  forward_generator(Statistics::kBatch);
  generator.update_running(ctx_, generator_params, generator_pass_);
  // The real batch: for the printed figures, and because the source program's pass moves the averages.
  forward_real(Statistics::kBatch);
  disc.update_running(ctx_, disc_params, real_pass_);
  forward_fake(Statistics::kBatch);
  disc.update_running(ctx_, disc_params, fake_pass_);
  const Tensor dscore = arena_.tensor(memory_.dscore), dfake = arena_.tensor(memory_.dfake);
  judge_scores(options_.lamb_adv, dscore);

  // Through the discriminator for the image's gradient only; its own parameters' gradients are not touched.
  disc.backward(ctx_, disc_params, dscore, &dfake, ParameterGrads::kSkip, fake_pass_);
  sum_of_squares(ctx_, dfake, figure(kAdversarialSquares));
  reconstruction_loss(ctx_, options_.norm, fake_images(), hidden_images(), options_.lamb_rec, figure(kRec),
                      &dfake, GradMode::kAccumulate);
  total_variation(ctx_, fake_images(), options_.lamb_tv, figure(kTv), &dfake, GradMode::kAccumulate);
  sum_of_squares(ctx_, dfake, figure(kImageSquares));
  const ParameterUpdate update =
      update_of(generator, generator_params, generator_learning_rate(), rate, kHalfSquares);
  generator.backward(ctx_, generator_params, dfake, nullptr,
                     {ParameterGrads::kOverwrite, &update, &weight_gradients_}, generator_pass_);
  apply(update, generator_params, kGeneratorOthers);
  generator_pass_current_ = false;
}

AdamOptions TrainingStep::adam_options(const Network& network, double learning_rate) const {
  AdamOptions options;
  options.learning_rate = learning_rate;
  options.beta2 = options_.weight_clip ? 0.999 : 0.9;
  options.weight_decay = decay_factor(network);
  if (options_.weight_clip) options.clip = kGradientClip;
  return options;
}

// rate: the update's place in the step. half_squares: where those of the network's pieces begin.
ParameterUpdate TrainingStep::update_of(const Network& network, const Parameters& params,
                                        double learning_rate, int64_t rate, int64_t half_squares) {
  const auto pieces = static_cast<int64_t>(params.pieces().size());
  return {adam_options(network, learning_rate), arena_.tensor(memory_.rates).slice(rate, 1),
          arena_.tensor(memory_.figures).slice(half_squares, pieces), &updates_};
}

// The rest of an update: of the pieces whose gradients backward has stored.
void TrainingStep::apply(const ParameterUpdate& update, const Parameters& params, Figure others) {
  for (size_t i = 0; i < params.pieces().size(); ++i) {
    const ParameterPiece& piece = params.pieces()[i];
    if (piece.gradient == GradientUse::kApply) continue;
    const int64_t n = piece.end - piece.begin;
    const Tensor half_squares = update.half_squares_of(i);
    const Tensor copies = params.weights_bf16() == nullptr
                              ? Tensor{}
                              : params.weights_bf16()->slice(piece.begin, piece.decayed);
    adam(ctx_, update.options, update.rate, piece.decayed, params.grads().slice(piece.grad_begin, n),
         params.values().slice(piece.begin, n), params.moments1().slice(piece.begin, n),
         params.moments2().slice(piece.begin, n), params.weights_bf16() == nullptr ? nullptr : &copies,
         &half_squares);
  }
  sum_of_squares(ctx_, other_values(params), figure(others));
}

// Adam's rates of the step to come, the one thing in it that is another each time.
void TrainingStep::upload_rates() {
  const AdamOptions disc = adam_options(model_.discriminator, discriminator_learning_rate());
  const AdamOptions gene = adam_options(model_.generator, generator_learning_rate());
  double* rates = rates_host_.as<double>();
  for (int64_t i = 1; i <= options_.disc_iter; ++i) *rates++ = adam_rate(disc, discriminator_updates + i);
  for (int64_t i = 1; i <= options_.gene_iter; ++i) *rates++ = adam_rate(gene, generator_updates + i);
  upload(ctx_, rates_host_, arena_.tensor(memory_.rates));
}

void TrainingStep::read_figures() {
  download_later(ctx_, arena_.tensor(memory_.figures), figures_host_);
  figures_there_.record(ctx_);
  figures_due_ = true;
}

void TrainingStep::wait_for_figures() {
  if (figures_due_) figures_there_.wait();
  figures_due_ = false;
}

Tensor TrainingStep::figure(Figure f) const { return arena_.tensor(memory_.figures).slice(f, 1); }

Losses TrainingStep::losses() {
  wait_for_figures();
  Losses l;
  l.rec_loss = value(kRec);
  l.adv_gene_loss = value(kGene);
  l.tv_loss = value(kTv);
  l.gene_loss_ori =
      options_.lamb_adv * l.adv_gene_loss + options_.lamb_rec * l.rec_loss + options_.lamb_tv * l.tv_loss;
  l.adv_disc_loss = (value(kReal) + value(kFake)) / 2;
  l.disc_loss_ori = options_.lamb_adv * l.adv_disc_loss;
  l.disc_acc = (value(kCorrectReal) + value(kCorrectFake)) / static_cast<double>(2 * generator_pass_.batch());
  return l;
}

double TrainingStep::half_squares(int64_t first, const Parameters& params) const {
  const double* begin = figures_host_.as<double>() + first;
  return std::accumulate(begin, begin + params.pieces().size(), 0.0);
}

double TrainingStep::generator_decay_loss() const {
  return decay_factor(model_.generator) * half_squares(kHalfSquares, model_.generator_params);
}

double TrainingStep::discriminator_decay_loss() const {
  return decay_factor(model_.discriminator) *
         half_squares(discriminator_half_squares(), model_.discriminator_params);
}

bool TrainingStep::is_finite(const Losses& l) const {
  const double seen[] = {l.gene_loss_ori,         l.adv_disc_loss,
                         generator_decay_loss(),  discriminator_decay_loss(),
                         value(kGeneratorOthers), value(kDiscriminatorOthers)};
  return std::all_of(std::begin(seen), std::end(seen), [](double figure) { return std::isfinite(figure); });
}

bool TrainingStep::is_state_finite() {
  const auto finite = [&](const Tensor& values) {
    sum_of_squares(ctx_, values, figure(kChecked));
    read_figures();
    wait_for_figures();
    return std::isfinite(value(kChecked));
  };
  for (const Parameters* params : {&model_.generator_params, &model_.discriminator_params}) {
    if (!finite(params->values()) || !finite(params->moments1()) || !finite(params->moments2())) return false;
    const auto kind = ParameterId::Kind::kRunning;
    for (size_t i = 0; i < params->spec().list(kind).size(); ++i)
      if (!finite(params->value({kind, i}))) return false;
  }
  return true;
}

double TrainingStep::adversarial_share() const {
  const double whole = value(kImageSquares);
  return whole > 0 ? std::sqrt(value(kAdversarialSquares) / whole) : 0;
}

int64_t TrainingStep::bytes() const {
  return generator_pass_.bytes() + real_pass_.bytes() + fake_pass_.bytes() + arena_.planned_bytes();
}

int64_t TrainingStep::product_flop() const {
  return step_product_flop(model_.generator, model_.discriminator, generator_pass_.batch(), options_);
}

int64_t step_product_flop(const Network& generator, const Network& discriminator, int64_t batch,
                          const StepOptions& options) {
  // A pass's backward needs as many products for the input's gradient and as many for the weights'; the first
  // layer has no input gradient where nobody asks for it.
  const int64_t gene = generator.product_flop(batch), disc = discriminator.product_flop(batch);
  const int64_t gene_first = first_layer_flop(generator, batch);
  const int64_t disc_first = first_layer_flop(discriminator, batch);
  const int64_t d = options.disc_iter, g = options.gene_iter;
  const int64_t gene_forwards = options.reuse ? std::max<int64_t>(g, d > 0 ? 1 : 0) : g + d;
  const int64_t real_forwards = options.reuse ? d + (g > 0 ? 1 : 0) : g + d;
  return gene_forwards * gene + g * (2 * gene - gene_first)  // generator
         + (real_forwards + g + d) * disc                    // discriminator, forward
         + d * 2 * (2 * disc - disc_first) + g * disc;       // its backward: weights; image
}

}  // namespace inpaint
