// Draws tokens from logits and reports log-probabilities.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "weight_bands.hpp"

namespace cairn {

inline constexpr int kMaxTop = 20;
inline constexpr int kMaxBiases = 1024;  // of a sequence

struct LogitBias {
  int32_t token;
  float bias;
};

struct SamplingParams {
  float temperature = 0, topP = 1, minP = 0;
  float repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0;
  int32_t topK = 0;
};

struct Logprobs {
  float logprob = 0;
  int32_t count = 0;
  int32_t tokens[kMaxTop];
  float values[kMaxTop];
};

// One for each thread; its buffers are as long as the vocabulary.
class Sampler {
 public:
  Sampler(const Kernels& kernels, int vocabulary);
  static size_t bytes(int vocabulary);

  // The next token of a sequence: history[0..length), of which `prompt` tokens are prompt. `logits`
  // are finite; biases and penalties change them, and they are put back. `allowed` has a bit for
  // each token that may be drawn, at least one; empty: all. `biases` name each token at most once.
  int32_t sample(float* logits, const SamplingParams& params, const int32_t* history, int length,
                 int prompt, uint64_t seed, const std::vector<uint64_t>& allowed = {},
                 const std::vector<LogitBias>& biases = {});

  // Log-probability of `token` and of the `top` most likely tokens.
  Logprobs logprobs(const float* logits, int32_t token, int top);

 private:
  int32_t draw(const float* logits, const SamplingParams& params, uint64_t seed, uint64_t index);
  // Where nothing is cut off no order is needed: draws from all tokens by id.
  int32_t draw_any(const float* logits, float max, float inverse, double u);
  // The logits with those of tokens that are not allowed so low that they are never drawn.
  const float* masked(const float* logits, const std::vector<uint64_t>& allowed);
  void penalize(float* logits, const SamplingParams& params, const int32_t* history, int length,
                int prompt);
  double log_sum_exp(const float* logits) const;
  // Draws from the most likely tokens, sorted as far down as needed; nothing where those would be
  // more than mostSorted_ and `all` is not wanted.
  std::optional<int32_t> draw_sorted(const WeightBands::Cut& cut, std::optional<double> total,
                                     double u, bool all);
  bool extend(bool all);

  // Tokens whose weights are summed before they are added to the total.
  static constexpr int kRun = 256;

  const Kernels& kernels_;
  int vocabulary_;
  size_t mostSorted_;  // at once; sorting more takes longer than bands
  std::vector<uint32_t> counts_;       // occurrences among generated tokens, + kSeen
  std::vector<Candidate> candidates_;  // sorted; all tokens with a logit ≥ floor_
  std::vector<float> candidateWeights_;
  std::vector<Candidate> changed_;     // logits before biases and penalties, in that order
  std::vector<float> masked_;          // logits of tokens that are allowed; sized when needed
  std::vector<float> weights_;         // of all tokens, by id
  std::vector<double> runs_;           // sums of kRun weights
  WeightBands bands_;
  const float* logits_ = nullptr;  // of the draw: these, the largest, 1 / temperature
  float max_ = 0, inverse_ = 0, temperature_ = 0;
  float floor_ = 0;
  int depth_ = 0;
};

}  // namespace cairn
