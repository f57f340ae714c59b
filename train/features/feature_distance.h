// How far the features of pictures are apart. Smaller is better; 0 for equal features.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "train/features/feature_network.h"

namespace inpaint {

// The distance of two pictures: the sum over the compared layers of the mean over pixels of |a - b|^2, a and
// b the unit vectors of the layer. At most 4 a layer; 2 where activations are not negative. Source: Zhang et
// al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric"
// (doi:10.1109/CVPR.2018.00068), without learned weights.
double perceptual_distance(const PictureFeatures& a, const PictureFeatures& b);

// Pooled features of a set of pictures.
class FeatureSet {
 public:
  explicit FeatureSet(int64_t dimension) : dimension_(dimension) {}

  void add(std::span<const double> pooled);  // `dimension` values
  int64_t count() const { return static_cast<int64_t>(values_.size()) / dimension_; }
  int64_t dimension() const { return dimension_; }
  const double* values() const { return values_.data(); }  // [count, dimension]

 private:
  int64_t dimension_;
  std::vector<double> values_;
};

// The distance of two sets, each taken for draws of a normal distribution with the set's mean m and sample
// covariance S:
//
//   |m1 - m2|^2 + tr(S1 + S2 - 2 (S1^(1/2) S2 S1^(1/2))^(1/2))
//
// No value for sets of fewer than two pictures. Source: Dowson and Landau 1982
// (doi:10.1016/0047-259X(82)90077-X); of features: Heusel et al. 2017 (arXiv:1706.08500).
std::optional<double> frechet_distance(const FeatureSet& a, const FeatureSet& b);

}  // namespace inpaint
