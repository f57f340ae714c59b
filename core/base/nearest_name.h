// The known name a mistyped word was probably meant to be.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace inpaint {

// The least number of insertions, deletions and replacements of a byte and swaps of two neighbours that turn
// a into b, no byte edited twice (optimal string alignment distance).
int edit_distance(std::string_view a, std::string_view b);

// The name nearest to the word (the first of equals), or "" when none lies within two edits or when so many
// edits would replace the whole word.
std::string_view nearest_name(std::string_view word, std::span<const std::string_view> names);

// " (did you mean NAME?)", or "" when no name is near: the tail of an error message.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> names);

}  // namespace inpaint
