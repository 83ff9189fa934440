#include "sampler.hpp"

#include <algorithm>
#include <limits>

#include "math.hpp"
#include "philox.hpp"

namespace cairn {
namespace {

constexpr uint32_t kSeen = 0x80000000u;
constexpr float kLogitBound = 1e30f;
// Below this a temperature takes the most likely token.
constexpr float kLeastTemperature = 1e-5f;

// Candidates are gathered and sorted in bands below the largest logit, in units of temperature, so
// that the usual draw sorts a few hundred tokens and never the vocabulary.
constexpr float kBands[] = {4, 8, 16, 32};
constexpr int kBandCount = 4;

// The `top` largest logits, ties by the lower token.
void top_tokens(const float* logits, int vocabulary, int top, double logSum, Logprobs* out) {
  int n = 0;
  float values[kMaxTop + 1];
  int32_t tokens[kMaxTop + 1];
  for (int i = 0; i < vocabulary && top > 0; i++) {
    const float l = logits[i];
    if (n == top && !(l > values[n - 1])) continue;
    int j = n < top ? n++ : n - 1;
    for (; j > 0 && l > values[j - 1]; j--) {
      values[j] = values[j - 1];
      tokens[j] = tokens[j - 1];
    }
    values[j] = l;
    tokens[j] = i;
  }
  out->count = n;
  for (int i = 0; i < n; i++) {
    out->tokens[i] = tokens[i];
    out->values[i] = static_cast<float>(static_cast<double>(values[i]) - logSum);
  }
}

}  // namespace

Sampler::Sampler(const Kernels& kernels, int vocabulary)
    : kernels_(kernels),
      vocabulary_(vocabulary),
      counts_(static_cast<size_t>(vocabulary)),
      weights_(static_cast<size_t>(vocabulary)),
      runs_(static_cast<size_t>((vocabulary + kRun - 1) / kRun)) {
  candidates_.reserve(static_cast<size_t>(vocabulary));
  changed_.reserve(static_cast<size_t>(vocabulary));
}

void Sampler::penalize(float* logits, const SamplingParams& p, const int32_t* history, int length,
                       int prompt) {
  for (int i = 0; i < length; i++) {
    uint32_t& n = counts_[static_cast<size_t>(history[i])];
    n = (n | kSeen) + (i >= prompt ? 1u : 0u);
  }
  for (int i = 0; i < length; i++) {
    uint32_t& n = counts_[static_cast<size_t>(history[i])];
    if (n == 0) continue;
    float& l = logits[history[i]];
    changed_.push_back({l, history[i]});
    l = l > 0 ? l / p.repetitionPenalty : l * p.repetitionPenalty;
    const uint32_t generated = n & ~kSeen;
    if (generated > 0) {
      l -= p.presencePenalty;
      l -= p.frequencyPenalty * static_cast<float>(generated);
    }
    l = std::min(kLogitBound, std::max(-kLogitBound, l));
    n = 0;
  }
}

// Adds the next band of candidates; false where all tokens are in.
bool Sampler::extend(const float* logits, float max, float temperature) {
  if (depth_ > kBandCount) return false;
  const float upper = floor_;
  floor_ = depth_ == kBandCount ? -std::numeric_limits<float>::infinity()
                                : max - kBands[depth_] * temperature;
  const size_t sorted = candidates_.size();
  for (int i = 0; i < vocabulary_; i++)
    if (logits[i] >= floor_ && logits[i] < upper) candidates_.push_back({logits[i], i});
  std::sort(candidates_.begin() + static_cast<std::ptrdiff_t>(sorted), candidates_.end());
  depth_++;
  return true;
}

float Sampler::weight(const Candidate& c, float max, float inverse) const {
  const float x = (c.logit - max) * inverse;
  float e;
  kernels_.exp_values(&x, &e, 1);
  return e;
}

int32_t Sampler::sample(float* logits, const SamplingParams& p, const int32_t* history, int length,
                        int prompt, uint64_t seed) {
  changed_.clear();
  if (p.repetitionPenalty != 1 || p.presencePenalty != 0 || p.frequencyPenalty != 0)
    penalize(logits, p, history, length, prompt);
  const int32_t token = draw(logits, p, seed, static_cast<uint64_t>(length - prompt));
  for (const Candidate& c : changed_) logits[c.token] = c.logit;
  return token;
}

int32_t Sampler::draw(const float* logits, const SamplingParams& p, uint64_t seed, uint64_t index) {
  const float max = kernels_.max_value(logits, vocabulary_);
  if (p.temperature < kLeastTemperature) {
    int32_t i = 0;
    while (logits[i] != max) i++;
    return i;
  }
  const float inverse = 1.0f / p.temperature;
  const bool cut = (p.topK > 0 && p.topK < vocabulary_) || p.topP < 1 || p.minP > 0;
  if (!cut) return draw_any(logits, max, inverse, uniform(seed, index));
  candidates_.clear();
  depth_ = 0;
  floor_ = std::numeric_limits<float>::infinity();
  auto at = [&](size_t i) {
    while (i >= candidates_.size())
      if (!extend(logits, max, p.temperature)) return false;
    return true;
  };

  size_t kept = static_cast<size_t>(vocabulary_);
  if (p.topK > 0) kept = std::min(kept, static_cast<size_t>(p.topK));
  double total = 0;
  if (p.topK > 0 && p.topK < vocabulary_) {
    for (size_t i = 0; i < kept && at(i); i++) total += weight(candidates_[i], max, inverse);
  } else {
    total = kernels_.sum_exp(logits, vocabulary_, max, inverse);
  }
  if (p.topP < 1 || p.minP > 0) {
    double mass = 0;
    size_t n = 0;
    while (n < kept && at(n)) {
      const float w = weight(candidates_[n], max, inverse);
      if (n > 0 && (w < p.minP || (p.topP < 1 && mass >= static_cast<double>(p.topP) * total)))
        break;
      mass += w;
      n++;
    }
    kept = n;
    total = mass;
  }
  const double target = uniform(seed, index) * total;
  double mass = 0;
  size_t i = 0;
  while (i < kept && at(i)) {
    mass += weight(candidates_[i], max, inverse);
    if (mass > target) break;
    i++;
  }
  return candidates_[std::min(i, std::min(kept, candidates_.size()) - 1)].token;
}

int32_t Sampler::draw_any(const float* logits, float max, float inverse, double u) {
  double total = 0;
  for (int at = 0; at < vocabulary_; at += kRun) {
    const int n = std::min(kRun, vocabulary_ - at);
    float* w = weights_.data() + at;
    for (int i = 0; i < n; i++) w[i] = (logits[at + i] - max) * inverse;
    kernels_.exp_values(w, w, n);
    double sum = 0;
    for (int i = 0; i < n; i++) sum += static_cast<double>(w[i]);
    runs_[static_cast<size_t>(at / kRun)] = sum;
    total += sum;
  }
  const double target = u * total;
  double mass = 0;
  int at = 0;
  for (; at + kRun < vocabulary_; at += kRun) {
    const double next = mass + runs_[static_cast<size_t>(at / kRun)];
    if (next > target) break;
    mass = next;
  }
  int32_t last = 0;
  for (int i = at; i < vocabulary_; i++) {
    const double w = static_cast<double>(weights_[static_cast<size_t>(i)]);
    if (w > 0) last = i;
    mass += w;
    if (mass > target) break;
  }
  return last;
}

double Sampler::log_sum_exp(const float* logits) const {
  const float max = kernels_.max_value(logits, vocabulary_);
  const float sum = kernels_.sum_exp(logits, vocabulary_, max, 1.0f);
  return static_cast<double>(max) + math::log(static_cast<double>(sum));
}

Logprobs Sampler::logprobs(const float* logits, int32_t token, int top) {
  Logprobs out;
  const double sum = log_sum_exp(logits);
  out.logprob = static_cast<float>(static_cast<double>(logits[token]) - sum);
  top_tokens(logits, vocabulary_, top, sum, &out);
  return out;
}

}  // namespace cairn
