#include "train/training_step.h"

#include <algorithm>

#include "kernels/adam.h"
#include "kernels/hole.h"
#include "kernels/sigmoid_bce.h"
#include "kernels/total_variation.h"

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
      fake_pass_(ctx, model.discriminator, batch_size, model.activation_dtype(), keep_of(model)) {
  const DType real = model.activation_dtype();
  const Shape masked = model.generator.in_shape(batch_size),
              hidden = model.discriminator.in_shape(batch_size);
  memory_.masked = arena_.reserve(masked, real);
  memory_.hidden = arena_.reserve(hidden, real);
  memory_.dfake = arena_.reserve(hidden, real);
  memory_.dscore = arena_.reserve({batch_size, 1}, real);
  for (int* id : {&memory_.rec, &memory_.tv, &memory_.gene, &memory_.real, &memory_.fake,
                  &memory_.correct_real, &memory_.correct_fake, &memory_.rate, &memory_.unused,
                  &memory_.generator_half_squares, &memory_.discriminator_half_squares})
    *id = arena_.reserve({1}, DType::kF64);
  arena_.allocate();
  ctx.reserve_workspace(std::max({reconstruction_loss_workspace_bytes(ctx, hidden),
                                  total_variation_workspace_bytes(ctx, hidden),
                                  adam_workspace_bytes(ctx, model.generator.spec().parameters()),
                                  adam_workspace_bytes(ctx, model.discriminator.spec().parameters())}));
}

void TrainingStep::load(const Tensor& images, const Tensor& offsets) {
  cut_hole(ctx_, images, offsets, masked_images(), hidden_images());
  generator_pass_current_ = real_pass_current_ = false;
}

Losses TrainingStep::train() {
  for (int i = 0; i < options_.disc_iter; ++i) update_discriminator();
  for (int i = 0; i < options_.gene_iter; ++i) update_generator();
  return read_losses();
}

Losses TrainingStep::watch(Statistics statistics) {
  generator_pass_current_ = real_pass_current_ = false;
  forward_generator(statistics);
  forward_real(statistics);
  forward_fake(statistics);
  judge_scores();
  sigmoid_bce(ctx_, fake_scores(), 1, 0, arena_.tensor(memory_.gene), arena_.tensor(memory_.unused), nullptr);
  reconstruction_loss(ctx_, options_.norm, fake_images(), hidden_images(), 0, arena_.tensor(memory_.rec),
                      nullptr, GradMode::kOverwrite);
  total_variation(ctx_, fake_images(), 0, arena_.tensor(memory_.tv), nullptr, GradMode::kOverwrite);
  generator_pass_current_ = real_pass_current_ = false;
  return read_losses();
}

// A pass is run only when what it holds is out of date. Batch norm's running averages are moved by the
// caller, once for each time the source program runs the pass.
void TrainingStep::forward_generator(Statistics statistics) {
  if (!(generator_pass_current_ && options_.reuse))
    model_.generator.forward(ctx_, model_.generator_params, masked_images(), statistics, generator_pass_);
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

// The discriminator's loss and accuracy, without gradients.
void TrainingStep::judge_scores() {
  sigmoid_bce(ctx_, real_scores(), 1, 0, arena_.tensor(memory_.real), arena_.tensor(memory_.correct_real),
              nullptr);
  sigmoid_bce(ctx_, fake_scores(), 0, 0, arena_.tensor(memory_.fake), arena_.tensor(memory_.correct_fake),
              nullptr);
}

void TrainingStep::update_discriminator() {
  const Network &generator = model_.generator, &disc = model_.discriminator;
  const Parameters &generator_params = model_.generator_params, &disc_params = model_.discriminator_params;

  forward_generator(Statistics::kBatch);
  generator.update_running(ctx_, generator_params, generator_pass_);
  forward_real(Statistics::kBatch);
  disc.update_running(ctx_, disc_params, real_pass_);
  forward_fake(Statistics::kBatch);
  disc.update_running(ctx_, disc_params, fake_pass_);

  // The mean over 2N scores is half the sum of the two means over N.
  const double weight = options_.lamb_adv / 2;
  const Tensor dscore = arena_.tensor(memory_.dscore);
  sigmoid_bce(ctx_, real_scores(), 1, weight, arena_.tensor(memory_.real),
              arena_.tensor(memory_.correct_real), &dscore);
  disc.backward(ctx_, disc_params, dscore, nullptr, ParameterGrads::kOverwrite, real_pass_);
  sigmoid_bce(ctx_, fake_scores(), 0, weight, arena_.tensor(memory_.fake),
              arena_.tensor(memory_.correct_fake), &dscore);
  disc.backward(ctx_, disc_params, dscore, nullptr, ParameterGrads::kAccumulate, fake_pass_);

  update(disc, disc_params, discriminator_learning_rate(), ++discriminator_updates,
         memory_.discriminator_half_squares);
  real_pass_current_ = false;
}

void TrainingStep::update_generator() {
  const Network &generator = model_.generator, &disc = model_.discriminator;
  const Parameters &generator_params = model_.generator_params, &disc_params = model_.discriminator_params;

  forward_generator(Statistics::kBatch);
  generator.update_running(ctx_, generator_params, generator_pass_);
  // The real batch: for the printed figures, and because the source program's pass moves the averages.
  forward_real(Statistics::kBatch);
  disc.update_running(ctx_, disc_params, real_pass_);
  forward_fake(Statistics::kBatch);
  disc.update_running(ctx_, disc_params, fake_pass_);
  judge_scores();

  // Through the discriminator for the image's gradient only; its own parameters' gradients are not touched.
  const Tensor dscore = arena_.tensor(memory_.dscore), dfake = arena_.tensor(memory_.dfake);
  sigmoid_bce(ctx_, fake_scores(), 1, options_.lamb_adv, arena_.tensor(memory_.gene),
              arena_.tensor(memory_.unused), &dscore);
  disc.backward(ctx_, disc_params, dscore, &dfake, ParameterGrads::kSkip, fake_pass_);
  reconstruction_loss(ctx_, options_.norm, fake_images(), hidden_images(), options_.lamb_rec,
                      arena_.tensor(memory_.rec), &dfake, GradMode::kAccumulate);
  total_variation(ctx_, fake_images(), options_.lamb_tv, arena_.tensor(memory_.tv), &dfake,
                  GradMode::kAccumulate);
  generator.backward(ctx_, generator_params, dfake, nullptr, ParameterGrads::kOverwrite, generator_pass_);

  update(generator, generator_params, generator_learning_rate(), ++generator_updates,
         memory_.generator_half_squares);
  generator_pass_current_ = false;
}

void TrainingStep::update(const Network& network, const Parameters& params, double learning_rate, int64_t t,
                          int half_squares) {
  AdamOptions adam_options;
  adam_options.learning_rate = learning_rate;
  adam_options.beta2 = options_.weight_clip ? 0.999 : 0.9;
  adam_options.weight_decay = decay_factor(network);
  if (options_.weight_clip) adam_options.clip = kGradientClip;
  const Tensor rate = arena_.tensor(memory_.rate), sum = arena_.tensor(half_squares);
  *rate.as<double>() = adam_rate(adam_options, t);
  adam(ctx_, adam_options, rate, network.spec().elements(ParameterId::Kind::kWeight), params.grads(),
       params.values(), params.moments1(), params.moments2(), params.weights_bf16(), &sum);
}

Losses TrainingStep::read_losses() const {
  Losses l;
  l.rec_loss = scalar(memory_.rec);
  l.adv_gene_loss = scalar(memory_.gene);
  l.tv_loss = scalar(memory_.tv);
  l.gene_loss_ori =
      options_.lamb_adv * l.adv_gene_loss + options_.lamb_rec * l.rec_loss + options_.lamb_tv * l.tv_loss;
  l.adv_disc_loss = (scalar(memory_.real) + scalar(memory_.fake)) / 2;
  l.disc_loss_ori = options_.lamb_adv * l.adv_disc_loss;
  l.disc_acc = (scalar(memory_.correct_real) + scalar(memory_.correct_fake)) /
               static_cast<double>(2 * generator_pass_.batch());
  return l;
}

double TrainingStep::generator_decay_loss() const {
  return decay_factor(model_.generator) * scalar(memory_.generator_half_squares);
}

double TrainingStep::discriminator_decay_loss() const {
  return decay_factor(model_.discriminator) * scalar(memory_.discriminator_half_squares);
}

int64_t TrainingStep::bytes() const {
  return generator_pass_.bytes() + real_pass_.bytes() + fake_pass_.bytes() + arena_.planned_bytes();
}

int64_t TrainingStep::product_flop() const {
  // A pass's backward needs as many products for the input's gradient and as many for the weights'; the first
  // layer has no input gradient where nobody asks for it.
  const int64_t batch = generator_pass_.batch();
  const int64_t gene = model_.generator.product_flop(batch), disc = model_.discriminator.product_flop(batch);
  const int64_t gene_first = first_layer_flop(model_.generator, batch);
  const int64_t disc_first = first_layer_flop(model_.discriminator, batch);
  const int64_t d = options_.disc_iter, g = options_.gene_iter;
  const int64_t gene_forwards = options_.reuse ? std::max<int64_t>(g, d > 0 ? 1 : 0) : g + d;
  const int64_t real_forwards = options_.reuse ? d + (g > 0 ? 1 : 0) : g + d;
  return gene_forwards * gene + g * (2 * gene - gene_first)  // generator
         + (real_forwards + g + d) * disc                    // discriminator, forward
         + d * 2 * (2 * disc - disc_first) + g * disc;       // its backward: weights; image
}

}  // namespace inpaint
