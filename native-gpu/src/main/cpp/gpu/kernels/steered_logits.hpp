// Biases, penalties and masks of one row of logits.
#pragma once

#include "exponentials.hpp"
#include "sampler.hpp"

namespace cairn::gpu {

inline constexpr float kLogitBound = 1e30f;
// Below every logit, and far enough for a weight of zero at any temperature.
inline constexpr float kMaskedLogit = -2e30f;

GPU_DEVICE inline bool has_penalties(const SamplingParams& p) {
  return p.repetitionPenalty != 1.0f || p.presencePenalty != 0.0f || p.frequencyPenalty != 0.0f;
}

GPU_DEVICE inline bool is_steered(const LogitJob& job) {
  return has_penalties(job.sampling) || job.biases > 0 || job.masked != 0;
}

GPU_DEVICE inline float bounded(float l) {
  const float above = -kLogitBound > l ? -kLogitBound : l;
  return kLogitBound < above ? kLogitBound : above;
}

GPU_DEVICE inline const uint64_t* mask_of(const Draws& d, const LogitJob& job) {
  return reinterpret_cast<const uint64_t*>(d.steering + job.maskAt);
}

GPU_DEVICE inline bool allows(const uint64_t* mask, int token) {
  return (mask[token / 64] >> (token % 64) & 1) != 0;
}

// The penalties, for each distinct token of the history once.
GPU_DEVICE inline void penalize(const Draws& d, const LogitJob& job, float* logits) {
  constexpr uint32_t kSeen = 0x80000000u;
  const int* history = d.history + static_cast<size_t>(job.slot) * d.historyStride;
  uint32_t* counts = d.scratch.counts + static_cast<size_t>(block()) * d.ld;
  for (int i = thread(); i <= job.position; i += kRowThreads) {
    auto* count = counts + history[i];
    atomic_or(count, kSeen);
    if (i >= job.prompt) atomic_add(reinterpret_cast<int*>(count), 1);
  }
  sync_block();
  const SamplingParams& p = job.sampling;
  for (int i = thread(); i <= job.position; i += kRowThreads) {
    const uint32_t n = atomic_exchange(counts + history[i], 0u);
    if (n == 0) continue;
    float l = logits[history[i]];
    l = l > 0.0f ? l / p.repetitionPenalty : l * p.repetitionPenalty;
    const uint32_t generated = n & ~kSeen;
    if (generated > 0) {
      l = l - p.presencePenalty;
      l = l - p.frequencyPenalty * static_cast<float>(generated);
    }
    logits[history[i]] = bounded(l);
  }
  sync_block();
}

// A copy of a row with its biases, its penalties and then its mask.
GPU_DEVICE inline void steer(const Draws& d, const LogitJob& job, const float* raw, float* logits) {
  for (int i = thread(); i < d.vocabulary; i += kRowThreads) logits[i] = raw[i];
  sync_block();
  if (job.biases > 0) {
    const auto* biases = reinterpret_cast<const LogitBias*>(d.steering + job.biasesAt);
    for (int i = thread(); i < job.biases; i += kRowThreads)
      logits[biases[i].token] = bounded(logits[biases[i].token] + biases[i].bias);
    sync_block();
  }
  if (has_penalties(job.sampling)) penalize(d, job, logits);
  if (job.masked != 0) {
    const uint64_t* mask = mask_of(d, job);
    for (int i = thread(); i < d.vocabulary; i += kRowThreads)
      if (!allows(mask, i)) logits[i] = kMaskedLogit;
    sync_block();
  }
}

}  // namespace cairn::gpu
