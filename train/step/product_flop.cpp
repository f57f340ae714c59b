#include "train/step/product_flop.h"

#include <algorithm>

namespace inpaint {
namespace {

int64_t first_layer_flop(const Network& network, int64_t batch) {
  return network.nodes().front().layer->product_flop(network.in_shape(batch));
}

}  // namespace

int64_t step_product_flop(const Network& generator, const Network& discriminator, int64_t batch,
                          const StepOptions& options) {
  // A pass's backward needs as many products for the input's gradient and as many for the weights'; the first
  // layer has no input gradient where nobody asks for it.
  const int64_t gene = generator.product_flop(generator.in_shape(batch)),
                disc = discriminator.product_flop(discriminator.in_shape(batch));
  const int64_t gene_first = first_layer_flop(generator, batch);
  const int64_t disc_first = first_layer_flop(discriminator, batch);
  const int64_t d = options.disc_iter, g = options.gene_iter;
  const bool keeps_generator_pass = options.reuse && options.micro_batches == 1;  // from update to update
  const int64_t gene_forwards = keeps_generator_pass ? std::max<int64_t>(g, d > 0 ? 1 : 0) : g + d;
  const int64_t real_forwards = options.reuse ? d + (g > 0 ? 1 : 0) : g + d;
  return options.micro_batches *
         (gene_forwards * gene + g * (2 * gene - gene_first)  // generator
          + (real_forwards + g + d) * disc                    // discriminator, forward
          + d * 2 * (2 * disc - disc_first) + g * disc);      // its backward: weights; image
}

}  // namespace inpaint
