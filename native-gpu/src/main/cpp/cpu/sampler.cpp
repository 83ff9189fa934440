#include "sampler.hpp"

#include <algorithm>
#include <limits>

#include "math.hpp"
#include "philox.hpp"

namespace cairn {
namespace {

constexpr uint32_t kSeen = 0x80000000u;
constexpr float kLogitBound = 1e30f;
// Below every logit, and far enough for a weight of zero at any temperature.
constexpr float kMaskedLogit = 2e30f;
// Below this a temperature takes the most likely token.
constexpr float kLeastTemperature = 1e-5f;

// Candidates are gathered and sorted down to these distances from the largest logit, in units of
// temperature: the usual draw sorts a few hundred tokens.
constexpr float kDepths[] = {4, 8, 16, 32};
constexpr int kDepthCount = 4;

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
      mostSorted_(static_cast<size_t>(std::max(256, vocabulary / 16))),
      counts_(static_cast<size_t>(vocabulary)),
      candidateWeights_(static_cast<size_t>(vocabulary)),
      weights_(static_cast<size_t>(vocabulary)),
      runs_(static_cast<size_t>((vocabulary + kRun - 1) / kRun)),
      bands_(kernels, vocabulary) {
  candidates_.reserve(static_cast<size_t>(vocabulary));
  changed_.reserve(static_cast<size_t>(vocabulary));
}

size_t Sampler::bytes(int vocabulary) {
  constexpr size_t each = sizeof(uint32_t) + 2 * sizeof(Candidate) + 2 * sizeof(float);
  return static_cast<size_t>(vocabulary) * each + WeightBands::bytes(vocabulary);
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

// Adds the next candidates in order. False where all tokens are in, or where more would have to be
// sorted than mostSorted_ and `all` is not wanted.
bool Sampler::extend(bool all) {
  if (depth_ > kDepthCount) return false;
  const float upper = floor_;
  const float lower = depth_ == kDepthCount ? -std::numeric_limits<float>::infinity()
                                            : max_ - kDepths[depth_] * temperature_;
  const size_t sorted = candidates_.size();
  constexpr int kStretch = 64;
  for (int at = 0; at < vocabulary_; at += kStretch) {
    const int end = std::min(vocabulary_, at + kStretch);
    uint32_t any = 0;
    for (int i = at; i < end; i++) any |= (logits_[i] >= lower) & (logits_[i] < upper);
    for (int i = at; any != 0 && i < end; i++)
      if (logits_[i] >= lower && logits_[i] < upper) candidates_.push_back({logits_[i], i});
    if (!all && candidates_.size() - sorted > mostSorted_) return false;
  }
  order(kernels_, candidates_.data() + sorted, candidates_.size() - sorted, max_, inverse_,
        candidateWeights_.data() + sorted);
  floor_ = lower;
  depth_++;
  return true;
}

int32_t Sampler::sample(float* logits, const SamplingParams& p, const int32_t* history, int length,
                        int prompt, uint64_t seed, const std::vector<uint64_t>& allowed,
                        const std::vector<LogitBias>& biases) {
  changed_.clear();
  for (const LogitBias& b : biases) {
    float& l = logits[b.token];
    changed_.push_back({l, b.token});
    l = std::min(kLogitBound, std::max(-kLogitBound, l + b.bias));
  }
  if (p.repetitionPenalty != 1 || p.presencePenalty != 0 || p.frequencyPenalty != 0)
    penalize(logits, p, history, length, prompt);
  const float* drawn = allowed.empty() ? logits : masked(logits, allowed);
  int32_t token = draw(drawn, p, seed, static_cast<uint64_t>(length - prompt));
  // Rounding of the sums behind a draw may, once in many millions, let it end behind the last
  // token that has any weight.
  if (!allowed.empty() && (allowed[static_cast<size_t>(token) / 64] >> (token % 64) & 1) == 0)
    token = static_cast<int32_t>(std::max_element(drawn, drawn + vocabulary_) - drawn);
  for (size_t i = changed_.size(); i-- > 0;) logits[changed_[i].token] = changed_[i].logit;
  return token;
}

const float* Sampler::masked(const float* logits, const std::vector<uint64_t>& allowed) {
  masked_.resize(static_cast<size_t>(vocabulary_));
  for (int at = 0; at < vocabulary_; at += 64) {
    const int end = std::min(vocabulary_, at + 64);
    const uint64_t word = allowed[static_cast<size_t>(at / 64)];
    float* out = masked_.data() + at;
    if (word == 0) {
      std::fill(out, out + (end - at), -kMaskedLogit);
    } else {
      for (int i = at; i < end; i++)
        out[i - at] = (word >> (i - at) & 1) != 0 ? logits[i] : -kMaskedLogit;
    }
  }
  return masked_.data();
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
  logits_ = logits;
  max_ = max;
  inverse_ = inverse;
  temperature_ = p.temperature;
  const size_t all = static_cast<size_t>(vocabulary_);
  const bool byNumber = p.topK > 0 && p.topK < vocabulary_;
  const WeightBands::Cut limits{byNumber ? static_cast<size_t>(p.topK) : all,
                                static_cast<double>(p.topP), p.minP};
  std::optional<double> total;
  if (!byNumber)
    total = static_cast<double>(kernels_.sum_exp(logits, vocabulary_, max, inverse));
  const double u = uniform(seed, index);
  std::optional<int32_t> token = draw_sorted(limits, total, u, false);
  if (!token) token = bands_.draw(logits, max, inverse, limits, total, u);
  if (!token) token = draw_sorted(limits, total, u, true);
  return *token;
}

std::optional<int32_t> Sampler::draw_sorted(const WeightBands::Cut& cut,
                                            std::optional<double> total, double u, bool all) {
  candidates_.clear();
  depth_ = 0;
  floor_ = std::numeric_limits<float>::infinity();
  auto at = [&](size_t i) {
    while (i >= candidates_.size())
      if (!extend(all)) return false;
    return true;
  };
  auto weight = [&](size_t i) { return static_cast<double>(candidateWeights_[i]); };

  size_t kept = cut.most;
  if (!total) {
    total = 0;
    for (size_t i = 0; i < kept; i++) {
      if (!at(i)) return std::nullopt;
      *total += weight(i);
    }
  }
  if (cut.share < 1 || cut.least > 0) {
    double mass = 0;
    size_t n = 0;
    for (; n < kept; n++) {
      if (!at(n)) return std::nullopt;
      const float w = candidateWeights_[n];
      if (n > 0 && (w < cut.least || (cut.share < 1 && mass >= cut.share * *total))) break;
      mass += weight(n);
    }
    kept = n;
    total = mass;
  }
  const double target = u * *total;
  double mass = 0;
  size_t i = 0;
  for (; i + 1 < kept; i++) {
    mass += weight(i);
    if (mass > target) break;
  }
  return candidates_[i].token;
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
