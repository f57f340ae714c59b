#include "core/base/nearest_name.h"

#include <doctest/doctest.h>

using namespace inpaint;

TEST_CASE("nearest_name: edit distance counts insertions, deletions, replacements and swaps") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("abc", "") == 3);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("epoch", "epoch") == 0);
  CHECK(edit_distance("epochs", "epoch") == 1);
  CHECK(edit_distance("epch", "epoch") == 1);
  CHECK(edit_distance("epocj", "epoch") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("hlep", "help") == 1);
  CHECK(edit_distance("ab", "ba") == 1);
  CHECK(edit_distance("abc", "cab") == 2);
  CHECK(edit_distance("ca", "abc") == 3);  // a swap, and nothing put between the two
  CHECK(edit_distance("saturday", "sunday") == 3);
}

TEST_CASE("nearest_name: the nearest within two edits") {
  constexpr std::string_view kNames[] = {"epoch", "start_epoch", "gpu", "ckpt", "sample", "simple"};
  CHECK(nearest_name("epochs", kNames) == "epoch");
  CHECK(nearest_name("epohcsx", kNames) == "");  // three edits
  CHECK(nearest_name("strt_epoc", kNames) == "start_epoch");
  CHECK(nearest_name("sumple", kNames) == "sample");  // of equals the first
  CHECK(nearest_name("cpu", kNames) == "gpu");
  CHECK(nearest_name("learning", kNames) == "");
  // Two edits of two letters leave nothing of the word.
  CHECK(nearest_name("gx", kNames) == "");
  CHECK(nearest_name("gp", kNames) == "gpu");
  CHECK(nearest_name("", kNames) == "");
  const std::string longest(100, 'e');
  const std::string_view long_names[] = {longest};
  CHECK(nearest_name(longest, long_names) == longest);
  CHECK(nearest_name(longest + "e", long_names) == "");  // longer words are not looked at
  CHECK(did_you_mean("epocj", kNames) == " (did you mean epoch?)");
  CHECK(did_you_mean("xxxxxx", kNames) == "");
}
