"""Known bugs, one edit each: (file, as it is, as it is wrong, what is wrong, where a test has to see it).

The last entries name a test program (or the comparison in parity/) and a filter of its cases. `as it is` stands in the file; its first occurrence is
edited. The bugs marked FAST are the ones every CI run plants.
"""

FAST = True

CORE, KERNELS, NN, TRAIN = "core_tests", "kernels_tests", "nn_tests", "train_tests"
RELIABILITY = "reliability_tests"
PARITY, REPLAY = "parity", "replay: fp64: 64, grey, random block, L2, plain*"

BUGS = [
    # Batch norm
    ("kernels/batch_norm_cpu.cpp", "total_m2[c] / rows", "total_m2[c] / (rows - 1)", "unbiased variance", KERNELS, "batch_norm*", FAST),
    ("kernels/batch_norm_cpu.cpp", "block_m2[c] + delta * delta * (n * share)", "block_m2[c]", "variance between blocks missing", KERNELS, "batch_norm*"),
    ("kernels/batch_norm_cpu.cpp", "static_cast<double>(variance) + epsilon", "static_cast<double>(variance)", "epsilon missing", KERNELS, "batch_norm*"),
    ("kernels/batch_norm_cpu.cpp", "return (x - mean[l]) * scale[l] + beta[l];", "return (x - mean[l]) * scale[l];", "beta missing", KERNELS, "batch_norm*"),
    ("kernels/batch_norm_cpu.cpp", "return gamma[c] * inverse_deviation", "return inverse_deviation", "gamma missing", KERNELS, "batch_norm*"),
    ("kernels/batch_norm_cpu.cpp", "(dz - mean_dz[l] - (", "(dz - (", "sum of dz missing in dx", KERNELS, "batch_norm*"),
    ("kernels/batch_norm_cpu.cpp", "(dz - mean_dz[l] - (", "(dz - mean_dz[l] + (", "sign of the xhat term in dx", KERNELS, "batch_norm*"),
    ("kernels/batch_norm_cpu.cpp", "const T keep = static_cast<T>(decay), take = static_cast<T>(1 - decay);", "const T keep = static_cast<T>(1 - decay), take = static_cast<T>(decay);", "momentum swapped", KERNELS, "batch_norm*"),
    # Activations, bias, gradient modes, sums
    ("kernels/activation_cpu.h", "return dy * (1 - at * at);", "return dy * (1 - at);", "derivative of tanh", KERNELS, "bias_activation*"),
    ("kernels/activation_cpu.h", "return at > 0 ? dy : sloped;", "return dy;", "leaky slope missing in backward", KERNELS, "bias_activation*,batch_norm*"),
    ("kernels/activation_cpu.h", "return at > 0 ? dy : T{0};", "return at >= 0 ? dy : T{0};", "ReLU's kink on the other side", KERNELS, "bias_activation*,batch_norm*"),
    ("kernels/bias_activation_cpu.cpp", "x[at + l] + lane_bias[l]", "x[at + l] - lane_bias[l]", "sign of the bias", KERNELS, "bias_activation*"),
    ("kernels/grad_mode_cpu.h", "static_cast<T>(to[i] + value);", "static_cast<T>(value);", "accumulate overwrites", KERNELS, "reconstruction_loss*,total_variation*"),
    ("kernels/lane_sum_cpu.h", "for (int64_t l = 0; i + l < end; ++l)", "for (int64_t l = 1; i + l < end; ++l)", "tail of a sum off by one", KERNELS, "reconstruction_loss*,total_variation*"),
    # Losses
    ("kernels/reconstruction_loss_cpu.cpp", "ReconstructionNorm::kL2 ? 2 : 1", "ReconstructionNorm::kL2 ? 1 : 1", "factor 2 of the L2 gradient", KERNELS, "reconstruction_loss*", FAST),
    ("kernels/reconstruction_loss_cpu.cpp", "fake[i] - hidden[i]", "hidden[i] - fake[i]", "sign of the difference", KERNELS, "reconstruction_loss*"),
    ("kernels/sign_cpu.h", "d == 0 ? T{0} : std::copysign(T{1}, d)", "std::copysign(T{1}, d)", "sign of 0", KERNELS, "reconstruction_loss*,total_variation*"),
    ("kernels/total_variation_cpu.cpp", "(sign(up) +", "(-sign(up) +", "sign of one neighbour", KERNELS, "total_variation*"),
    ("kernels/total_variation_cpu.cpp", "/ static_cast<double>(s.n);\n}", "/ static_cast<double>(s.n * s.h);\n}", "mean over rows too", KERNELS, "total_variation*"),
    ("kernels/sigmoid_bce_cpu.cpp", "sigmoid > 0.5", "sigmoid >= 0.5", "one half rounds up", KERNELS, "sigmoid_bce*"),
    ("kernels/sigmoid_bce_cpu.cpp", "std::exp(-std::abs(x))", "std::exp(-x)", "overflow of large logits", KERNELS, "sigmoid_bce*", FAST),
    ("kernels/sigmoid_bce_cpu.cpp", "- x * label +", "+ x * label +", "sign of the label's term", KERNELS, "sigmoid_bce*"),
    # Adam
    ("kernels/adam_cpu.cpp", "std::min(std::max(grad[i] + decay * w[i], -k.clip), k.clip)", "std::min(std::max(grad[i], -k.clip), k.clip) + decay * w[i]", "clip before decay", KERNELS, "adam*"),
    ("kernels/adam_cpu.cpp", "i < decayed ? k.decay : T{0}", "k.decay", "decay on biases", KERNELS, "adam*", FAST),
    ("kernels/adam_cpu.cpp", "(std::sqrt(v[i]) + k.epsilon)", "std::sqrt(v[i] + k.epsilon)", "epsilon inside the root", KERNELS, "adam*"),
    ("kernels/adam.cpp", "std::sqrt(1 - std::pow(options.beta2", "(1 - std::pow(options.beta2", "root missing in the rate", KERNELS, "adam*"),
    ("kernels/adam_cpu.cpp", "k.rest2 * (g * g)", "k.rest2 * g", "square missing", KERNELS, "adam*"),
    # Products
    ("kernels/conv2d_cpu.cpp", "const int64_t y = kStride * i + ky - kPad, left", "const int64_t y = kStride * i + ky, left", "padding of rows", KERNELS, "conv2d*"),
    ("kernels/conv2d_cpu.cpp", "to[k] += from[k];", "to[k] = from[k];", "overlapping windows overwrite", KERNELS, "conv2d*"),
    ("kernels/conv2d_cpu.cpp", "begin == 0 && mode == GradMode::kOverwrite", "mode == GradMode::kOverwrite", "later pictures overwrite the weight gradient", KERNELS, "conv2d*"),
    ("kernels/linear_cpu.cpp", "mode == GradMode::kOverwrite ? T{0} : T{1}", "T{0}", "weight gradient never accumulates", KERNELS, "linear*", FAST),
    # Holes, random numbers, metrics
    ("kernels/hole_cpu.cpp", "offsets[2 * n] + i) * s.size + offsets[2 * n + 1]", "offsets[2 * n + 1] + i) * s.size + offsets[2 * n]", "row and column swapped", KERNELS, "hole*"),
    ("kernels/hole_cpu.cpp", "- F(127.5)) / F(127.5)", "- F(127.5)) / F(128)", "scale of pixels", KERNELS, "hole*"),
    ("core/philox.cpp", "std::abs(value) <= 2.0", "std::abs(value) <= 2.5", "cut at 2.5 deviations", KERNELS, "random_fill*"),
    ("kernels/image_quality_cpu.cpp", "kVariance = 1.0 / (kPixels * (kPixels - 1))", "kVariance = 1.0 / (kPixels * kPixels)", "population statistics in SSIM", KERNELS, "image quality*"),
    ("kernels/image_quality_cpu.cpp", "(0.03 * 255) * (0.03 * 255)", "(0.01 * 255) * (0.03 * 255)", "SSIM's second constant", KERNELS, "image quality*"),
    # CUDA kernels, run by the executor
    ("kernels/sigmoid_bce_cuda.cu", "  __syncthreads();\n  right", "  right", "CUDA: barrier missing between two sums of a block", KERNELS, "sigmoid_bce*", FAST),
    ("kernels/block_sum_cuda.h", "  __syncthreads();\n", "", "CUDA: barrier missing in the sum of a block", KERNELS, "total_variation*"),
    ("kernels/image_quality_cuda.cu", "      __syncthreads();\n      if (static_cast<int>(threadIdx.x) < windows)", "      if (static_cast<int>(threadIdx.x) < windows)", "CUDA: barrier missing before the windows are read", KERNELS, "image quality*"),
    ("kernels/values_cuda.h", "if (i + k < end) array[i + k] = pack[k];", "if (i + k <= end) array[i + k] = pack[k];", "CUDA: a store one past the tail", KERNELS, "to_bytes*"),
    ("kernels/values_cuda.h", "pack[k] = i + k < end ?", "pack[k] = i + k <= end ?", "CUDA: a load one past the tail", KERNELS, "reconstruction_loss*"),
    ("kernels/partial_sums_cuda.h", "i < n; i += kBlockThreads", "i <= n; i += kBlockThreads", "CUDA: one partial sum too many", KERNELS, "reconstruction_loss*"),
    ("kernels/image_quality_cuda.cu", "columns[k] = 0;", ";", "CUDA: shared memory that was never written", KERNELS, "image quality*"),
    ("kernels/block_sum_cuda.h", "__shfl_xor_sync(0xffffffffu,", "__shfl_xor_sync(0x0000ffffu,", "CUDA: half the warp not in the mask", KERNELS, "total_variation*"),
    ("kernels/block_sum_cuda.h", "if (threadIdx.x < 32) value = warp_sum(", "if (threadIdx.x < kThreads / 32) value = warp_sum(", "CUDA: lanes in the mask that do not come", KERNELS, "total_variation*"),
    ("kernels/partial_sums_cuda.h", "  mine = block_sum(mine);\n  if (threadIdx.x == 0) *sum = mine / divisor;", "  if (threadIdx.x == 0) *sum = 0;\n  __syncthreads();\n  atomicAdd(sum, mine / divisor);", "CUDA: a sum by atomics, in any order", KERNELS, "*same bits*"),
    ("kernels/grad_mode_cuda.h", "pack[k] = rounded_to<T>(value_of(pack[k]) + values[k]);", "pack[k] = rounded_to<T>(values[k]);", "CUDA: accumulate overwrites", KERNELS, "reconstruction_loss*"),
    ("kernels/total_variation_cuda.cu", "n += gridDim.y)", "n += gridDim.x)", "CUDA: pictures skipped in the second round of blocks", KERNELS, "total_variation*"),
    ("kernels/to_bytes_cuda.cu", "__fadd_rn(product(value), 127.5f)", "__fmaf_rn(static_cast<float>(value), 127.5f, 127.5f)", "CUDA: one rounding where the contract has two", KERNELS, "to_bytes*"),
    ("kernels/hole_cuda.cu", "return __fmaf_rn(__fmaf_rn(-quotient, 127.5f, value), kReciprocal, quotient);", "return quotient;", "CUDA: the reciprocal's rounding in a pixel", KERNELS, "hole*"),
    ("kernels/hole_cuda.cu", "min(max(offsets[2 * n], 0), last)", "offsets[2 * n]", "CUDA: holes outside the picture not moved", KERNELS, "hole*"),
    ("kernels/sigmoid_bce_cuda.cu", "exp(-fabs(x))", "exp(-x)", "CUDA: overflow of large logits", KERNELS, "sigmoid_bce*"),
    ("kernels/channel_blocks_cuda.h", "  __syncthreads();\n  if (thread >= columns * V) return;", "  if (thread >= columns * V) return;", "CUDA: barrier missing in the sum over rows", KERNELS, "batch_norm*", FAST),
    ("kernels/channel_blocks_cuda.h", "row + (kRows - 1) * lanes < end", "row + (kRows - 1) * lanes <= end", "CUDA: a group of rows one past the block", KERNELS, "batch_norm: statistics*"),
    ("kernels/channel_blocks_cuda.h", "at += kRows * stride)", "at += stride)", "CUDA: rows read twice in later groups", KERNELS, "batch_norm: a GPU*"),
    ("kernels/channel_blocks_cuda.h", "if (channel >= b.channels) return;", "if (channel > b.channels) return;", "CUDA: a column of threads too many", KERNELS, "bias_activation: forward*"),
    ("kernels/channel_blocks_cuda.h", "distance < 32; distance *= 2", "distance < 16; distance *= 2", "CUDA: half the lanes left out of a sum", KERNELS, "bias_activation: backward*"),
    ("kernels/batch_norm_cuda.cu", "sums[1][k] += off * (2 * sums[0][k] + rows * off);", "sums[1][k] += off * (sums[0][k] + rows * off);", "CUDA: moments moved to another shift", KERNELS, "batch_norm: statistics*"),
    ("kernels/batch_norm_cuda.cu", "    for (int k = 0; k < V; ++k) base[threadIdx.x * V + k] = shift[k];\n  __syncthreads();", "    for (int k = 0; k < V; ++k) base[threadIdx.x * V + k] = shift[k];", "CUDA: barrier missing before the shifts are read", KERNELS, "batch_norm: statistics*"),
    ("kernels/batch_norm_cuda.cu", "mean[k] -= other[k];", "mean[k] += other[k];", "CUDA: sign of the bias in inference", KERNELS, "batch_norm: inference*"),
    ("kernels/batch_norm_cuda.cu", "rows_of_block(b, block), off = means[c]", "static_cast<double>(b.block_rows), off = means[c]", "CUDA: the last row block counted as a full one", KERNELS, "batch_norm: statistics*"),
    ("kernels/batch_norm_cuda.cu", "totals[1] * inverse * inverse / n", "totals[1] * inverse / n", "CUDA: deviation once too few in dx", KERNELS, "batch_norm: backward*"),
    ("kernels/bias_activation_cuda.cu", "accumulate ? static_cast<double>(dbias[channel]) : 0", "0", "CUDA: dbias never added to", KERNELS, "bias_activation: backward*"),
    ("kernels/bias_activation_cuda.cu", "return dy * (1 - y * y);", "return dy * (1 - y);", "CUDA: derivative of tanh", KERNELS, "bias_activation: backward*"),
    ("kernels/adam_cuda.cu", "const bool decays = i + j < decayed;", "const bool decays = i < decayed;", "CUDA: decay to the end of a vector", KERNELS, "adam: one*"),
    ("kernels/adam_cuda.cu", "i < n; i += kValues * grid_threads()", "i < n; i += kValues * grid_threads() + kValues", "CUDA: parameters left out in the second turn", KERNELS, "adam: a GPU*"),
    ("kernels/adam_cuda.cu", "store<kPacked>(copy, weights_bf16, i, decayed);", "store<kPacked>(copy, weights_bf16, i, n);", "CUDA: the bf16 copy written past its end", KERNELS, "adam: one*"),
    ("kernels/adam_cuda.cu", "  squares = block_sum(squares);\n", "", "CUDA: half_squares of one thread of a block", KERNELS, "adam: one*"),
    ("kernels/round_to_bf16_cuda.cu", "kernel, n, from, to)", "kernel, n - 1, from, to)", "CUDA: the last value not rounded", KERNELS, "round_to_bf16*"),
    # Layers and networks
    ("nn/network.cpp", "if (i == 0) {", "if (i == 99) {", "the input's gradient goes nowhere", NN, "*gradient*"),
    ("nn/batch_norm.cpp", "if (statistics == Statistics::kRunning) {", "if (statistics == Statistics::kBatch) {", "statistics of the wrong mode", NN, "*"),
    ("nn/context_encoder.cpp", "network.add<BiasActivation>(name, innermost.elements(), Activation::kNone);", "", "the decoder's bias missing", NN, "context encoder*"),
    ("nn/conv2d.cpp", "InitialValues::kTruncatedNormal", "InitialValues::kNormal", "initial values not cut", NN, "context encoder: initial*"),
    ("nn/linear.cpp", "if (grads != ParameterGrads::kSkip)", "if (true)", "gradients that should be skipped are written", NN, "network: parameter gradients*"),
    # The step
    ("train/training_step.cpp", "options.beta2 = options_.weight_clip ? 0.999 : 0.9;", "options.beta2 = options_.weight_clip ? 0.9 : 0.9;", "beta2 of the clipped rule", TRAIN, "training step*"),
    ("train/training_step.cpp", "  generator_pass_current_ = false;\n}\n\nAdamOptions", "}\n\nAdamOptions", "the generator's old pass used again", TRAIN, "training step*"),
    ("train/training_step.cpp", "  real_pass_current_ = false;\n}\n\nvoid TrainingStep::update_generator", "}\n\nvoid TrainingStep::update_generator", "the discriminator's old pass used again", TRAIN, "training step*"),
    ("train/training_step.cpp", "i < options_.gene_iter", "i < options_.disc_iter", "the wrong number of updates", TRAIN, "training step*"),
    ("train/training_step.cpp", "return TrainingStep::kWeightDecayRate /", "return 10 * TrainingStep::kWeightDecayRate /", "weight decay's rate", TRAIN, "training step*"),
    # What the independent implementation has to see
    ("nn/context_encoder.cpp", "Activation::kLeakyRelu", "Activation::kRelu", "the discriminator's activation", PARITY, REPLAY),
    ("nn/context_encoder.cpp", "Activation::kTanh", "Activation::kNone", "the generator's last activation", PARITY, REPLAY),
    ("train/training_step.cpp", "disc.update_running(ctx_, disc_params, real_pass_);", "", "running averages do not see the real batch", PARITY, REPLAY),
    ("train/training_step.cpp", "const double weight = options_.lamb_adv / 2;", "const double weight = options_.lamb_adv;", "the discriminator's loss is a sum of two means", PARITY, REPLAY),
    ("train/training_step.cpp", "sigmoid_bce(ctx_, fake_scores(), 1, options_.lamb_adv,", "sigmoid_bce(ctx_, fake_scores(), 0, options_.lamb_adv,", "the generator's label", PARITY, REPLAY),
    ("train/training_step.cpp", "ParameterGrads::kAccumulate, fake_pass_", "ParameterGrads::kOverwrite, fake_pass_", "the real batch's gradient lost", PARITY, REPLAY),
    # The run and its data
    ("train/resume.cpp", "load_model(ctx, file, model);", "model.initialize(ctx, 1);", "resume without the weights", TRAIN, "run: ten steps*"),
    ("train/training_run.cpp", "step_.generator_updates = state_.generator_updates;", "", "Adam's count forgotten at resume", TRAIN, "run: ten steps*", FAST),
    ("train/model_state.cpp", "t[b * taps + k] = o[k * channels + b];", "t[k * channels + b] = o[k * channels + b];", "a checkpoint in our layout, not PyTorch's", TRAIN, "run: ten steps*"),
    ("train/hole_placement.cpp", "image_size / 2", "image_size / 2 + 1", "holes one further than the source's", TRAIN, "hole placement*"),
    ("train/shuffle.cpp", "i + 1), i, round", "i), i, round", "a shuffle that keeps nothing in place", TRAIN, "shuffle*"),
    ("train/scores.cpp", "100 * absolute[i] / values / 255", "100 * absolute[i] / values / 256", "scale of L1", TRAIN, "scores*"),
    ("train/run_logs.cpp", 'events_.scalar(step, "adv_gene_loss", losses.gene_loss_ori);', 'events_.scalar(step, "adv_gene_loss", losses.adv_gene_loss);', "the meaning of a summary's tag", TRAIN, "run logs*"),
    ("train/training_run.cpp", "if (!step_.is_finite(losses)) {", "if (false) {", "the sentinel asleep", TRAIN, "non finite*"),
    ("train/training_step.cpp", "sum_of_squares(ctx_, other_values(params), figure(others));", "", "the sentinel blind to biases", TRAIN, "non finite*"),
    ("train/training_run.cpp", "step_.generator_updates = then.generator_updates;", "", "Adam's count forgotten at a rollback", TRAIN, "non finite*"),
    ("train/training_run.cpp", "state_.best_step = state_.step;", "state_.best_step = 0;", "the best checkpoint's step", TRAIN, "validation*"),
    ("train/validation_pass.cpp", "step.watch(Statistics::kRunning)", "step.train()", "validation trains", TRAIN, "validation*"),
    ("train/checkpoint_store.cpp", "remove_old(step);", "", "old checkpoints stay", TRAIN, "checkpoints*"),
    # What a save must not leave out
    ("core/replace_file.cpp", "  file_.sync();\n", "", "a save without fsync", RELIABILITY, "save order*", FAST),
    ("core/replace_file.cpp", "    sync_folder(folder_);\n", "", "a save without fsync of the folder", RELIABILITY, "save order*"),
    ("core/replace_file.cpp", "::rename(temporary_.c_str(), target_.c_str()) != 0", "!fs::copy_file(temporary_, target_, fs::copy_options::overwrite_existing)", "a save without rename", RELIABILITY, "save order*"),
    ("core/replace_file.cpp", "if (::rename(temporary_", "::unlink(target_.c_str());\n    if (::rename(temporary_", "the old file goes before the rename", RELIABILITY, "killed while saving: before every system call of a save*"),
    ("train/checkpoint_store.cpp", "replace_file(folder_ / kNewestName, name_of(step) + \"\\n\");", "", "the newest checkpoint is not named", TRAIN, "checkpoints*"),
    ("train/training_run.cpp", "    store_.name_best(state_.step);", "    static_cast<void>(0);", "a save killed before its last file leaves another best one", RELIABILITY, "killed while saving: before every system call of the first*"),
    ("core/safetensors.cpp", "if (crc != expected)", "if (false)", "a checksum that nobody compares", CORE, "safetensors*"),
    ("core/safetensors.cpp", "    SafetensorsFile(temporary, SafetensorsFile::Checksum::kRequired);\n", "    static_cast<void>(temporary);\n", "a save that is not read back", TRAIN, "checkpoints: what the disk spoils*"),
    ("core/thread_pool.cpp", "    stop();\n    throw;", "    throw;", "threads that nobody joins when there is no room for one more", RELIABILITY, "memory: whatever the limit*"),
]
