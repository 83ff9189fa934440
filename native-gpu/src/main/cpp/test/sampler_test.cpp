// The sampler against a plain implementation that sorts everything.
#include "../cpu/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "../cpu/philox.hpp"
#include "../cpu/thread_pool.hpp"
#include "check.hpp"
#include "isa.hpp"

namespace {

using namespace cairn;

std::vector<float> random_logits(int n) {
  std::vector<float> l(static_cast<size_t>(n));
  for (float& f : l) f = std::round(check::real(-12, 12) * 8) / 8;  // with ties
  return l;
}

// Tokens kept, most likely first, and their probabilities.
std::vector<std::pair<int, double>> kept(std::vector<float> l, const SamplingParams& p,
                                         const std::vector<int32_t>& history, int prompt) {
  std::map<int, int> seen;
  for (size_t i = 0; i < history.size(); i++) seen[history[i]] += i >= static_cast<size_t>(prompt);
  for (auto [token, count] : seen) {
    float& v = l[static_cast<size_t>(token)];
    v = v > 0 ? v / p.repetitionPenalty : v * p.repetitionPenalty;
    if (count > 0) v = v - p.presencePenalty - p.frequencyPenalty * static_cast<float>(count);
  }
  std::vector<int> order(l.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return l[static_cast<size_t>(a)] > l[static_cast<size_t>(b)];
  });
  if (p.topK > 0 && static_cast<size_t>(p.topK) < order.size())
    order.resize(static_cast<size_t>(p.topK));
  std::vector<std::pair<int, double>> out;
  double total = 0, mass = 0;
  auto weight = [&](int t) {
    return std::exp((static_cast<double>(l[static_cast<size_t>(t)]) -
                     static_cast<double>(l[static_cast<size_t>(order[0])])) /
                    static_cast<double>(p.temperature));
  };
  for (int t : order) total += weight(t);
  for (int t : order) {
    if (!out.empty() && p.topP < 1 && mass >= static_cast<double>(p.topP) * total) break;
    if (weight(t) < static_cast<double>(p.minP)) break;
    mass += weight(t);
    out.push_back({t, weight(t)});
  }
  for (auto& [t, w] : out) w /= mass;
  return out;
}

// Whether u falls on the token: in order of probability, or of the ids where none is cut off.
bool draws(std::vector<std::pair<int, double>> tokens, const SamplingParams& p, size_t vocabulary,
           double u, int32_t token) {
  const bool topK = p.topK > 0 && static_cast<size_t>(p.topK) < vocabulary;
  if (!topK && p.topP >= 1 && p.minP <= 0) std::sort(tokens.begin(), tokens.end());
  double mass = 0;
  for (auto [t, w] : tokens) {
    if (t == token) return u >= mass - 1e-4 && u <= mass + w + 1e-4;
    mass += w;
  }
  return false;
}

void against_sorting(const Kernels& kernels) {
  for (int round = 0; round < 300; round++) {
    const int n = check::integer(2, 1400);
    Sampler sampler(kernels, n);
    SamplingParams p;
    p.temperature = check::real(0.2f, 3);
    if (check::integer(0, 1)) p.topK = check::integer(1, n + 5);
    if (check::integer(0, 1)) p.topP = check::real(0, 1);
    if (check::integer(0, 2) == 0) p.minP = check::real(0, 0.5f);
    if (check::integer(0, 1)) p.repetitionPenalty = check::real(0.5f, 2);
    if (check::integer(0, 1)) p.presencePenalty = check::real(-1, 2);
    if (check::integer(0, 1)) p.frequencyPenalty = check::real(-1, 1);
    std::vector<int32_t> history(static_cast<size_t>(check::integer(1, 40)));
    for (int32_t& t : history) t = check::integer(0, n - 1);
    const int length = static_cast<int>(history.size()), prompt = check::integer(1, length);
    const std::vector<float> logits = random_logits(n);
    const uint64_t seed = check::random();
    std::vector<float> copy = logits;
    const int32_t token = sampler.sample(copy.data(), p, history.data(), length, prompt, seed);
    CHECK(copy == logits);
    // Where a mass meets a bound within rounding the cut may fall on either side.
    SamplingParams wide = p;
    wide.topP = std::min(1.0f, p.topP * 1.0001f);
    wide.minP = p.minP * 0.9999f;
    const double u = uniform(seed, static_cast<uint64_t>(length - prompt));
    CHECK(draws(kept(logits, p, history, prompt), p, logits.size(), u, token) ||
          draws(kept(logits, wide, history, prompt), p, logits.size(), u, token));
    p.temperature = 0;
    const int32_t best = sampler.sample(copy.data(), p, history.data(), length, prompt, seed);
    p.temperature = 1;
    p.topK = 1;
    CHECK(best == kept(logits, p, history, prompt)[0].first);
    CHECK(best == sampler.sample(copy.data(), p, history.data(), length, prompt, seed));
  }
}

// The draw as docs/NUMERICS.md has it: everything sorted, weights added one by one.
int32_t defined(const Kernels& kernels, const std::vector<float>& l, const SamplingParams& p,
                double u) {
  const int n = static_cast<int>(l.size());
  std::vector<int32_t> order(l.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return l[static_cast<size_t>(a)] > l[static_cast<size_t>(b)];
  });
  const float max = l[static_cast<size_t>(order[0])], inverse = 1.0f / p.temperature;
  std::vector<float> w;
  for (int32_t t : order) w.push_back((l[static_cast<size_t>(t)] - max) * inverse);
  kernels.exp_values(w.data(), w.data(), n);
  size_t kept = p.topK > 0 ? std::min(l.size(), static_cast<size_t>(p.topK)) : l.size();
  double total = 0;
  if (kept < l.size())
    for (size_t i = 0; i < kept; i++) total += static_cast<double>(w[i]);
  else
    total = static_cast<double>(kernels.sum_exp(l.data(), n, max, inverse));
  double mass = 0;
  size_t i = 0;
  for (; i < kept; i++) {
    if (i > 0 && p.topP < 1 && mass >= static_cast<double>(p.topP) * total) break;
    if (i > 0 && w[i] < p.minP) break;
    mass += static_cast<double>(w[i]);
  }
  const double target = u * mass;
  kept = i;
  mass = 0;
  for (i = 0; i + 1 < kept; i++) {
    mass += static_cast<double>(w[i]);
    if (mass > target) break;
  }
  return order[i];
}

// Distributions from peaked to flat, with and without ties, large enough to be put in bands.
void bits(const Kernels& kernels) {
  const float spreads[] = {0, 0.001f, 0.3f, 1, 3, 8, 30};
  for (int round = 0; round < 60; round++) {
    const int n = check::integer(2, 24000);
    const float spread = spreads[check::integer(0, 6)];
    const bool ties = check::integer(0, 1);
    std::vector<float> l(static_cast<size_t>(n));
    for (float& f : l) {
      f = check::real(-1, 1) + check::real(-1, 1) + check::real(-1, 1);
      f = (ties ? std::round(f * 20) / 20 : f) * spread;
    }
    Sampler sampler(kernels, n);
    for (int i = 0; i < 6; i++) {
      SamplingParams p;
      p.temperature = check::integer(0, 1) ? 1.0f : check::real(0.3f, 5);
      const int cut = check::integer(1, 7);
      const float share = check::integer(0, 1) ? check::real(0, 1) : 1 - check::real(0, 0.001f);
      if (cut & 1) p.topP = std::min(0.99999f, share);
      if (cut & 2) p.topK = check::integer(1, n);
      if (cut & 4) p.minP = check::integer(0, 2) == 0 ? 1 : check::real(0, 0.2f);
      if (p.topP >= 1 && p.minP <= 0 && p.topK >= n) continue;
      const uint64_t seed = check::random();
      const int32_t history[] = {0};
      const int32_t token = sampler.sample(l.data(), p, history, 1, 1, seed);
      CHECK(token == defined(kernels, l, p, uniform(seed, 0)));
    }
  }
}

void frequencies(const Kernels& kernels) {
  const std::vector<float> logits{1, 3, 2, 3, -4};
  SamplingParams p;
  p.temperature = 1;
  Sampler sampler(kernels, 5);
  const std::vector<int32_t> history{0};
  std::vector<int> counts(5);
  for (int i = 0; i < 20000; i++) {
    std::vector<float> copy = logits;
    counts[static_cast<size_t>(
        sampler.sample(copy.data(), p, history.data(), 1, 1, static_cast<uint64_t>(i)))]++;
  }
  for (auto [t, w] : kept(logits, p, history, 1))
    CHECK(std::fabs(counts[static_cast<size_t>(t)] / 20000.0 - w) < 0.02);
}

void logprobs(const Kernels& kernels) {
  for (int round = 0; round < 50; round++) {
    const int n = check::integer(1, 900), top = check::integer(0, kMaxTop);
    const std::vector<float> l = random_logits(n);
    Sampler sampler(kernels, n);
    const int token = check::integer(0, n - 1);
    const Logprobs out = sampler.logprobs(l.data(), token, top);
    double sum = 0;
    for (float f : l) sum += std::exp(static_cast<double>(f));
    CHECK(std::fabs(static_cast<double>(out.logprob) -
                    (static_cast<double>(l[static_cast<size_t>(token)]) - std::log(sum))) < 1e-5);
    SamplingParams p;
    p.temperature = 1;
    const auto order = kept(l, p, {0}, 1);
    CHECK(out.count == std::min(top, n));
    for (int i = 0; i < out.count; i++) {
      CHECK(out.tokens[i] == order[static_cast<size_t>(i)].first);
      CHECK(std::fabs(static_cast<double>(out.values[i]) -
                      std::log(order[static_cast<size_t>(i)].second)) < 1e-5);
    }
  }
}

// A masked draw is the draw from a vocabulary of the allowed tokens alone.
void masks(const Kernels& kernels) {
  for (int round = 0; round < 200; round++) {
    const int n = check::integer(1, 300);
    Sampler sampler(kernels, n);
    std::vector<float> l = random_logits(n);
    const std::vector<float> before = l;
    std::vector<uint64_t> allowed(static_cast<size_t>((n + 63) / 64));
    std::vector<int32_t> tokens;
    for (int t = 0; t < n; t++)
      if (check::integer(0, 3) == 0) tokens.push_back(t);
    if (tokens.empty()) tokens.push_back(check::integer(0, n - 1));
    for (int32_t t : tokens) allowed[static_cast<size_t>(t / 64)] |= uint64_t{1} << (t % 64);
    std::vector<float> few;
    for (int32_t t : tokens) few.push_back(l[static_cast<size_t>(t)]);
    SamplingParams p;
    p.temperature = round % 3 == 0 ? 0.0f : static_cast<float>(check::real(0.1, 2));
    if (round % 2 == 0) p.topK = check::integer(0, 5);
    if (round % 5 == 0) p.topP = static_cast<float>(check::real(0.3, 1));
    const std::vector<int32_t> history = {0};
    Sampler small(kernels, static_cast<int>(few.size()));
    for (uint64_t seed = 0; seed < 20; seed++) {
      const int32_t token = sampler.sample(l.data(), p, history.data(), 1, 1, seed, allowed);
      const int32_t same = small.sample(few.data(), p, history.data(), 1, 1, seed);
      CHECK(std::find(tokens.begin(), tokens.end(), token) != tokens.end());
      if (p.temperature == 0.0f) CHECK(token == tokens[static_cast<size_t>(same)]);
    }
    CHECK(l == before);
  }
}

// A bias is added before anything else is done, and taken back.
void bias_is_added(const Kernels& kernels) {
  Sampler sampler(kernels, 100);
  std::vector<float> l = random_logits(100);
  const std::vector<float> before = l;
  const std::vector<int32_t> history = {5, 7, 7};
  SamplingParams p;
  p.repetitionPenalty = 2;
  std::vector<LogitBias> biases = {{7, 200}, {9, 40}};
  CHECK(sampler.sample(l.data(), p, history.data(), 3, 1, 1, {}, biases) == 7);
  CHECK(l == before);
  p.frequencyPenalty = 60;
  CHECK(sampler.sample(l.data(), p, history.data(), 3, 1, 1, {}, biases) == 9);
  biases = {{7, -1e6f}, {9, -1e6f}};
  p.temperature = 1;
  for (uint64_t seed = 0; seed < 200; seed++) {
    const int32_t token = sampler.sample(l.data(), p, history.data(), 3, 1, seed, {}, biases);
    CHECK(token != 7 && token != 9);
  }
  CHECK(l == before);
}

}  // namespace

int main(int argc, char** argv) {
  check::begin(argc, argv);
  set_float_mode();
  for (const Kernels* k : available_kernels()) {
    against_sorting(*k);
    bits(*k);
    frequencies(*k);
    logprobs(*k);
    masks(*k);
    bias_is_added(*k);
  }
  return check::end("sampler_test");
}
