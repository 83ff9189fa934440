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
  for (int round = 0; round < 50; round++) {
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
  for (int round = 0; round < 60; round++) {
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

void capped_and_gelu() {
  for (int round = 0; round < 60; round++) {
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

// Keys and values of every other token of the store are NaN, those before the first position too:
// none of them may be read into a result.
void attention() {
  for (int round = 0; round < 60; round++) {
    const int n = 2 * check::integer(1, 70), heads = check::integer(1, 9),
              position = check::integer(0, 150);
    const int from = round % 2 == 0 ? 0 : check::integer(0, position);
    const float cap = round % 3 == 0 ? 0 : check::real(0.4f, 3);
    const int tilesPerBlock = check::integer(1, 3), stride = kv::value_stride(n);
    const size_t tile = kv::tile_elements(n),
                 block = tile * static_cast<size_t>(tilesPerBlock) + 32;
    std::vector<int32_t> blocks(static_cast<size_t>(position / (32 * tilesPerBlock)) + 1);
    for (size_t i = 0; i < blocks.size(); i++)
      blocks[i] = static_cast<int32_t>((i * 5 + 3) % (blocks.size() * 5 + 7));
    std::vector<uint16_t> store((blocks.size() * 5 + 8) * block, 0x7e00);
    std::vector<float> k, v;
    for (int t = from; t <= position; t++) {
      uint16_t* at =
          &store[static_cast<size_t>(blocks[static_cast<size_t>(t / (32 * tilesPerBlock))]) *
                     block +
                 static_cast<size_t>(t / 32 % tilesPerBlock) * tile];
      for (int i = 0; i < n; i++) {
        const uint16_t hk = float_to_half(check::real(-2, 2)),
                       hv = float_to_half(check::real(-2, 2));
        at[i * 32 + t % 32] = hk;
        at[32 * n + t % 32 * stride + i] = hv;
        k.push_back(half_to_float(hk));
        v.push_back(half_to_float(hv));
      }
    }
    const std::vector<float> q = random_floats(static_cast<size_t>(heads * n), 0.3f);
    const KvView view{store.data(), block, blocks.data(), tilesPerBlock, n, from, cap};
    std::vector<float> first;
    for (const Kernels* kernels : available_kernels()) {
      std::vector<float> out = poisoned(q.size() + 16);
      kernels->attend(q.data(), heads, position, view, out.data());
      for (size_t i = q.size(); i < out.size(); i++) CHECK(is_poison(out[i]));
      if (first.empty()) first = out;
      CHECK(same(first, out));
    }
    for (int h = 0; h < heads; h++) {
      std::vector<double> p;
      double total = 0;
      for (int t = from; t <= position; t++) {
        double s = 0;
        for (int i = 0; i < n; i++)
          s += static_cast<double>(q[static_cast<size_t>(h * n + i)]) *
               static_cast<double>(k[static_cast<size_t>((t - from) * n + i)]);
        if (cap != 0) s = static_cast<double>(cap) * std::tanh(s / static_cast<double>(cap));
        p.push_back(std::exp(s));
        total += p.back();
      }
      for (int i = 0; i < n; i++) {
        double o = 0;
        for (size_t t = 0; t < p.size(); t++)
          o += p[t] / total *
               static_cast<double>(v[t * static_cast<size_t>(n) + static_cast<size_t>(i)]);
        CHECK(std::fabs(static_cast<double>(first[static_cast<size_t>(h * n + i)]) - o) <= 2e-5);
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  check::begin(argc, argv);
  set_float_mode();
  quantization();
  elementwise();
  capped_and_gelu();
  attention();
  return check::end("row_kernels_test");
}
