// Is there room for a run's checkpoints? Asked before training starts, so that no night ends with a
// full disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace inpaint {

// Bytes that this user may still write to the file system that holds `folder` (or would: the nearest folder
// above it that exists counts).
int64_t free_bytes(const std::filesystem::path& folder);

// UserError with the figures when `folder` has no room for `copies` checkpoints of this size beside all else,
// those that are there already taken as overwritten. At least the one that is written before an old one goes
// has to fit.
void check_disk_space(const std::filesystem::path& folder, int64_t checkpoint_bytes, int64_t copies);

// "3.25 GiB", "17.0 MiB", "512 bytes": figures for people.
std::string bytes_text(int64_t bytes);

}  // namespace inpaint
