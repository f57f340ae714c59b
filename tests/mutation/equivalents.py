"""Mutants that no test can catch: (file, the line, the line edited): the reason."""

EQUIVALENT = {
    ("kernels/fill/patch_match_cuda.cu", "if (threadIdx.x == 0) count = 0;", "if (threadIdx.x == (0 + 1)) count = 0;"):
        "any one thread may clear the count: all wait for it behind that line",
    ("kernels/picture/image_quality_cuda.cu",
     'launch("byte_errors", ctx.stream(), grid, block, 0, masked_errors_kernel, as, bs, mask.as<uint8_t>(),',
     'launch("byte_errors", ctx.stream(), grid, block, (0 + 1), masked_errors_kernel, as, bs, mask.as<uint8_t>(),'):
        "a byte of shared memory that the kernel does not use",
    ("kernels/cuda/channel_blocks_cuda.h", "const int64_t vectors = (channels + v - 1) / v;",
     "const int64_t vectors = (channels + v - (1 - 1)) / v;"):
        "threads without a channel, which end at once: the same values, slower",
    ("kernels/fill/harmonic_fill_cuda.cu",
     "for (int lanes = 16; lanes > 0; lanes /= 2) value = max(value, __shfl_xor_sync(0xffffffffu, value, lanes));",
     "for (int lanes = (16 + 1); lanes > 0; lanes /= 2) "
     "value = max(value, __shfl_xor_sync(0xffffffffu, value, lanes));"):
        "lanes 17, 8, 4, 2 and 1 away reach all 32 as well, and a maximum may see a value twice",
    ("kernels/picture/image_quality_cuda.cu", "constexpr int kBand = 16;", "constexpr int kBand = (16 + 1);"):
        "how many rows a block takes is a choice of speed; every window is made once",
    ("kernels/conv/conv2d_cuda.cpp", "int64_t workspace_bytes = 0;", "int64_t workspace_bytes = (0 + 1);"):
        "a byte more of memory while the ways are measured",
    ("kernels/loss/reconstruction_loss_cuda.cu", "const auto kernel = can_pack<kSize>(fakes, hiddens, dfakes)",
     "const auto kernel = can_pack<kSize>(hiddens, fakes, dfakes)"):
        "all three have to be aligned, in whatever order they are asked for",
    ("kernels/picture/compose_hole_cuda.cu", "const bool packed = can_pack<kSize>(from, to) && can_pack<kSize>(residuals);",
     "const bool packed = can_pack<kSize>(to, from) && can_pack<kSize>(residuals);"):
        "both have to be aligned, in whatever order they are asked for",
    ("kernels/conv/conv2d_few_cuda.cu", "if (o0 != loaded) {", "if (true || (o0 != loaded)) {"):
        "loads the weights again that are there: the same values, slower",
    ("kernels/conv/conv2d_few_cuda.cu",
     "dim3(kThreads), 0, conv2d_few_forward_kernel<decltype(channels)::value>, plan_for(s), words_of(x),",
     "dim3(kThreads), (0 + 1), conv2d_few_forward_kernel<decltype(channels)::value>, plan_for(s), words_of(x),"):
        "a byte of shared memory that the kernel does not use",
    ("kernels/picture/to_bytes_cuda.cu",
     'launch_1d("to_bytes", ctx.stream(), (n + kSize - 1) / kSize, kernel, from, n, to);',
     'launch_1d("to_bytes", ctx.stream(), (n + kSize - 1) * kSize, kernel, from, n, to);'):
        "threads that find no values left for them: the same bytes, slower",
    ("kernels/conv/conv2d_cuda.cpp", "constexpr size_t kMostEngines = 16;      // tried",
     "constexpr size_t kMostEngines = (16 - 1);      // tried"):
        "how many engines are measured is a choice of speed",
    ("kernels/cpu/window_product_cpu.cpp", "tile.ahead_step = step;", "/* tile.ahead_step = step; */;"):
        "memory that is fetched for later: the same values, slower",
    ("kernels/conv/conv2d_tile_weight_cpu.cpp", "tile.left_ahead = kBlock * s.co;", "tile.left_ahead = kBlock / s.co;"):
        "memory that is fetched for later: the same values, slower",
    ("kernels/conv/conv2d_winograd_products_cpu.h", "constexpr int64_t kBlock = 8;", "constexpr int64_t kBlock = (8 + 1);"):
        "how many squares a thread takes at a time is a choice of speed",
    ("train/datasets/data_conversion.cpp", "std::vector<Reading> readings(static_cast<size_t>(end - begin));",
     "std::vector<Reading> readings(static_cast<size_t>(end + begin));"):
        "room for readings that nobody makes or looks at",
    ("train/fill/inference_model.cpp", "int pictures_, offsets_, masked_, hidden_;",
     "int pictures_, masked_, offsets_, hidden_;"):
        "members that are set by name",
    ("train/data/batch_loader.h", "int64_t index = 0;                      // within the epoch",
     "int64_t index = (0 + 1);                      // within the epoch"):
        "every batch that is loaded is given its index",
    ("kernels/linear/spectral_norm_cuda.cu",
     'launch("spectral_norm rows", ctx.stream(), blocks_for((m.k + kWarps - 1) / kWarps), dim3(kBlockThreads), 0,',
     'launch("spectral_norm rows", ctx.stream(), blocks_for((m.k + kWarps - 1) / kWarps), dim3(kBlockThreads), (0 + 1),'):
        "a byte of shared memory that the kernel does not use",
    ("kernels/linear/spectral_norm_cuda.cu",
     "dim3 blocks_for(int64_t tiles) { return dim3(static_cast<unsigned>(std::min(tiles, kMaxBlocks1d))); }",
     "dim3 blocks_for(int64_t tiles) { return dim3(static_cast<unsigned>(std::max(tiles, kMaxBlocks1d))); }"):
        "blocks without a tile, or one for each tile: the same sums",
    ("kernels/fill/harmonic_fill_cuda.cu", "if (right) known += known_weight(fine, i + 1);",
     "if (true || (right)) known += known_weight(fine, i + 1);"):
        "what lies behind the last column is the ring, whose weights are 0",
    ("kernels/conv/conv2d_few_cuda.cu", "expect_taken(x, w, y);", "expect_taken(w, x, y);"):
        "all three have to be aligned, in whatever order they are asked for",
    ("kernels/channel/group_norm_cuda.cu", "const double n = static_cast<double>(groups.channels * b.rows);",
     "const double n = static_cast<float>(groups.channels * b.rows);"):
        "a whole number that a float holds, below 2^24: pictures of a megapixel and more differ in the eighth digit",
    ("kernels/linear/linear_adam_cpu.cpp", "bool takes = false;", "bool takes = true;"):
        "every type of activation gives it its value",
    ("kernels/fill/harmonic_fill_cpu.cpp", "for (int64_t i = row; i < row + g.w; ++i)",
     "for (int64_t i = row; i <= row + g.w; ++i)"):
        "what lies behind the last column is the ring, which is 0 and stays so",
    ("kernels/loss/hole_loss_cpu.cpp", "return {static_cast<double>(c * missing_pixels), absolute.total(), squares.total()};",
     "return {static_cast<float>(c * missing_pixels), absolute.total(), squares.total()};"):
        "a block has few pixels: a whole number that a float holds",
    ("train/learner/learner.cpp",
     "const auto weights = static_cast<double>(network.spec().list(ParameterId::Kind::kWeight).size());",
     "const auto weights = static_cast<float>(network.spec().list(ParameterId::Kind::kWeight).size());"):
        "a network has few weights: a whole number that a float holds",
    ("train/run/run_plan.cpp", "steps / static_cast<double>(epoch_steps));", "steps / static_cast<float>(epoch_steps));"):
        "three digits of it are printed",
    ("train/settings/flags_file.cpp", "if (i + 1 == text.size() || (text[i + 1] != '\"' && text[i + 1] != '\\\\'))",
     "if (i + (1 - 1) == text.size() || (text[i + 1] != '\"' && text[i + 1] != '\\\\'))"):
        "behind the value stands a blank or the end of the text, neither of the two",
    ("train/serve/http_server.cpp", "received_ += static_cast<int64_t>(size);", "received_ += static_cast<int32_t>(size);"):
        "a piece is as large as libmicrohttpd's memory for a connection, not 2 GiB",
    ("train/datasets/scenes/scene.h",
     "double cosine_ = 1, sine_ = 0, scale_ = 1, tilt_x_ = 0, tilt_y_ = 0, shift_u_ = 0, shift_v_ = 0;",
     "double cosine_ = (1 + 1), sine_ = 0, scale_ = 1, tilt_x_ = 0, tilt_y_ = 0, shift_u_ = 0, shift_v_ = 0;"):
        "a view that was not drawn is replaced before anything is seen by it",
    ("train/score/scores.h", "double l1_percent = 0;       // 100 mean |a - b| / 255",
     "double l1_percent = (0 + 1);       // 100 mean |a - b| / 255"):
        "every score is given all its figures",
}
