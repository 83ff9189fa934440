// The vocabulary in order of logits without sorting it: bands of logits whose weights are summed,
// of which a walk down the order looks into the few where it stops.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/kernels.hpp"

namespace cairn {

struct Candidate {
  float logit;
  int32_t token;
  // the order of sampling: most likely first, ties by the lower token
  bool operator<(const Candidate& o) const {
    return logit != o.logit ? logit > o.logit : token < o.token;
  }
};

// Orders what `first` begins and computes weights[i] = exp((logit − max) · inverse) of each.
void order(const Kernels& kernels, Candidate* first, size_t count, float max, float inverse,
           float* weights);

class WeightBands {
 public:
  WeightBands(const Kernels& kernels, int vocabulary);
  static size_t bytes(int vocabulary);

  // How far down the order tokens are kept: so many, until their share of the weight, until the
  // weight of one is less than that.
  struct Cut {
    size_t most;
    double share;
    float least;
  };
  // The token at u of the weight that is kept, of logits ≤ max. Without a limit by number, the
  // share is one of `total`. Nothing where the sums could depend on the order of their summands.
  std::optional<int32_t> draw(const float* logits, float max, float inverse, const Cut& cut,
                              std::optional<double> total, double u);

 private:
  // of a walk: tokens before it and their weight
  struct Place {
    size_t count = 0;
    double mass = 0;
  };

  void fill();
  Place first(size_t count);
  Place walk(const Cut& cut, double bound);
  int32_t token(double target, size_t kept);
  // opens band b: its tokens in order, their weights
  void open(size_t band);
  bool exact() const;

  static constexpr size_t kBands = 4096;
  // Bands go so far below the largest logit, in units of temperature; the last has the rest.
  static constexpr float kDepth = 32;

  const Kernels& kernels_;
  const size_t vocabulary_;
  std::vector<float> weights_;  // by token
  std::vector<uint16_t> bandOf_;
  std::vector<uint32_t> counts_;
  std::vector<double> masses_;
  std::vector<Candidate> members_;  // of the band that is open
  std::vector<float> memberWeights_;
  const float* logits_ = nullptr;
  float max_ = 0, inverse_ = 0, perUnit_ = 0;
  bool clipped_ = false;
  size_t open_ = kBands, deepest_ = 0;
};

}  // namespace cairn
