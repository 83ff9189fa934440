#include "weight_bands.hpp"

#include <algorithm>
#include <limits>

#include "math.hpp"

namespace cairn {

void order(const Kernels& kernels, Candidate* first, size_t count, float max, float inverse,
           float* weights) {
  if (!std::is_sorted(first, first + count)) std::sort(first, first + count);
  for (size_t i = 0; i < count; i++) weights[i] = (first[i].logit - max) * inverse;
  kernels.exp_values(weights, weights, static_cast<int>(count));
}

WeightBands::WeightBands(const Kernels& kernels, int vocabulary)
    : kernels_(kernels),
      vocabulary_(static_cast<size_t>(vocabulary)),
      weights_(vocabulary_),
      bandOf_(vocabulary_),
      counts_(kBands),
      masses_(kBands),
      memberWeights_(vocabulary_) {
  members_.reserve(vocabulary_);
}

size_t WeightBands::bytes(int vocabulary) {
  constexpr size_t each = 2 * sizeof(float) + sizeof(uint16_t) + sizeof(Candidate);
  return static_cast<size_t>(vocabulary) * each + kBands * (sizeof(uint32_t) + sizeof(double));
}

// A band has the logits whose distance from the largest lies between two bounds: distances, their
// products with a number and the integers below them keep the order of the logits.
void WeightBands::fill() {
  float* x = weights_.data();
  const size_t n = vocabulary_;
  for (size_t i = 0; i < n; i++) x[i] = (max_ - logits_[i]) * inverse_;
  const float range = kernels_.max_value(x, static_cast<int>(n));
  clipped_ = range > kDepth;
  perUnit_ = range > 0 ? static_cast<float>(kBands) / std::min(range, kDepth) : 0;
  constexpr float kLast = kBands - 1;
  for (size_t i = 0; i < n; i++) {
    const float place = x[i] * perUnit_;
    bandOf_[i] = static_cast<uint16_t>(static_cast<int32_t>(place < kLast ? place : kLast));
    x[i] = -x[i];
  }
  kernels_.exp_values(x, x, static_cast<int>(n));
  std::fill(counts_.begin(), counts_.end(), 0u);
  std::fill(masses_.begin(), masses_.end(), 0.0);
  for (size_t i = 0; i < n; i++) {
    counts_[bandOf_[i]]++;
    masses_[bandOf_[i]] += static_cast<double>(x[i]);
  }
  open_ = kBands;
  deepest_ = 0;
}

void WeightBands::open(size_t band) {
  deepest_ = std::max(deepest_, band);
  if (open_ == band) return;
  open_ = band;
  members_.clear();
  constexpr size_t kStretch = 64;
  for (size_t at = 0; at < vocabulary_; at += kStretch) {
    const size_t end = std::min(vocabulary_, at + kStretch);
    uint16_t any = 0;
    for (size_t i = at; i < end; i++)
      any = static_cast<uint16_t>(any | (bandOf_[i] == band ? 1 : 0));
    for (size_t i = at; any != 0 && i < end; i++)
      if (bandOf_[i] == band) members_.push_back({logits_[i], static_cast<int32_t>(i)});
  }
  order(kernels_, members_.data(), members_.size(), max_, inverse_, memberWeights_.data());
}

// Every weight down to the deepest band that was looked at is a multiple of the unit in the last
// place of the smallest of them. While their sum is less than 2^53 such units, sums of any of them
// in any order are exact, and so are those of a walk that adds them one by one.
bool WeightBands::exact() const {
  if (clipped_ && deepest_ == kBands - 1) return false;
  double sum = 0;
  for (size_t b = 0; b <= deepest_; b++) sum += masses_[b];
  const double depth =
      perUnit_ > 0 ? static_cast<double>(deepest_ + 1) / static_cast<double>(perUnit_) : 0;
  // The smallest weight is at least this, less what rounding takes off; the power of two below a
  // number is more than half of it.
  return sum < 0.49 * math::exp(-depth) * (1 << 30);
}

WeightBands::Place WeightBands::first(size_t count) {
  Place place;
  for (size_t b = 0; place.count < count && b < kBands; b++) {
    if (place.count + counts_[b] <= count) {
      place.count += counts_[b];
      place.mass += masses_[b];
      deepest_ = b;
      continue;
    }
    open(b);
    for (size_t i = 0; place.count < count; i++, place.count++)
      place.mass += static_cast<double>(memberWeights_[i]);
  }
  return place;
}

WeightBands::Place WeightBands::walk(const Cut& cut, double bound) {
  // Weights of bands that end before this are more than the least.
  double safe = std::numeric_limits<double>::infinity();
  if (cut.least > 0)
    safe = (-math::log(static_cast<double>(cut.least)) - 0.001) * static_cast<double>(perUnit_) - 1;
  Place place;
  for (size_t b = 0; b < kBands; b++) {
    if (counts_[b] == 0) continue;
    const Place end{place.count + counts_[b], place.mass + masses_[b]};
    if (end.count <= cut.most && end.mass < bound && static_cast<double>(b) < safe) {
      place = end;
      deepest_ = std::max(deepest_, b);
      continue;
    }
    open(b);
    for (size_t i = 0; i < members_.size(); i++) {
      const float w = memberWeights_[i];
      if (place.count == cut.most ||
          (place.count > 0 && (w < cut.least || place.mass >= bound)))
        return place;
      place.count++;
      place.mass += static_cast<double>(w);
    }
  }
  return place;
}

int32_t WeightBands::token(double target, size_t kept) {
  Place place;
  for (size_t b = 0;; b++) {
    if (counts_[b] == 0) continue;
    const Place end{place.count + counts_[b], place.mass + masses_[b]};
    if (end.count < kept && end.mass <= target) {
      place = end;
      continue;
    }
    open(b);
    for (size_t i = 0; i < members_.size(); i++) {
      place.count++;
      place.mass += static_cast<double>(memberWeights_[i]);
      if (place.mass > target || place.count == kept) return members_[i].token;
    }
  }
}

std::optional<int32_t> WeightBands::draw(const float* logits, float max, float inverse,
                                         const Cut& cut, std::optional<double> total, double u) {
  logits_ = logits;
  max_ = max;
  inverse_ = inverse;
  fill();
  Place kept;
  if (!total) {
    kept = first(cut.most);
    total = kept.mass;
  }
  if (cut.share < 1 || cut.least > 0)
    kept = walk(cut, cut.share < 1 ? cut.share * *total : std::numeric_limits<double>::infinity());
  if (!exact()) return std::nullopt;
  return token(u * kept.mass, kept.count);
}

}  // namespace cairn
