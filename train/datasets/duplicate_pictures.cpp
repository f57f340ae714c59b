#include "train/datasets/duplicate_pictures.h"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <numeric>
#include <unordered_map>

#include "core/base/error.h"
#include "core/base/plain_text.h"

namespace inpaint {
namespace {

// Measured on 6,098 photographs of three kinds (9.4 million pairs within a kind): two pairs are alike, both
// rightly. All pictures were found again that had been compressed to quality 30, halved, brightened by 15 %,
// or moved by a pixel; of those that had lost 2 % of their sides, 99 % and more.
constexpr int kMostDifferent = 11;
constexpr double kLeastLikeness = 0.95;

constexpr int kBands = 4, kBandBits = 16;
constexpr int kBandDifferent =
    kMostDifferent / kBands;  // some band differs in no more: the others would add up

// Groups that are joined (union-find); the first picture of a group stands for it.
class Groups {
 public:
  explicit Groups(size_t pictures) : above_(pictures) { std::iota(above_.begin(), above_.end(), size_t{0}); }

  size_t first(size_t picture) {
    while (above_[picture] != picture) picture = above_[picture] = above_[above_[picture]];
    return picture;
  }
  void join(size_t a, size_t b) {
    const auto [low, high] = std::minmax({first(a), first(b)});
    above_[high] = low;
  }

 private:
  std::vector<size_t> above_;
};

// Pictures by the bands of their looks: those whose looks differ little share a band, or nearly.
class LookIndex {
 public:
  explicit LookIndex(std::span<const PictureMark> marks) : marks_(marks) {
    for (uint32_t flips = 0; flips < kKeys; ++flips)
      if (std::popcount(flips) <= kBandDifferent) flips_.push_back(flips);
    for (int band = 0; band < kBands; ++band) {
      newest_[band].assign(kKeys, kNobody);
      next_[band].resize(marks.size());
    }
  }

  void add(size_t picture) {
    for (int band = 0; band < kBands; ++band) {
      size_t& newest = newest_[band][key(picture, band)];
      next_[band][picture] = newest;
      newest = picture;
    }
  }

  // Calls `found` with each picture of the index whose look is near; some more than once.
  template <typename Found>
  void near(size_t picture, Found&& found) const {
    for (int band = 0; band < kBands; ++band)
      for (const uint32_t flips : flips_)
        for (size_t other = newest_[band][key(picture, band) ^ flips]; other != kNobody;
             other = next_[band][other])
          if (look_distance(marks_[picture], marks_[other]) <= kMostDifferent) found(other);
  }

 private:
  static constexpr uint32_t kKeys = 1 << kBandBits;
  static constexpr size_t kNobody = SIZE_MAX;

  uint32_t key(size_t picture, int band) const {
    return static_cast<uint32_t>(marks_[picture].look >> (band * kBandBits)) % kKeys;
  }

  std::span<const PictureMark> marks_;
  std::vector<uint32_t> flips_;
  std::array<std::vector<size_t>, kBands> newest_, next_;
};

}  // namespace

std::vector<Relation> find_duplicates(std::span<const PictureMark> marks) {
  Groups groups(marks.size());
  std::vector<Relation> relations(marks.size());
  std::unordered_map<uint64_t, size_t> first_with;  // these pixels
  LookIndex index(marks);
  for (size_t i = 0; i < marks.size(); ++i) {
    const auto [equal, is_new] = first_with.emplace(marks[i].pixels, i);
    if (!is_new) {  // what is alike to it has been found
      groups.join(equal->second, i);
      relations[i].likeness = Likeness::kEqual;
      continue;
    }
    if (marks[i].is_plain) continue;
    index.near(i, [&](size_t other) {
      const bool is_known =
          relations[i].likeness == Likeness::kAlike && groups.first(i) == groups.first(other);
      if (is_known || likeness(marks[i], marks[other]) < kLeastLikeness) return;
      groups.join(i, other);
      relations[i].likeness = Likeness::kAlike;
    });
    index.add(i);
  }
  for (size_t i = 0; i < marks.size(); ++i) {
    relations[i].first = static_cast<int64_t>(groups.first(i));
    const bool is_joined_later = groups.first(i) != i && relations[i].likeness == Likeness::kNone;
    if (is_joined_later) relations[i].likeness = Likeness::kAlike;
  }
  return relations;
}

std::string duplicates_text(std::span<const Relation> relations, std::span<const std::string> names) {
  INPAINT_CHECK(relations.size() == names.size(), "{} names of {} pictures", names.size(), relations.size());
  std::map<int64_t, std::string> others;  // of a group, by its first picture
  for (size_t i = 0; i < relations.size(); ++i) {
    if (relations[i].likeness == Likeness::kNone) continue;
    const char* word = relations[i].likeness == Likeness::kEqual ? "equal" : "alike";
    others[relations[i].first] += fmt::format("  {}: {}\n", word, escaped(names[i]));
  }
  std::string text;
  for (const auto& [first, lines] : others) text += escaped(names[static_cast<size_t>(first)]) + "\n" + lines;
  return text;
}

}  // namespace inpaint
