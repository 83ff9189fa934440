// Tokens in the order of sampling: most likely first, ties by the lower token.
#pragma once

#include "exponentials.hpp"

namespace cairn::gpu {

inline constexpr int kRowWarps = kRowThreads / kWarp;

// Descending logits as ascending integers; the token below decides ties.
GPU_DEVICE inline uint64_t key_of(float logit, int token) {
  const uint32_t bits = std::bit_cast<uint32_t>(logit + 0.0f);
  const uint32_t ordered = bits & 0x80000000u ? bits : ~bits & 0x7fffffffu;
  return static_cast<uint64_t>(ordered) << 32 | static_cast<uint32_t>(token);
}
GPU_DEVICE inline float logit_of(uint64_t key) {
  const uint32_t ordered = static_cast<uint32_t>(key >> 32);
  return std::bit_cast<float>(ordered & 0x80000000u ? ordered : ~ordered & 0x7fffffffu);
}
GPU_DEVICE inline int token_of(uint64_t key) { return static_cast<int>(static_cast<uint32_t>(key)); }

// The least key of those that each thread of a block has; every thread gets it.
template <class Parts>
GPU_DEVICE uint64_t block_least(uint64_t key, Parts parts) {
  for (int mask = kWarp / 2; mask > 0; mask /= 2) {
    const uint64_t other = shuffle_xor(key, mask);
    key = other < key ? other : key;
  }
  sync_block();
  if (lane() == 0) parts[warp()] = key;
  sync_block();
  key = parts[0];
  for (int w = 1; w < kRowWarps; w++) key = parts[w] < key ? parts[w] : key;
  return key;
}

// The most likely token after `after` in the order of sampling; all ones where there is none.
template <class Parts>
GPU_DEVICE uint64_t next_token(const float* logits, int n, uint64_t after, bool any, Parts parts) {
  uint64_t least = ~uint64_t{0};
  for (int i = thread(); i < n; i += kRowThreads) {
    const uint64_t key = key_of(logits[i], i);
    if ((any || key > after) && key < least) least = key;
  }
  return block_least(least, parts);
}

// Ascending order of a power of two of keys.
GPU_DEVICE inline void sort_keys(uint64_t* keys, int count) {
  for (int size = 2; size <= count; size *= 2)
    for (int step = size / 2; step > 0; step /= 2) {
      sync_block();
      for (int i = thread(); i < count / 2; i += kRowThreads) {
        const int low = i / step * 2 * step + i % step, high = low + step;
        const uint64_t a = keys[low], b = keys[high];
        if ((a > b) == ((low & size) == 0)) {
          keys[low] = b;
          keys[high] = a;
        }
      }
    }
  sync_block();
}

// Keys of the tokens that `wanted(logit)` names, in order; returns how many. Every thread of the
// block calls it and gets the number; `counter` is one int of shared memory.
template <class Counter, class Wanted>
GPU_DEVICE int gather(const float* logits, int n, const Wanted& wanted, uint64_t* keys, Counter counter,
                      int most) {
  sync_block();
  if (thread() == 0) counter[0] = 0;
  sync_block();
  for (int i = thread(); i < n; i += kRowThreads)
    if (wanted(logits[i])) keys[atomic_add(&counter[0], 1)] = key_of(logits[i], i);
  sync_block();
  const int count = counter[0];
  if (count > most) return count;
  int padded = 1;
  while (padded < count) padded *= 2;
  for (int i = count + thread(); i < padded; i += kRowThreads) keys[i] = ~uint64_t{0};
  sort_keys(keys, padded);
  return count;
}

}  // namespace cairn::gpu
