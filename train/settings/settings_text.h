// Settings as text for people and for checkpoints.
#pragma once

#include <map>
#include <string>

#include "train/settings/settings.h"

namespace inpaint {

// Every flag and its value, a line each: what a run prints at its start.
std::string describe_settings(const TrainSettings& settings);

// The flags that the weights come from, "name:value" a line, and a blank line at the end: one entry
// of configs.txt.
std::string to_configs_entry(const TrainSettings& settings);

// Every flag as "flag.<name>" -> value, and back to equal settings, to the bit. Reading passes over other
// keys; a flag the metadata does not name has its default, so that files from before the flag existed stay
// readable. Throws UserError beginning with `where` (the file's name) for an unknown flag, a bad value, or no
// flag at all.
std::map<std::string, std::string> to_metadata(const TrainSettings& settings);
TrainSettings settings_from_metadata(const std::map<std::string, std::string>& metadata,
                                     const std::string& where);

}  // namespace inpaint
