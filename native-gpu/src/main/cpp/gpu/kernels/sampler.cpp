#include "sampler.hpp"

#include "../../cpu/philox.hpp"
#include "ordered_draws.hpp"
#include "steered_logits.hpp"

namespace cairn::gpu {
namespace {

constexpr int kThreads = kRowThreads;
constexpr int kRun = 256;  // tokens whose weights are summed before they are added to the total
constexpr float kLeastTemperature = 1e-5f;

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

GPU_KERNEL GPU_BOUNDS(kThreads) draw_row(Draws d) {
  GPU_SHARED(uint64_t, parts, kRowWarps);
  GPU_SHARED(float, stage, kStage);
  GPU_SHARED(float, sum, 1);
  GPU_SHARED(int, numbers, 2);
  GPU_SHARED(int, counts, kBands);
  GPU_SHARED(double, masses, kBands);
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
  if (is_steered(job)) {
    float* steered = d.scratch.logits + row * d.ld;
    steer(d, job, logits, steered);
    logits = steered;
  }
  const uint64_t first = next_token(logits, n, 0, true, parts);
  int token = token_of(first);
  if (!(p.temperature < kLeastTemperature)) {
    const OrderedRow ordered{logits, n, logits[token_of(first)], p.temperature, 1.0f / p.temperature};
    const bool byNumber = p.topK > 0 && p.topK < n;
    const double u = uniform(static_cast<uint64_t>(job.seedHigh) << 32 | job.seedLow,
                             static_cast<uint64_t>(job.position + 1 - job.prompt));
    if (!byNumber && p.topP >= 1.0f && p.minP <= 0.0f) {
      token = draw_any(logits, n, ordered.most, ordered.inverse, u,
                       d.scratch.runs + row * d.scratch.runStride);
    } else {
      Cut cut{byNumber ? p.topK : n, static_cast<double>(p.topP), -1.0, p.minP};
      if (!byNumber)
        cut.total =
            static_cast<double>(sum_of_exponentials(logits, n, ordered.most, ordered.inverse, stage, sum));
      token = draw_in_order(ordered, cut, u, d.scratch.candidates + row * d.scratch.candidateStride,
                            draw_shared(counts, masses, parts, numbers));
    }
    // Rounding may let a draw end behind the last token that has any weight.
    if (job.masked != 0 && !allows(mask_of(d, job), token)) token = token_of(first);
  }
  if (thread() == 0) {
    d.results[row].token = token;
    history[job.position + 1] = token;
  }
}

GPU_KERNEL GPU_BOUNDS(kThreads) logprobs_row(Draws d) {
  GPU_SHARED(uint64_t, parts, kRowWarps);
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
