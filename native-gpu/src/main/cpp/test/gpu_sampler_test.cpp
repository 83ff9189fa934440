// R21: draws on the GPU, or its emulator, are the CPU's token for token: distributions from peaked to
// flat, with and without ties, in vocabularies that are sorted and that are put in bands, with biases,
// penalties and masks.
#include <algorithm>
#include <cmath>

#include "../cpu/thread_pool.hpp"
#include "../gpu/kernels/sampler.hpp"
#include "check.hpp"

namespace {

using namespace cairn;
using namespace cairn::gpu;

size_t size(int n) { return static_cast<size_t>(n); }

template <class T>
DeviceMemory uploaded(const std::vector<T>& values) {
  DeviceMemory memory(std::max<size_t>(1, values.size()) * sizeof(T));
  Stream stream;
  stream.upload(memory.as<T>(), values.data(), values.size() * sizeof(T));
  stream.synchronize();
  return memory;
}

// What one row is drawn from.
struct Row {
  std::vector<float> logits;
  SamplingParams params;
  std::vector<int32_t> history;
  int prompt;
  uint64_t seed;
  std::vector<LogitBias> biases;
  std::vector<uint64_t> allowed;
};

std::vector<float> random_logits(int n) {
  const float spreads[] = {0.001f, 0.3f, 1, 3, 8, 30};
  const float spread = spreads[check::integer(0, 5)];
  const bool ties = check::integer(0, 1);
  std::vector<float> l(size(n));
  for (float& f : l) {
    f = check::real(-1, 1) + check::real(-1, 1) + check::real(-1, 1);
    f = (ties ? std::round(f * 20) / 20 : f) * spread;
  }
  return l;
}

SamplingParams random_params(int n) {
  SamplingParams p;
  p.temperature = check::integer(0, 7) == 0 ? 0.0f : check::integer(0, 1) ? 1.0f : check::real(0.3f, 5);
  const int cut = check::integer(0, 7);
  const float share = check::integer(0, 1) ? check::real(0, 1) : 1 - check::real(0, 0.001f);
  if (cut & 1) p.topP = std::min(0.99999f, share);
  if (cut & 2) p.topK = check::integer(1, n);
  if (cut & 4) p.minP = check::integer(0, 2) == 0 ? 1 : check::real(0, 0.2f);
  if (check::integer(0, 2) == 0) p.repetitionPenalty = check::real(0.5f, 2);
  if (check::integer(0, 2) == 0) p.presencePenalty = check::real(-1, 2);
  if (check::integer(0, 2) == 0) p.frequencyPenalty = check::real(-1, 1);
  return p;
}

Row random_row(int n) {
  Row r{random_logits(n), random_params(n), {}, 1, check::random(), {}, {}};
  r.history.resize(size(check::integer(1, 40)));
  for (int32_t& t : r.history) t = check::integer(0, n - 1);
  r.prompt = check::integer(1, static_cast<int>(r.history.size()));
  if (check::integer(0, 1)) {
    std::vector<bool> named(size(n));
    for (int i = check::integer(1, 30); i > 0; i--) {
      const int32_t token = check::integer(0, n - 1);
      if (!named[size(token)]) r.biases.push_back({token, check::real(-8, 8)});
      named[size(token)] = true;
    }
  }
  if (check::integer(0, 1)) {
    const int sparse = check::integer(0, 1) ? 2 : std::max(2, n / 3);
    r.allowed.resize(size((n + 63) / 64));
    for (int t = 0; t < n; t++)
      if (check::integer(1, sparse) == 1) r.allowed[size(t / 64)] |= uint64_t{1} << (t % 64);
    const int sure = check::integer(0, n - 1);
    r.allowed[size(sure / 64)] |= uint64_t{1} << (sure % 64);
  }
  return r;
}

// All rows in one launch, one history each.
std::vector<int> drawn(const std::vector<Row>& rows, int n) {
  const size_t stride = 64, count = rows.size(), ld = (size(n) + 31) / 32 * 32;
  std::vector<float> logits(count * ld);
  std::vector<int> history(count * stride);
  std::vector<LogitJob> jobs;
  std::vector<uint8_t> steering;
  auto put = [&](const auto& values) {
    const size_t at = steering.size();
    const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
    steering.insert(steering.end(), bytes, bytes + values.size() * sizeof(values[0]));
    return static_cast<uint32_t>(at);
  };
  for (size_t i = 0; i < count; i++) {
    const Row& r = rows[i];
    std::copy(r.logits.begin(), r.logits.end(), &logits[i * ld]);
    std::copy(r.history.begin(), r.history.end(), &history[i * stride]);
    const int number = static_cast<int>(i);
    jobs.push_back({number, number, static_cast<int>(r.history.size()) - 1, 1, r.prompt, -1, r.params,
                    static_cast<uint32_t>(r.seed), static_cast<uint32_t>(r.seed >> 32),
                    static_cast<int>(r.biases.size()), r.allowed.empty() ? 0 : 1, put(r.biases),
                    put(r.allowed)});
  }
  const DrawScratchSize s(static_cast<int>(ld));
  const DeviceMemory deviceLogits = uploaded(logits), deviceHistory = uploaded(history),
                     deviceJobs = uploaded(jobs), deviceSteering = uploaded(steering);
  const DeviceMemory changed(count * s.logits * 4), counts(count * s.counts * 4),
      candidates(count * s.candidates * 8), runs(count * s.runs * 8), results(count * sizeof(LogitResult));
  Stream stream;
  stream.fill(counts.as(), 0, counts.bytes());
  draw({deviceLogits.as<float>(), ld, n, static_cast<int>(count), 0, deviceJobs.as<LogitJob>(),
        results.as<LogitResult>(), deviceHistory.as<int>(), stride,
        {changed.as<float>(), counts.as<uint32_t>(), candidates.as<uint64_t>(), runs.as<double>(),
         s.candidates, s.runs},
        deviceSteering.as()},
       false, stream.queue());
  std::vector<LogitResult> out(count);
  std::vector<int> after(history.size());
  stream.download(out.data(), results.as(), count * sizeof(LogitResult));
  stream.download(after.data(), deviceHistory.as(), after.size() * sizeof(int));
  stream.synchronize();
  std::vector<int> tokens;
  for (size_t i = 0; i < count; i++) {
    CHECK(out[i].finite == 1);
    CHECK(after[i * stride + rows[i].history.size()] == out[i].token);
    tokens.push_back(out[i].token);
  }
  return tokens;
}

void as_on_the_cpu(int n) {
  std::vector<Row> rows;
  for (int i = 0; i < 6; i++) rows.push_back(random_row(n));
  const std::vector<int> tokens = drawn(rows, n);
  Sampler sampler(kScalarKernels, n);
  for (size_t i = 0; i < rows.size(); i++) {
    Row& r = rows[i];
    const int32_t expected =
        sampler.sample(r.logits.data(), r.params, r.history.data(), static_cast<int>(r.history.size()),
                       r.prompt, r.seed, r.allowed, r.biases);
    CHECK(tokens[i] == expected);
    if (!r.allowed.empty()) CHECK((r.allowed[size(tokens[i] / 64)] >> (tokens[i] % 64) & 1) == 1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  check::begin(argc, argv);
  set_float_mode();
#if defined(GPU_EMU)
  for (const int wave : {32, 64}) {
    emulator::settings().wave = wave;
#endif
    for (int round = 0; round < 12; round++) as_on_the_cpu(check::integer(2, 700));
    for (int round = 0; round < 8; round++) as_on_the_cpu(check::integer(2049, 24000));
    as_on_the_cpu(2048);
    as_on_the_cpu(2049);
#if defined(GPU_EMU)
  }
#endif
  return check::end("gpu_sampler_test");
}
