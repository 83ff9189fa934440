// Accuracy of the engine's own elementary functions and half precision, against the C library.
#include "../cpu/math.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "../cpu/cpu_features.hpp"
#include "../cpu/half.hpp"
#include "../cpu/philox.hpp"
#include "../cpu/thread_pool.hpp"
#include "check.hpp"
#include "isa.hpp"

namespace {

using namespace cairn;

bool close(double value, double expected, double relative) {
  return std::fabs(value - expected) <= relative * std::fabs(expected);
}

void double_functions() {
  for (int i = 0; i < 20000; i++) {
    const double x = check::real(-600, 600),
                 y = std::ldexp(check::real(0.5, 1), check::integer(-100, 100));
    CHECK(close(math::exp(x), std::exp(x), 2e-15));
    CHECK(std::fabs(math::log(y) - std::log(y)) <= 4e-15 * std::max(1.0, std::fabs(std::log(y))));
    const double a = check::real(-300000, 300000);
    double s, c;
    math::sin_cos(a, &s, &c);
    CHECK(std::fabs(s - std::sin(a)) < 1e-14);
    CHECK(std::fabs(c - std::cos(a)) < 1e-14);
    const double e = check::real(-1, 1), base = check::real(1, 1e6);
    CHECK(close(math::pow(base, e), std::pow(base, e), 1e-14));
  }
  CHECK(math::exp(0) == 1 && math::log(1) == 0);
}

void float_exp() {
  set_float_mode();
  std::vector<float> x, first;
  for (int i = 0; i < 40000; i++) x.push_back(check::real(-87.3f, 88.3f));
  for (float v : {0.0f, -87.4f, -1000.0f, -std::numeric_limits<float>::infinity(), 1e-30f})
    x.push_back(v);
  x.push_back(std::numeric_limits<float>::quiet_NaN());
  const int n = static_cast<int>(x.size());
  for (const Kernels* k : available_kernels()) {
    std::vector<float> y(x.size());
    k->exp_values(x.data(), y.data(), n);
    for (int i = 0; i < 40000; i++)
      CHECK(close(y[static_cast<size_t>(i)],
                  std::exp(static_cast<double>(x[static_cast<size_t>(i)])), 2.4e-7));
    CHECK(y[40000] == 1 && y[40001] == 0 && y[40002] == 0 && y[40003] == 0 && y[40004] == 1);
    CHECK(std::isnan(y[40005]));
    if (first.empty()) first = y;
    CHECK(std::memcmp(first.data(), y.data(), 4 * 40005) == 0);
  }
}

void halves() {
  for (uint32_t h = 0; h < 65536; h++) {
    const uint16_t bits = static_cast<uint16_t>(h);
    const float f = half_to_float(bits);
    if ((bits & 0x7fff) > 0x7c00) {
      CHECK(std::isnan(f) && std::isnan(half_to_float(float_to_half(f))));
      continue;
    }
    CHECK(float_to_half(f) == bits);
    const int e = bits >> 10 & 31;
    const double m = e == 0 ? (bits & 1023) / 1024.0 : 1 + (bits & 1023) / 1024.0;
    if (e < 31) CHECK(std::fabs(f) == std::ldexp(m, (e == 0 ? 1 : e) - 15));
  }
  CHECK(float_to_half(65519.0f) == 0x7bff && float_to_half(65520.0f) == 0x7c00);
  CHECK(float_to_half(1.00048828125f) == 0x3c00 && float_to_half(1.0014648438f) == 0x3c02);
}

// Known answers of the Random123 distribution.
void philox_known_answers() {
  using W = PhiloxWords;
  CHECK((philox({{0, 0, 0, 0}}, 0, 0) == W{{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}));
  CHECK((philox({{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}}, 0xffffffff, 0xffffffff) ==
         W{{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}));
  CHECK((philox({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0) ==
         W{{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}));
  double sum = 0;
  for (uint64_t i = 0; i < 20000; i++) {
    const double u = uniform(check::seed, i);
    CHECK(u >= 0 && u < 1);
    sum += u;
  }
  CHECK(std::fabs(sum / 20000 - 0.5) < 0.02);
}

}  // namespace

int main(int argc, char** argv) {
  check::begin(argc, argv);
  double_functions();
  halves();
  philox_known_answers();
  float_exp();
  return check::end("math_test");
}
