// Digests of results over fixed inputs. Every processor, instruction set and compiler has to come
// to the same constants; they change with the numerics version (docs/NUMERICS.md) and never
// otherwise.
#include <cinttypes>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "../cpu/activation.hpp"
#include "../cpu/half.hpp"
#include "../cpu/math.hpp"
#include "../cpu/sampler.hpp"
#include "../cpu/thread_pool.hpp"
#include "check.hpp"
#include "isa.hpp"

namespace {

using namespace cairn;

// SplitMix64: the distributions of <random> are each library's own.
struct Numbers {
  uint64_t state;
  uint64_t next() {
    uint64_t z = state += 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  // a multiple of 2^-20 in [-1, 1)
  float real() { return static_cast<float>(next() >> 43) / 1048576.0f - 1.0f; }
};

std::vector<float> floats(Numbers& numbers, size_t count, float scale) {
  std::vector<float> values(count);
  for (float& v : values) v = numbers.real() * scale;
  return values;
}

// FNV-1a over bytes in memory order; every machine here is little-endian.
class Digest {
 public:
  template <class T>
  void add(const T* values, size_t count) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(values);
    for (size_t i = 0; i < count * sizeof(T); i++) hash_ = (hash_ ^ bytes[i]) * 0x100000001B3ull;
  }
  uint64_t value() const { return hash_; }

 private:
  uint64_t hash_ = 0xCBF29CE484222325ull;
};

void expect(const std::string& what, const Digest& digest, uint64_t expected) {
  if (digest.value() != expected)
    std::printf("%s has the digest 0x%016" PRIX64 ", expected 0x%016" PRIX64 "\n", what.c_str(),
                digest.value(), expected);
  CHECK(digest.value() == expected);
}

// Rows of a file: random bytes, with scales and minimums that are finite.
std::vector<uint8_t> file_rows(Numbers& numbers, WeightType type, size_t k, size_t rows) {
  std::vector<uint8_t> data(rows * row_bytes(type, k));
  for (uint8_t& b : data) b = static_cast<uint8_t>(numbers.next() >> 56);
  for (size_t at = 0; at < data.size(); at += block_bytes(type)) {
    const float f = numbers.real();
    uint32_t bits;
    std::memcpy(&bits, &f, 4);
    const uint16_t h = type == WeightType::BF16 ? static_cast<uint16_t>(bits >> 16)
                                                : float_to_half(is_float(type) ? f : f / 64);
    if (type == WeightType::F32)
      std::memcpy(&data[at], &f, 4);
    else
      std::memcpy(&data[at + scale_place(type)], &h, 2);
    if (!has_minimum(type)) continue;
    const uint16_t m = float_to_half(numbers.real() / 64);
    std::memcpy(&data[at + scale_place(type) + 2], &m, 2);
  }
  return data;
}

void product(const Kernels& kernels, WeightType type, uint64_t expected) {
  constexpr int kRows = 19, kInputs = 512, kPanels = 3;
  Numbers numbers{static_cast<uint64_t>(type)};
  const auto file = file_rows(numbers, type, kInputs, kPanels * 32);
  std::vector<uint8_t> store(kPanels * panel_bytes(type, kInputs) + 64);
  uint8_t* panels = store.data() + (64 - reinterpret_cast<uintptr_t>(store.data()) % 64) % 64;
  for (size_t p = 0; p < kPanels; p++)
    pack_panel(type, kInputs, &file[p * 32 * row_bytes(type, kInputs)], 32,
               panels + p * panel_bytes(type, kInputs));
  const auto x = floats(numbers, kRows * kInputs, 3);
  std::vector<float> y(kRows * kPanels * 32);
  if (is_float(type)) {
    kernels.gemm_float(type, panels, kInputs, x.data(), kInputs, kRows, y.data(), kPanels * 32, 0,
                       kPanels);
  } else {
    std::vector<uint8_t> acts(activation::bytes(kRows, kInputs));
    for (int r = 0; r < kRows; r++)
      kernels.quantize(&x[static_cast<size_t>(r) * kInputs], kInputs, acts.data(), r);
    kernels.gemm_blocks(type, panels, kInputs / 32, acts.data(), kRows, y.data(), kPanels * 32, 0,
                        kPanels);
  }
  Digest digest;
  digest.add(y.data(), y.size());
  expect(std::string(kernels.name) + " product of type " + std::to_string(static_cast<int>(type)),
         digest, expected);
}

// Embeddings: from a panel and from a row of the file.
void embeddings(WeightType type, uint64_t expected) {
  constexpr size_t kInputs = 512;
  Numbers numbers{static_cast<uint64_t>(type) + 100};
  const auto file = file_rows(numbers, type, kInputs, 32);
  std::vector<uint8_t> panel(panel_bytes(type, kInputs));
  pack_panel(type, kInputs, file.data(), 32, panel.data());
  std::vector<float> values(kInputs);
  Digest fromPanel, fromFile;
  for (int c = 0; c < 32; c++) {
    read_column(type, kInputs, panel.data(), c, values.data());
    fromPanel.add(values.data(), kInputs);
    read_row(type, kInputs, &file[static_cast<size_t>(c) * row_bytes(type, kInputs)],
             values.data());
    fromFile.add(values.data(), kInputs);
  }
  const std::string what = "embedding of type " + std::to_string(static_cast<int>(type));
  expect(what, fromPanel, expected);
  expect(what + " from the file", fromFile, expected);
}

// Draws from peaked, wide and flat distributions under every kind of cut.
void draws(const Kernels& kernels, uint64_t expected) {
  constexpr int kVocabulary = 5000;
  const int32_t history[] = {1, 2, 3};
  Numbers numbers{17};
  Sampler sampler(kernels, kVocabulary);
  Digest digest;
  for (float spread : {20.0f, 4.0f, 0.5f, 0.0f})
    for (uint64_t cut = 0; cut < 16; cut++) {
      auto logits = floats(numbers, kVocabulary, spread);
      SamplingParams p;
      p.temperature = 0.8f;
      if (cut & 1) p.topP = 0.9f;
      if (cut & 2) p.topK = cut & 8 ? 900 : 40;
      if (cut & 4) p.minP = 0.02f;
      if (cut & 8) p.repetitionPenalty = 1.3f;
      for (uint64_t seed = 0; seed < 4; seed++) {
        const int32_t token = sampler.sample(logits.data(), p, history, 3, 2, seed);
        const float logprob = sampler.logprobs(logits.data(), token, 0).logprob;
        digest.add(&token, 1);
        digest.add(&logprob, 1);
      }
    }
  expect(std::string(kernels.name) + " draws", digest, expected);
}

// Digests of every weight type.
struct Expected {
  WeightType type;
  uint64_t product, embedding;
};

constexpr Expected kExpected[] = {
    {WeightType::F32, 0x9A9CEEAEF82215D6, 0x08A9B8F6E127C0A1},
    {WeightType::F16, 0x7292A96C44376A3D, 0xD83AD23F37D8FE03},
    {WeightType::BF16, 0x37A6EA6DC42F5C65, 0x8F3E9ABA4DF8125A},
    {WeightType::Q8_0, 0x42765AF5B42004E5, 0x1AED9E7A3D624AE4},
    {WeightType::Q4_0, 0xC4787A4DC073A085, 0x93F9685AC44ABFFC},
    {WeightType::Q4_1, 0xE8DB81EE44A9FDF5, 0xAB0721448045038A},
    {WeightType::Q5_0, 0x70F89057E575897D, 0x7E2E0BB12F3A6C40},
    {WeightType::Q5_1, 0x4BD1C40E3DE692C2, 0x8C1F404A6D241CDF},
    {WeightType::Q2_K, 0x8D4B1289B5088487, 0xC4BF2C2DCA0B1E20},
    {WeightType::Q3_K, 0xEC004901467C85CD, 0xF7918D541A4E5F5F},
    {WeightType::Q4_K, 0xB26934725F4105FB, 0xF1DA9547AA82DF42},
    {WeightType::Q5_K, 0xF506933D45FAED8D, 0x97CDBF9FB81935C7},
    {WeightType::Q6_K, 0x72245CE00C90A37B, 0x77D2092EECFDF29B},
};

void row_kernels(const Kernels& kernels, uint64_t expected) {
  constexpr int n = 515;
  Numbers numbers{7};
  const auto x = floats(numbers, n, 5), w = floats(numbers, n, 2);
  std::vector<float> y(n);
  Digest digest;
  kernels.rms_norm(x.data(), w.data(), 1e-5f, y.data(), n);
  digest.add(y.data(), y.size());
  kernels.add(y.data(), x.data(), n);
  digest.add(y.data(), y.size());
  kernels.swiglu(y.data(), w.data(), n);
  digest.add(y.data(), y.size());
  kernels.exp_values(x.data(), y.data(), n);
  digest.add(y.data(), y.size());
  const float sums[] = {kernels.sum_exp(x.data(), n, 5.0f, 0.7f), kernels.max_value(x.data(), n)};
  digest.add(sums, 2);
  std::vector<uint16_t> halves(n);
  kernels.to_half(x.data(), halves.data(), n);
  digest.add(halves.data(), halves.size());
  expect(std::string(kernels.name) + " row kernels", digest, expected);
}

void attention(const Kernels& kernels, uint64_t expected) {
  constexpr int kHeadLength = 64, kHeads = 3, kBlocks = 3, kTiles = 2, kTileTokens = 32;
  constexpr size_t kStride = size_t{2} * kTiles * kTileTokens * kHeadLength;
  Numbers numbers{11};
  alignas(64) static uint16_t store[kBlocks * kStride];
  for (uint16_t& h : store) h = float_to_half(numbers.real());
  const int32_t blocks[] = {2, 0, 1};
  const auto q = floats(numbers, kHeads * kHeadLength, 1);
  std::vector<float> out(q.size());
  Digest digest;
  for (int position : {0, 1, 31, 32, 77, 128, 190}) {
    KvView view{};
    view.base = reinterpret_cast<const uint8_t*>(store);
    view.blockStride = kStride * sizeof(uint16_t);
    view.blocks = blocks;
    view.tilesPerBlock = kTiles;
    view.headLength = kHeadLength;
    const AttendRow row{q.data(), out.data(), position};
    kernels.attend(&row, 1, kHeads, view);
    digest.add(out.data(), out.size());
  }
  expect(std::string(kernels.name) + " attention", digest, expected);
}

void elementary(uint64_t expected) {
  Numbers numbers{13};
  Digest digest;
  for (int i = 0; i < 20000; i++) {
    const double x = static_cast<double>(numbers.real());
    double values[5] = {math::exp(x * 700), math::log(std::fabs(x) * 1e6 + 1e-9),
                        math::pow(std::fabs(x) + 0.01, x * 9), 0, 0};
    math::sin_cos(x * 1e6, &values[3], &values[4]);
    digest.add(values, 5);
  }
  expect("elementary functions", digest, expected);
}

}  // namespace

int main(int argc, char** argv) {
  check::begin(argc, argv);
  set_float_mode();
  for (const Kernels* kernels : available_kernels()) {
    for (const Expected& e : kExpected) product(*kernels, e.type, e.product);
    row_kernels(*kernels, 0xD2AB8BAFC6693EDC);
    attention(*kernels, 0xF3AC09ACE16343A1);
    draws(*kernels, 0x41CDFFF9834369FD);
  }
  for (const Expected& e : kExpected) embeddings(e.type, e.embedding);
  elementary(0x4C3BE8BF2D40C192);
  return check::end("digest_test");
}
