#include "train/features/feature_distance.h"

#include <Eigen/Dense>
#include <algorithm>

#include "core/base/error.h"

namespace inpaint {
namespace {

using Matrix = Eigen::MatrixXd;

struct Normal {
  Eigen::VectorXd mean;
  Matrix factor;  // the covariance is factor^T factor; it has as few rows as it can
};

Normal normal_of(const FeatureSet& set) {
  using Rows = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const Rows> values(set.values(), set.count(), set.dimension());
  Normal normal{values.colwise().mean(), {}};
  normal.factor = (values.rowwise() - normal.mean.transpose()) / std::sqrt(set.count() - 1.0);
  if (set.count() > set.dimension()) {
    Eigen::HouseholderQR<Eigen::Ref<Matrix>> triangle(normal.factor);
    normal.factor = Matrix(normal.factor.topRows(set.dimension()).triangularView<Eigen::Upper>());
  }
  return normal;
}

}  // namespace

double perceptual_distance(const PictureFeatures& a, const PictureFeatures& b) {
  INPAINT_CHECK(a.compared.size() == b.compared.size(), "features of two networks");
  double distance = 0;
  for (size_t layer = 0; layer < a.compared.size(); ++layer) {
    const FeatureMap &first = a.compared[layer], &second = b.compared[layer];
    INPAINT_CHECK(first.values.size() == second.values.size(), "features of two networks");
    double sum = 0;
    for (size_t i = 0; i < first.values.size(); ++i) {
      const double difference = static_cast<double>(first.values[i]) - static_cast<double>(second.values[i]);
      sum += difference * difference;
    }
    distance += sum / static_cast<double>(first.pixels);
  }
  return distance;
}

void FeatureSet::add(std::span<const double> pooled) {
  INPAINT_CHECK(static_cast<int64_t>(pooled.size()) == dimension_, "{} features in a set of {}",
                pooled.size(), dimension_);
  values_.insert(values_.end(), pooled.begin(), pooled.end());
}

std::optional<double> frechet_distance(const FeatureSet& a, const FeatureSet& b) {
  INPAINT_CHECK(a.dimension() == b.dimension(), "features of {} and {} values", a.dimension(), b.dimension());
  if (a.count() < 2 || b.count() < 2) return std::nullopt;
  const Normal first = normal_of(a), second = normal_of(b);
  // With S1 = F1^T F1 and S2 = F2^T F2, the eigenvalues of S1^(1/2) S2 S1^(1/2) are those of F1 S2 F1^T and
  // zeros: the squared singular values of F1 F2^T.
  const Matrix product = first.factor * second.factor.transpose();
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(product * product.transpose(), Eigen::EigenvaluesOnly);
  INPAINT_CHECK(solver.info() == Eigen::Success, "eigenvalues of a {} x {} matrix were not found",
                product.rows(), product.rows());
  const double root = solver.eigenvalues().cwiseMax(0).cwiseSqrt().sum();
  const double distance = (first.mean - second.mean).squaredNorm() + first.factor.squaredNorm() +
                          second.factor.squaredNorm() - 2 * root;
  return std::max(distance, 0.0);  // rounding may leave a little less
}

}  // namespace inpaint
