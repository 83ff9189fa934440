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

}  // namespace

int main(int argc, char** argv) {
  check::begin(argc, argv);
  set_float_mode();
  for (const Kernels* k : available_kernels()) {
    against_sorting(*k);
    frequencies(*k);
    logprobs(*k);
  }
  return check::end("sampler_test");
}
