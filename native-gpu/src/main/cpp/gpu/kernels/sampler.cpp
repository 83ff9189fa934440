#include "sampler.hpp"

#include "../../cpu/math.hpp"
#include "../../cpu/philox.hpp"
#include "exponentials.hpp"

namespace cairn::gpu {
namespace {

constexpr int kThreads = kRowThreads, kWarps = kThreads / kWarp;
constexpr int kRun = 256;  // tokens whose weights are summed before they are added to the total
constexpr float kLogitBound = 1e30f, kLeastTemperature = 1e-5f;
constexpr uint32_t kSeen = 0x80000000u;

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
  for (int w = 1; w < kWarps; w++) key = parts[w] < key ? parts[w] : key;
  return key;
}

// The most likely token after `after` in the order of sampling; all ones where there is none.
template <class Parts>
GPU_DEVICE uint64_t next_token(const float* logits, int n, uint64_t after, bool any, Parts parts) {
  uint64_t least = ~uint64_t{0};
  for (int i = thread(); i < n; i += kThreads) {
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
      for (int i = thread(); i < count / 2; i += kThreads) {
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

GPU_KERNEL GPU_BOUNDS(kThreads) check_row(Draws d) {
  GPU_SHARED(int, bad, 1);
  float* logits = d.logits + static_cast<size_t>(block()) * d.ld;
  if (thread() == 0) bad[0] = 0;
  sync_block();
  int mine = 0;
  for (int i = thread(); i < d.vocabulary; i += kThreads) {
    const float x = logits[i];
    if (!is_finite(x)) mine = 1;
    if (d.cap != 0.0f) logits[i] = soft_capped(x, d.cap);
  }
  if (mine != 0) atomic_add(&bad[0], 1);
  sync_block();
  if (thread() == 0) d.results[block()].finite = bad[0] == 0 ? 1 : 0;
}

// Copies a row and applies its penalties: for each distinct token of the history once.
GPU_DEVICE void penalize(const Draws& d, const LogitJob& job, const float* raw, float* logits) {
  const int* history = d.history + static_cast<size_t>(job.slot) * d.historyStride;
  uint32_t* counts = d.scratch.counts + static_cast<size_t>(block()) * d.ld;
  for (int i = thread(); i < d.vocabulary; i += kThreads) logits[i] = raw[i];
  for (int i = thread(); i <= job.position; i += kThreads) {
    auto* count = counts + history[i];
    atomic_or(count, kSeen);
    if (i >= job.prompt) atomic_add(reinterpret_cast<int*>(count), 1);
  }
  sync_block();
  const SamplingParams& p = job.sampling;
  for (int i = thread(); i <= job.position; i += kThreads) {
    const uint32_t n = atomic_exchange(counts + history[i], 0u);
    if (n == 0) continue;
    float l = logits[history[i]];
    l = l > 0.0f ? l / p.repetitionPenalty : l * p.repetitionPenalty;
    const uint32_t generated = n & ~kSeen;
    if (generated > 0) {
      l = l - p.presencePenalty;
      l = l - p.frequencyPenalty * static_cast<float>(generated);
    }
    l = -kLogitBound > l ? -kLogitBound : l;
    logits[history[i]] = kLogitBound < l ? kLogitBound : l;
  }
  sync_block();
}

// Draws from all tokens by id: of runs of weights, then of the weights of one.
GPU_DEVICE int draw_any(const float* logits, int n, float most, float inverse, double u, double* runs) {
  const int count = (n + kRun - 1) / kRun;
  for (int r = thread(); r < count; r += kThreads) {
    double sum = 0.0;
    const int end = r * kRun + kRun < n ? r * kRun + kRun : n;
    for (int i = r * kRun; i < end; i++)
      sum += static_cast<double>(exponential((logits[i] - most) * inverse));
    runs[r] = sum;
  }
  sync_block();
  if (thread() != 0) return 0;
  double total = 0.0;
  for (int r = 0; r < count; r++) total += runs[r];
  const double target = u * total;
  double mass = 0.0;
  int at = 0;
  for (; at + kRun < n; at += kRun) {
    const double next = mass + runs[at / kRun];
    if (next > target) break;
    mass = next;
  }
  int last = 0;
  for (int i = at; i < n; i++) {
    const double w = static_cast<double>(exponential((logits[i] - most) * inverse));
    if (w > 0.0) last = i;
    mass += w;
    if (mass > target) break;
  }
  return last;
}

// How far down the order tokens are kept.
struct Cut {
  int most;
  double share, total;  // the share is of this; negative: of the weight of the first `most`
  float least;
};

// The walk of the definition over sorted keys, by one thread; −1 where they end before it does.
GPU_DEVICE int walk(const uint64_t* keys, int count, bool all, float most, float inverse, const Cut& cut,
                    double u) {
  auto weight = [&](int i) {
    return static_cast<double>(exponential((logit_of(keys[i]) - most) * inverse));
  };
  int kept = cut.most;
  double total = cut.total;
  if (total < 0.0) {
    if (kept > count) {
      if (!all) return -1;
      kept = count;
    }
    total = 0.0;
    for (int i = 0; i < kept; i++) total += weight(i);
  }
  if (cut.share < 1.0 || cut.least > 0.0f) {
    double mass = 0.0;
    int n = 0;
    for (; n < kept; n++) {
      if (n == count) {
        if (!all) return -1;
        break;
      }
      const double w = weight(n);
      if (n > 0 && (static_cast<float>(w) < cut.least || (cut.share < 1.0 && mass >= cut.share * total)))
        break;
      mass += w;
    }
    kept = n;
    total = mass;
  }
  const double target = u * total;
  double mass = 0.0;
  int i = 0;
  for (; i + 1 < kept; i++) {
    mass += weight(i);
    if (mass > target) break;
  }
  return token_of(keys[i]);
}

// Candidates are gathered and sorted down to growing distances from the largest logit, in units of
// temperature, until the walk ends among them: the usual draw sorts a few hundred tokens.
template <class Counter>
GPU_DEVICE int draw_sorted(const float* logits, int n, float most, float temperature, float inverse,
                           const Cut& cut, double u, uint64_t* keys, Counter shared) {
  for (int depth = 0; depth < 5; depth++) {
    const bool all = depth == 4;
    const float floor = all ? -infinity() : most - static_cast<float>(4 << depth) * temperature;
    if (thread() == 0) shared[0] = 0;
    sync_block();
    for (int i = thread(); i < n; i += kThreads)
      if (logits[i] >= floor) keys[atomic_add(&shared[0], 1)] = key_of(logits[i], i);
    sync_block();
    const int count = shared[0];
    int padded = 1;
    while (padded < count) padded *= 2;
    for (int i = count + thread(); i < padded; i += kThreads) keys[i] = ~uint64_t{0};
    sort_keys(keys, padded);
    if (thread() == 0)
      shared[1] = walk(keys, count, all || count == n, most, inverse, cut, u);
    sync_block();
    if (shared[1] >= 0) break;
    sync_block();
  }
  return shared[1];
}

GPU_KERNEL GPU_BOUNDS(kThreads) draw_row(Draws d) {
  GPU_SHARED(uint64_t, parts, kWarps);
  GPU_SHARED(float, stage, kStage);
  GPU_SHARED(float, sum, 1);
  GPU_SHARED(int, shared, 2);
  const size_t row = static_cast<size_t>(block());
  const LogitJob job = d.jobs[row];
  if (d.results[row].finite == 0) return;
  int* history = d.history + static_cast<size_t>(job.slot) * d.historyStride;
  if (job.sample == 0) {
    if (thread() == 0) d.results[row].token = history[job.position + 1];
    return;
  }
  const SamplingParams& p = job.sampling;
  const int n = d.vocabulary;
  const float* logits = d.logits + row * d.ld;
  if (p.repetitionPenalty != 1.0f || p.presencePenalty != 0.0f || p.frequencyPenalty != 0.0f) {
    float* changed = d.scratch.logits + row * d.ld;
    penalize(d, job, logits, changed);
    logits = changed;
  }
  const uint64_t first = next_token(logits, n, 0, true, parts);
  int token = token_of(first);
  if (!(p.temperature < kLeastTemperature)) {
    const float most = logits[token_of(first)], inverse = 1.0f / p.temperature;
    const bool byNumber = p.topK > 0 && p.topK < n;
    const double u = uniform(static_cast<uint64_t>(job.seedHigh) << 32 | job.seedLow,
                             static_cast<uint64_t>(job.position + 1 - job.prompt));
    if (!byNumber && p.topP >= 1.0f && p.minP <= 0.0f) {
      token = draw_any(logits, n, most, inverse, u, d.scratch.runs + row * d.scratch.runStride);
    } else {
      Cut cut{byNumber ? p.topK : n, static_cast<double>(p.topP), -1.0, p.minP};
      if (!byNumber)
        cut.total = static_cast<double>(sum_of_exponentials(logits, n, most, inverse, stage, sum));
      token = draw_sorted(logits, n, most, p.temperature, inverse, cut, u,
                          d.scratch.candidates + row * d.scratch.candidateStride, shared);
    }
  }
  if (thread() == 0) {
    d.results[row].token = token;
    history[job.position + 1] = token;
  }
}

GPU_KERNEL GPU_BOUNDS(kThreads) logprobs_row(Draws d) {
  GPU_SHARED(uint64_t, parts, kWarps);
  GPU_SHARED(float, stage, kStage);
  GPU_SHARED(float, sum, 1);
  const size_t row = static_cast<size_t>(block());
  const LogitJob job = d.jobs[row];
  LogitResult* result = d.results + row;
  if (result->finite == 0 || (job.sample != 0 && job.top < 0)) return;
  const float* logits = d.logits + row * d.ld;
  const int n = d.vocabulary, top = job.top < 0 ? 0 : job.top < n ? job.top : n;
  uint64_t key = next_token(logits, n, 0, true, parts);
  const float most = logits[token_of(key)];
  const float s = sum_of_exponentials(logits, n, most, 1.0f, stage, sum);
  const double log_sum = static_cast<double>(most) + math::log(static_cast<double>(s));
  auto logprob = [&](int token) {
    return static_cast<float>(static_cast<double>(logits[token]) - log_sum);
  };
  for (int i = 0; i < top; i++) {
    if (i > 0) key = next_token(logits, n, key, false, parts);
    if (thread() == 0) {
      result->logprobs.tokens[i] = token_of(key);
      result->logprobs.values[i] = logprob(token_of(key));
    }
  }
  if (thread() == 0) {
    result->logprobs.logprob = logprob(result->token);
    result->logprobs.count = top;
  }
}

}  // namespace

DrawScratchSize::DrawScratchSize(int vocabulary) {
  const size_t n = static_cast<size_t>(vocabulary);
  size_t padded = 1;
  while (padded < n) padded *= 2;
  logits = counts = n;
  candidates = padded;
  runs = (n + kRun - 1) / kRun;
}

void draw(const Draws& d, bool logprobs, Queue queue) {
  const Grid grid{static_cast<unsigned>(d.rows)};
  GPU_LAUNCH(check_row, grid, kThreads, queue, d);
  GPU_LAUNCH(draw_row, grid, kThreads, queue, d);
  if (logprobs) GPU_LAUNCH(logprobs_row, grid, kThreads, queue, d);
  check_launch("draw_row");
}

}  // namespace cairn::gpu
