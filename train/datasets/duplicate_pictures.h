// Which pictures of a set are equal, or look alike. An equal one in another data set would be a score for
// what was learnt by heart.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "train/datasets/picture_mark.h"

namespace inpaint {

enum class Likeness {
  kNone,   // the first picture of its group, or alone
  kAlike,  // to one of its group: scaled, compressed, brightened, cropped a little, another shot of the same
  kEqual,  // to one before it, in every pixel
};

struct Relation {
  int64_t first;  // the number of its group's first picture
  Likeness likeness = Likeness::kNone;
};

// A relation for each mark. Pictures are alike when at most 11 signs of their looks differ and the
// correlation of their thumbnails is 0.95 or more; groups hold all that are alike through others. Plain
// pictures are equal to others or not, and never alike. The time grows with the number of pictures, unless
// very many are alike.
std::vector<Relation> find_duplicates(std::span<const PictureMark> marks);

// The groups of more than one picture, for people: the name of the first, and below it, indented, the others.
// names: of all pictures; a line each, whatever is in them.
std::string duplicates_text(std::span<const Relation> relations, std::span<const std::string> names);

}  // namespace inpaint
