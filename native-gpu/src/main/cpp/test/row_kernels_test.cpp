// Kernels on rows and attention, each against a double-precision reference within a bound, and bit
// for bit across instruction sets. What lies around their outputs must survive.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "../cpu/activation.hpp"
#include "../cpu/half.hpp"
#include "../cpu/kv.hpp"
#include "../cpu/thread_pool.hpp"
#include "check.hpp"
#include "isa.hpp"
#include "poison.hpp"

namespace {

using namespace cairn;

void quantization() {
  const float inf = std::numeric_limits<float>::infinity();
  for (int round = 0; round < rounds(50); round++) {
    std::vector<float> x = random_floats(128, round % 5 == 0 ? 1e-37f : round % 7 == 0 ? 1e30f : 3);
    if (round % 10 == 3) x[40] = inf;
    if (round % 10 == 4) x[70] = std::numeric_limits<float>::quiet_NaN();
    if (round % 10 == 6) std::fill(x.begin() + 32, x.begin() + 64, 0.0f);
    const int row = check::integer(0, 20);
    std::vector<uint8_t> first;
    for (const Kernels* kernels : available_kernels()) {
      std::vector<uint8_t> acts(activation::bytes(21, 128), 0x5a);
      kernels->quantize(x.data(), 128, acts.data(), row);
      if (first.empty()) first = acts;
      CHECK(first == acts);
    }
    for (int b = 0; b < 4; b++) {
      const uint8_t* rec =
          first.data() + static_cast<size_t>(row / 16 * 4 + b) * activation::kRecord;
      const float d = reinterpret_cast<const float*>(rec + activation::kScale)[row % 16];
      const int8_t* q = reinterpret_cast<const int8_t*>(rec) + row % 16 * 32;
      const float* v = &x[static_cast<size_t>(b * 32)];
      if (!std::all_of(v, v + 32, [](float f) { return std::isfinite(f); })) {
        CHECK(std::isnan(d) && std::all_of(q, q + 32, [](int8_t n) { return n == 0; }));
        continue;
      }
      for (int i = 0; i < 32; i++)
        CHECK(std::fabs(static_cast<double>(v[i]) - static_cast<double>(d) * q[i]) <=
              0.50001 * static_cast<double>(d) + 2e-36);
    }
  }
}

void elementwise() {
  for (int round = 0; round < rounds(60); round++) {
    const int n = check::integer(1, 300);
    const size_t size = static_cast<size_t>(n);
    const std::vector<float> x = random_floats(size, 5), w = random_floats(size);
    std::vector<float> norms, gates, sums;
    std::vector<uint16_t> halves;
    float max = 0, total = 0;
    for (const Kernels* kernels : available_kernels()) {
      std::vector<float> y = poisoned(size + 16), g = x, s = x;
      g.resize(size + 16, 7);
      s.resize(size + 16, 7);
      kernels->rms_norm(x.data(), w.data(), 1e-5f, y.data(), n);
      kernels->swiglu(g.data(), w.data(), n);
      kernels->add(s.data(), w.data(), n);
      std::vector<uint16_t> h(size + 16, 0xdead);
      kernels->to_half(x.data(), h.data(), n);
      for (size_t i = size; i < size + 16; i++)
        CHECK(is_poison(y[i]) && g[i] == 7 && s[i] == 7 && h[i] == 0xdead);
      if (norms.empty()) {
        norms = y;
        gates = g;
        sums = s;
        halves = h;
        max = kernels->max_value(x.data(), n);
        total = kernels->sum_exp(x.data(), n, max, 0.7f);
      }
      CHECK(same(norms, y) && same(gates, g) && same(sums, s) && halves == h);
      CHECK(max == kernels->max_value(x.data(), n) &&
            total == kernels->sum_exp(x.data(), n, max, 0.7f));
      CHECK(kernels->all_finite(x.data(), n));
      std::vector<float> bad = x;
      bad[static_cast<size_t>(check::integer(0, n - 1))] =
          round % 2 ? std::numeric_limits<float>::infinity()
                    : std::numeric_limits<float>::quiet_NaN();
      CHECK(!kernels->all_finite(bad.data(), n));
    }
    double square = 0, e = 0;
    for (float f : x) square += static_cast<double>(f) * static_cast<double>(f);
    for (float f : x)
      e +=
          std::exp((static_cast<double>(f) - static_cast<double>(max)) * static_cast<double>(0.7f));
    CHECK(max == *std::max_element(x.begin(), x.end()) &&
          std::fabs(static_cast<double>(total) - e) <= 1e-5 * e);
    for (size_t i = 0; i < size; i++) {
      const double v = static_cast<double>(x[i]), u = static_cast<double>(w[i]);
      const double norm = v / std::sqrt(square / n + 1e-5) * u, gate = v / (1 + std::exp(-v)) * u;
      CHECK(std::fabs(static_cast<double>(norms[i]) - norm) <= 2e-6 * std::fabs(norm) + 1e-30);
      CHECK(std::fabs(static_cast<double>(gates[i]) - gate) <= 2e-6 * std::fabs(gate) + 1e-30);
      CHECK(sums[i] == x[i] + w[i] && halves[i] == float_to_half(x[i]));
    }
  }
}

// Fused kernels have the bits of the scalar operations that they consist of.
void fused() {
  for (int round = 0; round < rounds(60); round++) {
    const int n = 32 * check::integer(1, 20), row = check::integer(0, 20);
    const size_t size = static_cast<size_t>(n);
    std::vector<float> x = random_floats(size, 5);
    const std::vector<float> y = random_floats(size, 3), w = random_floats(size);
    if (round % 10 == 3) x[size / 2] = std::numeric_limits<float>::infinity();
    if (round % 10 == 4) x[size - 1] = std::numeric_limits<float>::quiet_NaN();
    if (round % 10 == 5) std::fill(x.begin(), x.end(), 1e-38f);
    auto acts = [&] { return std::vector<uint8_t>(activation::bytes(21, size), 0x5a); };
    std::vector<float> sums = x, norms(size), swiglu = x, geglu = x;
    std::vector<uint8_t> expected[3] = {acts(), acts(), acts()};
    kScalarKernels.add(sums.data(), y.data(), n);
    kScalarKernels.rms_norm(sums.data(), w.data(), 1e-5f, norms.data(), n);
    kScalarKernels.quantize(norms.data(), n, expected[0].data(), row);
    kScalarKernels.swiglu(swiglu.data(), y.data(), n);
    kScalarKernels.quantize(swiglu.data(), n, expected[1].data(), row);
    kScalarKernels.geglu(geglu.data(), y.data(), n);
    kScalarKernels.quantize(geglu.data(), n, expected[2].data(), row);
    for (const Kernels* kernels : available_kernels()) {
      std::vector<float> z = x;
      z.resize(size + 16, 7);
      std::vector<uint8_t> got[3] = {acts(), acts(), acts()};
      kernels->add_norm_quantize(z.data(), y.data(), w.data(), 1e-5f, n, got[0].data(), row);
      kernels->swiglu_quantize(x.data(), y.data(), n, got[1].data(), row);
      kernels->geglu_quantize(x.data(), y.data(), n, got[2].data(), row);
      for (size_t i = size; i < size + 16; i++) CHECK(z[i] == 7);
      z.resize(size);
      CHECK(same(z, sums));
      for (int i = 0; i < 3; i++) CHECK(got[i] == expected[i]);
    }
  }
}

void rotation() {
  for (int round = 0; round < rounds(60); round++) {
    const int pairs = check::integer(1, 70);
    const bool halves = round % 2 == 0;
    const size_t size = static_cast<size_t>(pairs);
    const std::vector<float> head = random_floats(2 * size, 5), cosines = random_floats(size),
                             sines = random_floats(size);
    std::vector<float> c, s;  // as the kernel takes them
    for (size_t i = 0; i < size; i++) {
      c.insert(c.end(), halves ? 1 : 2, cosines[i]);
      if (!halves) s.push_back(-sines[i]);
      s.push_back(sines[i]);
    }
    for (const Kernels* kernels : available_kernels()) {
      std::vector<float> y = head;
      y.resize(2 * size + 16, 7);
      kernels->rotate(y.data(), c.data(), s.data(), pairs, halves);
      for (size_t i = 2 * size; i < y.size(); i++) CHECK(y[i] == 7);
      for (size_t i = 0; i < size; i++) {
        const size_t a = halves ? i : 2 * i, b = halves ? i + size : 2 * i + 1;
        const float xc = head[a] * cosines[i], ys = head[b] * sines[i];
        const float xs = head[a] * sines[i], yc = head[b] * cosines[i];
        CHECK(y[a] == xc - ys && y[b] == xs + yc);
      }
    }
  }
}

// A paged sequence in which everything but the keys and values of its tokens is NaN.
struct Paged {
  KvType type;
  int headLength, tilesPerBlock;
  std::vector<int32_t> blocks;
  std::vector<uint16_t> store;
  std::vector<double> k, v;  // as stored

  Paged(KvType kvType, int n, int tokens)
      : type(kvType), headLength(n), tilesPerBlock(check::integer(1, 3)) {
    blocks.resize(static_cast<size_t>(tokens / (32 * tilesPerBlock)) + 1);
    for (size_t i = 0; i < blocks.size(); i++)
      blocks[i] = static_cast<int32_t>((i * 5 + 3) % (blocks.size() * 5 + 7));
    store.assign((blocks.size() * 5 + 8) * block_bytes() / 2, 0x7e00);
    for (int t = 0; t < tokens; t++) add(t);
  }

  size_t block_bytes() const {
    return kv::tile_bytes(type, headLength) * static_cast<size_t>(tilesPerBlock) + 64;
  }
  uint8_t* tile(int token) {
    return reinterpret_cast<uint8_t*>(store.data()) +
           static_cast<size_t>(blocks[static_cast<size_t>(token / (32 * tilesPerBlock))]) *
               block_bytes() +
           static_cast<size_t>(token / 32 % tilesPerBlock) * kv::tile_bytes(type, headLength);
  }
  KvView view(float cap) const {
    return {reinterpret_cast<const uint8_t*>(store.data()),
            block_bytes(),
            blocks.data(),
            tilesPerBlock,
            headLength,
            type,
            cap};
  }

 private:
  void add(int t) {
    const size_t n = static_cast<size_t>(headLength);
    const std::vector<float> key = random_floats(n, 2), value = random_floats(n, 2);
    kv::store(type, kScalarKernels.to_half, key.data(), value.data(), headLength, t % 32, tile(t));
    for (size_t i = 0; i < n; i++) {
      k.push_back(stored(key, i));
      v.push_back(stored(value, i));
    }
  }
  double stored(const std::vector<float>& x, size_t i) const {
    if (type == KvType::F32) return static_cast<double>(x[i]);
    if (type == KvType::F16) return static_cast<double>(half_to_float(float_to_half(x[i])));
    float most = 0;
    for (size_t j = i / 32 * 32; j < x.size() && j < i / 32 * 32 + 32; j++)
      most = std::max(most, std::fabs(x[j]));
    const double step = static_cast<double>(half_to_float(float_to_half(most / 127)));
    // int8 rounded to nearest, where a value between two may have gone either way
    const float steps = x[i] * (1.0f / static_cast<float>(step));
    return std::nearbyint(static_cast<double>(std::min(127.0f, std::max(-127.0f, steps)))) * step;
  }
};

struct Exact {
  double value, bound;
};

// The bound is that of scores whose sums are rounded in single precision: an error of a score moves
// its weight by as much, and the result by that share of the largest value.
Exact exact_attention(const Paged& kv, const float* q, const AttendRow& row, float cap, int i) {
  const size_t n = static_cast<size_t>(kv.headLength);
  double total = 0, o = 0, size = 0, most = 0;
  for (int t = row.first; t <= row.position; t++) {
    const size_t at = static_cast<size_t>(t) * n;
    double s = 0, sum = 0;
    for (size_t j = 0; j < n; j++) {
      s += static_cast<double>(q[j]) * kv.k[at + j];
      sum += std::fabs(static_cast<double>(q[j]) * kv.k[at + j]);
    }
    size = std::max(size, sum);
    most = std::max(most, std::fabs(kv.v[at + static_cast<size_t>(i)]));
    if (cap != 0) s = static_cast<double>(cap) * std::tanh(s / static_cast<double>(cap));
    total += std::exp(s);
    o += std::exp(s) * kv.v[at + static_cast<size_t>(i)];
  }
  return {o / total, 5e-7 * (1 + size) * most};
}

void capped_and_gelu() {
  for (int round = 0; round < rounds(60); round++) {
    const int n = check::integer(1, 300);
    const size_t size = static_cast<size_t>(n);
    const std::vector<float> x = random_floats(size, round % 3 == 0 ? 0.2f : 6),
                             w = random_floats(size);
    const float cap = check::real(0.3f, 60);
    std::vector<float> gates, caps;
    for (const Kernels* kernels : available_kernels()) {
      std::vector<float> g = x, c = x;
      g.resize(size + 16, 7);
      c.resize(size + 16, 7);
      kernels->geglu(g.data(), w.data(), n);
      kernels->soft_cap(c.data(), cap, n);
      for (size_t i = size; i < size + 16; i++) CHECK(g[i] == 7 && c[i] == 7);
      if (gates.empty()) {
        gates = g;
        caps = c;
      }
      CHECK(same(gates, g) && same(caps, c));
    }
    for (size_t i = 0; i < size; i++) {
      const double v = static_cast<double>(x[i]), u = static_cast<double>(w[i]);
      const double inner = std::sqrt(2 / std::acos(-1.0)) * (v + 0.044715 * v * v * v);
      const double gelu = v / (1 + std::exp(-2 * inner)) * u;
      const double tight = static_cast<double>(cap) * std::tanh(v / static_cast<double>(cap));
      // an error of the exponent's argument is multiplied by it
      const double bound = (2e-6 + 4e-7 * std::fabs(inner)) * std::fabs(gelu) + 1e-30;
      CHECK(std::fabs(static_cast<double>(gates[i]) - gelu) <= bound);
      CHECK(std::fabs(static_cast<double>(caps[i]) - tight) <= 1e-6 * std::fabs(tight));
    }
  }
  const float inf = std::numeric_limits<float>::infinity();
  for (const Kernels* kernels : available_kernels()) {
    float x[] = {inf, -inf, 0.0f, std::numeric_limits<float>::quiet_NaN(), 1e30f};
    kernels->soft_cap(x, 3, 5);
    CHECK(x[0] == 3 && x[1] == -3 && x[2] == 0 && std::isnan(x[3]) && x[4] == 3);
  }
}

// Nothing but the tokens of a row's window is read into its result, and its bits are the same with
// any other rows beside it.
void attention() {
  for (int round = 0; round < rounds(60); round++) {
    const int n = 2 * check::integer(1, 70), heads = check::integer(1, 9);
    const int last = check::integer(0, 150), count = check::integer(1, std::min(20, last + 1));
    const int window = check::integer(0, 2) ? 1000 : check::integer(1, 70);
    const float cap = check::integer(0, 3) ? 0.0f : 5.0f;
    Paged kv(static_cast<KvType>(round % kv::kTypes), n, last + 1);
    const size_t width = static_cast<size_t>(heads * n);
    const std::vector<float> q = random_floats(static_cast<size_t>(count) * width, 0.3f);
    std::vector<float> first;
    std::vector<AttendRow> rows(static_cast<size_t>(count));
    for (const Kernels* kernels : available_kernels()) {
      std::vector<float> out = poisoned(q.size() + 16), alone = poisoned(q.size() + 16);
      for (std::vector<float>* to : {&out, &alone}) {
        for (size_t r = 0; r < rows.size(); r++) {
          const int position = last + 1 - count + static_cast<int>(r);
          rows[r] = {&q[r * width], to->data() + r * width, position,
                     std::max(0, position + 1 - window)};
        }
        if (to == &out)
          kernels->attend(rows.data(), count, heads, kv.view(cap));
        else
          for (const AttendRow& row : rows) kernels->attend(&row, 1, heads, kv.view(cap));
        for (size_t i = q.size(); i < to->size(); i++) CHECK(is_poison((*to)[i]));
      }
      if (first.empty()) first = out;
      CHECK(same(first, out) && same(first, alone));
    }
    for (int check = 0; check < 60; check++) {
      const size_t r = static_cast<size_t>(check::integer(0, count - 1));
      const int h = check::integer(0, heads - 1), i = check::integer(0, n - 1);
      const size_t at = r * width + static_cast<size_t>(h * n);
      const Exact exact = exact_attention(kv, &q[at], rows[r], cap, i);
      CHECK(std::fabs(static_cast<double>(first[at + static_cast<size_t>(i)]) - exact.value) <=
            exact.bound);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  check::begin(argc, argv);
  set_float_mode();
  quantization();
  elementwise();
  fused();
  rotation();
  capped_and_gelu();
  attention();
  return check::end("row_kernels_test");
}
