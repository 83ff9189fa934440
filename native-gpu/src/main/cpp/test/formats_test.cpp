// What a panel yields is what the file says: against a reader of its own in double precision, and
// against fixed blocks whose values another implementation gave.
#include <cmath>
#include <cstring>
#include <vector>

#include "../cpu/formats.hpp"
#include "check.hpp"
#include "packed.hpp"

namespace {

using namespace cairn;

// What a panel yields as an embedding is the file's value, rounded once.
void packing(WeightType type, Scales scales) {
  CHECK(block_bytes(type) == file_layout(type).bytes);
  CHECK(block_length(type) == file_layout(type).length);
  const Packed p = pack(type, 45, 512, scales);
  std::vector<float> column(512);
  for (int n = 0; n < 45; n++) {
    read_column(type, 512, p.panels + static_cast<size_t>(n / 32) * panel_bytes(type, 512), n % 32,
                column.data());
    const uint8_t* row = &p.file[static_cast<size_t>(n) * row_bytes(type, 512)];
    for (size_t i = 0; i < 512; i++)
      CHECK(static_cast<double>(column[i]) ==
            static_cast<double>(static_cast<float>(file_value(type, row, i).sum())));
    std::vector<float> direct(512);
    read_row(type, 512, row, direct.data());
    CHECK(std::memcmp(direct.data(), column.data(), 512 * sizeof(float)) == 0);
  }
  for (int place : {file_layout(type).scale, file_layout(type).minimum}) {
    if (place < 0) continue;
    std::vector<uint8_t> bad(p.file);
    const uint16_t infinite = 0x7c00;
    std::memcpy(&bad[static_cast<size_t>(place)], &infinite, 2);
    CHECK(scales_are_finite(type, 512, p.file.data(), 32));
    CHECK(!scales_are_finite(type, 512, bad.data(), 32));
  }
}

// 512 weights of a type: FNV-1a of the bits of all values (zeros positive), and the values at
// kPlaces. Made with gguf-py's dequantize from the blocks of fixed_row().
struct Golden {
  WeightType type;
  uint64_t hash;
  float values[8];
};

constexpr size_t kPlaces[8] = {0, 1, 17, 40, 100, 201, 255, 511};

const Golden kGolden[] = {
    {WeightType::Q4_0,
     0xc6dd5f895af69c47,
     {0.0999755859f, -0.299926758f, 0.299926758f, -0.30670166f, 0.747253418f, 0.227050781f,
      -0.694702148f, 0.428100586f}},
    {WeightType::Q4_1,
     0x6634bdd359f2fc0a,
     {0.789772034f, 1.08969879f, 0.489845276f, 1.01202393f, 1.37687683f, 0.896476746f, 0.103775024f,
      1.41273499f}},
    {WeightType::Q5_0,
     0x8b61975bcc93bb3c,
     {-1.09973145f, 1.09973145f, -1.59960938f, -0.92010498f, -0.213500977f, -0.567626953f,
      -1.15783691f, 0.570800781f}},
    {WeightType::Q5_1,
     0x11568098c0707a0c,
     {2.38938141f, 3.08921051f, 1.78952789f, 0.500854492f, 1.27012634f, 2.82640839f, 1.37739563f,
      0.271133423f}},
    {WeightType::Q8_0,
     0xdad0bfd9049791f0,
     {0.49987793f, -1.79956055f, 1.19970703f, 11.8591309f, -10.1412964f, 14.3041992f, 13.1993408f,
      -13.8419189f}},
    {WeightType::Q2_K,
     0x2b231581aaba3865,
     {0.599853516f, 0.0f, 3.73957825f, 0.360122681f, 4.31936646f, 1.31006622f, 3.00930023f,
      1.03265381f}},
    {WeightType::Q3_K,
     0x1dbb0226d746aa10,
     {-1.89953613f, 3.79907227f, 4.19897461f, 7.99804688f, -0.999755859f, 0.0f, -0.199951172f,
      9.81445312f}},
    {WeightType::Q4_K,
     0x5085144af8d0c972,
     {44.5009232f, 16.5077591f, 4.51068878f, 23.6662216f, 2.54127502f, 3.42996979f, 13.9782715f,
      1.23712158f}},
    {WeightType::Q5_K,
     0x2a46ee8fcf00d112,
     {36.5229416f, 7.72997284f, 14.928215f, 0.0702285767f, 143.436279f, 3.5811615f, 19.2966919f,
      109.575012f}},
    {WeightType::Q6_K,
     0xb2d714297a4ed598,
     {31.7922363f, 47.6883545f, -5.99853516f, 60.8851318f, 0.0f, 43.1894531f, -144.864624f,
      -2.86254883f}},
    {WeightType::BF16,
     0x9fe862126671fb7e,
     {-0.00830078125f, -0.145507812f, -2.20309881e-16f, 1.74535475e-29f, 8.73114914e-11f,
      0.5234375f, -4.52928361e-10f, 1.2468325e-18f}},
};

// Bytes of a linear congruential generator with the scales of each block set to small numbers.
std::vector<uint8_t> fixed_row(WeightType type) {
  const FileLayout layout = file_layout(type);
  std::vector<uint8_t> row(512 / layout.length * layout.bytes);
  uint32_t x = 12345u + static_cast<uint32_t>(type);
  for (uint8_t& b : row) {
    x = x * 1664525u + 1013904223u;
    b = static_cast<uint8_t>(x >> 24);
  }
  for (size_t i = 0; i < 512 / layout.length; i++) {
    uint8_t* block = &row[i * layout.bytes];
    if (type == WeightType::BF16) block[1] &= 0xbf;
    const uint16_t d = static_cast<uint16_t>(0x2e66 + 37 * i);
    const uint16_t m = static_cast<uint16_t>(0xa123 + 37 * i);
    if (layout.scale >= 0) std::memcpy(block + layout.scale, &d, 2);
    if (layout.minimum >= 0) std::memcpy(block + layout.minimum, &m, 2);
  }
  return row;
}

void golden(const Golden& expected) {
  const std::vector<uint8_t> row = fixed_row(expected.type);
  std::vector<uint8_t> panel(panel_bytes(expected.type, 512));
  pack_panel(expected.type, 512, row.data(), 1, panel.data());
  std::vector<float> values(512);
  read_column(expected.type, 512, panel.data(), 0, values.data());
  uint64_t hash = 14695981039346656037u;
  for (float value : values) {
    const float canonical = value + 0.0f;
    uint8_t bytes[4];
    std::memcpy(bytes, &canonical, 4);
    for (uint8_t b : bytes) hash = (hash ^ b) * 1099511628211u;
  }
  CHECK(hash == expected.hash);
  for (size_t i = 0; i < 8; i++) CHECK(std::fabs(values[kPlaces[i]] - expected.values[i]) == 0.0f);
}

}  // namespace

int main(int argc, char** argv) {
  check::begin(argc, argv);
  for (WeightType type : kAllTypes) {
    packing(type, Scales::ORDINARY);
    packing(type, Scales::EXTREME);
  }
  for (const Golden& expected : kGolden) golden(expected);
  return check::end("formats_test");
}
