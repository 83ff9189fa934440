// Times one draw by shape of the distribution, cut and size of the vocabulary. Prints JSON lines.
//   cairn_bench_sampler [--isa NAME] [--rounds N]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "../cpu/cpu_features.hpp"
#include "../cpu/sampler.hpp"
#include "../cpu/thread_pool.hpp"

namespace {

using namespace cairn;

struct Cut {
  const char* name;
  int32_t topK;
  float topP, minP;
};

constexpr Cut kCuts[] = {{"none", 0, 1, 0},          {"top_p 0.9", 0, 0.9f, 0},
                         {"top_p 0.999", 0, 0.999f, 0}, {"min_p 0.01", 0, 1, 0.01f},
                         {"top_k 40", 40, 1, 0},     {"top_k 20000", 20000, 1, 0},
                         {"top_k 40, top_p 0.9", 40, 0.9f, 0}};
constexpr int kDraws = 12;

// Logits of a normal distribution, of which a wide one is peaked and a narrow one nearly flat.
std::vector<float> normal(int n, float spread) {
  std::mt19937 random(1);
  std::normal_distribution<float> distribution(0, spread);
  std::vector<float> logits(static_cast<size_t>(n));
  for (float& l : logits) l = distribution(random);
  return logits;
}

double microseconds(Sampler& sampler, std::vector<float>& logits, const Cut& cut,
                    const std::vector<uint64_t>& allowed) {
  SamplingParams p;
  p.temperature = 1;
  p.topK = cut.topK;
  p.topP = cut.topP;
  p.minP = cut.minP;
  const int32_t history[] = {0};
  double best = 1e30;
  for (int i = 0; i < kDraws; i++) {
    const auto begin = std::chrono::steady_clock::now();
    sampler.sample(logits.data(), p, history, 1, 1, static_cast<uint64_t>(i), allowed);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    best = std::min(best, taken.count() * 1e6);
  }
  return best;
}

// Allows every other token, which is the hardest case.
std::vector<uint64_t> mask(int vocabulary) {
  return std::vector<uint64_t>(static_cast<size_t>((vocabulary + 63) / 64),
                               0x5555555555555555u);
}

}  // namespace

int main(int argc, char** argv) {
  std::string isa = "auto";
  int rounds = 2;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--isa") isa = argv[i + 1];
    if (std::string(argv[i]) == "--rounds") rounds = std::max(1, std::atoi(argv[i + 1]));
  }
  set_float_mode();
  const Kernels& kernels = choose_kernels(isa);
  for (const int vocabulary : {49152, 151936}) {
    Sampler sampler(kernels, vocabulary);
    for (const auto& [shape, spread] :
         {std::pair("peaked", 6.0f), {"medium", 2.5f}, {"nearly flat", 0.5f}, {"flat", 0.0f}}) {
      std::vector<float> logits = normal(vocabulary, spread);
      for (const Cut& cut : kCuts) {
        double best = 1e30, masked = 1e30;
        for (int r = 0; r < rounds; r++) {
          best = std::min(best, microseconds(sampler, logits, cut, {}));
          masked = std::min(masked, microseconds(sampler, logits, cut, mask(vocabulary)));
        }
        std::printf(
            "{\"isa\":\"%s\",\"vocabulary\":%d,\"shape\":\"%s\",\"cut\":\"%s\",\"us\":%.1f,"
            "\"masked_us\":%.1f}\n",
            kernels.name, vocabulary, shape, cut.name, best, masked);
      }
    }
  }
  return 0;
}
