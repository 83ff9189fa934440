// The engine on the GPU, or its emulator: for each sequence the very bits that the CPU gives, in
// whatever company and chunks, and typed failures where the device is lost.
#include <algorithm>
#include <cstring>
#include <deque>
#include <random>

#include "../cpu/thread_pool.hpp"
#include "../gpu/engine/gpu_runner.hpp"
#include "engine_steps.hpp"
#include "random_file.hpp"

namespace {

using namespace cairn;
using gpu::GpuRunner;

bool go_on(int64_t, int64_t) { return true; }

std::unique_ptr<Engine> on_gpu(const ModelDesc& desc, const EngineConfig& c) {
  return std::make_unique<Engine>(c, std::make_unique<GpuRunner>(desc, c, go_on));
}
std::unique_ptr<Engine> on_cpu(const ModelDesc& desc, const EngineConfig& c) {
  return std::make_unique<Engine>(desc, c, kScalarKernels, go_on);
}

// What a sequence yields.
struct Yield {
  std::vector<int32_t> tokens;
  std::vector<float> values;  // log-probabilities with their tokens

  void add(const Logprobs& l) {
    values.push_back(l.logprob);
    for (int i = 0; i < l.count; i++) {
      values.push_back(static_cast<float>(l.tokens[i]));
      values.push_back(l.values[i]);
    }
  }
  bool operator==(const Yield& o) const {
    return tokens == o.tokens && values.size() == o.values.size() &&
           std::memcmp(values.data(), o.values.data(), 4 * values.size()) == 0;
  }
};

SlotSpec random_request() {
  SlotSpec s;
  s.tokens.resize(static_cast<size_t>(check::integer(1, 40)));
  for (int32_t& t : s.tokens) t = check::integer(0, RandomFile::kVocabulary - 1);
  s.promptLength = check::integer(1, static_cast<int>(s.tokens.size()));
  const float temperatures[] = {0, 1, 30, 2000};
  s.sampling.temperature = temperatures[check::integer(0, 3)];
  if (check::integer(0, 1)) s.sampling.topK = check::integer(1, 80);
  if (check::integer(0, 1)) s.sampling.topP = check::real(0.1f, 1);
  if (check::integer(0, 2) == 0) s.sampling.minP = check::real(0, 0.3f);
  if (check::integer(0, 1)) s.sampling.repetitionPenalty = check::real(0.7f, 1.5f);
  if (check::integer(0, 1)) s.sampling.presencePenalty = check::real(-1, 2);
  if (check::integer(0, 1)) s.sampling.frequencyPenalty = check::real(-1, 1);
  for (int32_t t = check::integer(0, 1) * check::integer(1, 9); t > 0; t--)
    s.biases.push_back({t * 7, check::real(-5, 5)});
  s.seed = check::random();
  s.logprobs = check::integer(-1, 5);
  s.promptLogprobs = check::integer(0, 1);
  return s;
}

// The tokens that a sequence may draw next, the same whenever it is asked; none: all.
std::vector<uint64_t> allowed_after(uint64_t seed, int known) {
  std::mt19937_64 random(seed + static_cast<uint64_t>(known));
  if (seed % 3 != 0 || random() % 4 == 0) return {};
  return {random() | 1, random()};
}

// Sequences in random chunks and company, up to two steps in flight, until each has `count` tokens.
std::vector<Yield> yields(Engine& engine, const std::vector<SlotSpec>& specs, int count) {
  struct Sequence {
    int known, computed = 0, drawn = 0;
    std::vector<int32_t> blocks;
  };
  std::vector<Yield> out(specs.size());
  std::vector<Sequence> sequences;
  std::vector<int32_t> spare(kBlocks);
  for (int i = 0; i < kBlocks; i++) spare[static_cast<size_t>(i)] = i;
  std::shuffle(spare.begin(), spare.end(), check::random);
  for (size_t s = 0; s < specs.size(); s++) {
    engine.open_slot(static_cast<int32_t>(s), specs[s]);
    sequences.push_back({static_cast<int>(specs[s].tokens.size()), 0, 0, {}});
  }
  int inFlight = 0;
  auto await = [&] {
    const auto job = engine.await();
    inFlight--;
    for (size_t c = 0; c < job->chunks.size(); c++) {
      const ChunkOutput& o = job->outputs[c];
      Yield& y = out[static_cast<size_t>(job->chunks[c].slot)];
      CHECK(o.finite);
      for (const Logprobs& l : o.promptLogprobs) y.add(l);
      if (o.token >= 0) y.tokens.push_back(o.token);
      if (o.hasLogprobs) y.add(o.logprobs);
    }
  };
  for (;;) {
    std::vector<ChunkJob> chunks;
    int room = kBatch;
    for (size_t s = 0; s < sequences.size(); s++) {
      Sequence& q = sequences[s];
      if (q.drawn == count || room == 0 || check::integer(0, 4) == 0) continue;
      const int most = std::min(room, q.known - q.computed);
      const int n = check::integer(0, 1) ? most : check::integer(1, most);
      ChunkJob c{static_cast<int32_t>(s), q.computed, n, q.computed + n == q.known, false,
                 static_cast<int32_t>(q.blocks.size()), {}};
      while (static_cast<int>(q.blocks.size()) * 32 < q.computed + n) {
        q.blocks.push_back(spare.back());
        c.blocks.push_back(spare.back());
        spare.pop_back();
      }
      if (c.sample) c.allowed = allowed_after(specs[s].seed, q.known);
      q.computed += n;
      room -= n;
      if (c.sample) q.known++, q.drawn++;
      chunks.push_back(c);
    }
    if (!chunks.empty()) {
      engine.submit(1, chunks);
      inFlight++;
    } else if (std::all_of(sequences.begin(), sequences.end(),
                           [&](const Sequence& q) { return q.drawn == count; })) {
      break;
    }
    while (inFlight > check::integer(0, 1)) await();
  }
  while (inFlight > 0) await();
  for (size_t s = 0; s < specs.size(); s++) engine.free_slot(static_cast<int32_t>(s));
  return out;
}

void as_on_the_cpu(const std::vector<WeightType>& types, int width, bool odd, KvType kv) {
  const RandomFile file(types, width, odd);
  std::vector<SlotSpec> specs(3);
  for (SlotSpec& s : specs) s = random_request();
  const std::unique_ptr<Engine> cpu = on_cpu(file.desc(), config(1, kv));
  const std::unique_ptr<Engine> gpu = on_gpu(file.desc(), config(1, kv));
  const std::vector<Yield> expected = yields(*cpu, specs, 12);
  for (int round = 0; round < 2; round++) {
    const std::vector<Yield> actual = yields(*gpu, specs, 12);
    for (size_t s = 0; s < specs.size(); s++) CHECK(actual[s] == expected[s]);
  }
}

void graphs_change_nothing(const ModelDesc& desc) {
  std::vector<int32_t> tokens[2];
  for (const int graphs : {0, 64}) {
    EngineConfig c = config(1);
    c.gpu.graphs = graphs;
    tokens[graphs > 0] = submit_and_await([&] { return on_gpu(desc, c); });
  }
  CHECK(tokens[0] == tokens[1]);
  const std::vector<int32_t> cpu = submit_and_await([&] { return on_cpu(desc, config(1)); });
  CHECK(tokens[0] == cpu);
  auto made = std::make_unique<GpuRunner>(desc, config(1), go_on);
  GpuRunner* runner = made.get();
  Engine engine(config(1), std::move(made));
  SlotSpec spec;
  spec.tokens = {1};
  spec.promptLength = 1;
  engine.open_slot(0, spec);
  for (int32_t i = 0; i < 10; i++) {
    ChunkJob chunk{0, i, 1, true, false, i == 0 ? 0 : 1, {}};
    if (i == 0) chunk.blocks.push_back(3);
    engine.submit(i, {chunk});
    engine.await();
  }
  CHECK(runner->graph_launches() == 9);
}

Failure failure(const std::function<void()>& call) {
  try {
    call();
  } catch (const Failure& f) {
    return f;
  }
  return {Status::OK, ""};
}

bool says(const Failure& f, const char* what) {
  return std::string(f.what()).find(what) != std::string::npos;
}

#if defined(GPU_EMU)
// S19 and H9 begin here: a device that is lost, or that never answers, is a typed failure of every
// step in flight and of all later ones; nothing leaks and nothing waits for ever.
void lost_devices(const ModelDesc& desc) {
  using gpu::emulator::settings;
  const int64_t before = gpu::emulator::allocated_bytes();
  SlotSpec spec;
  spec.tokens = {1, 2, 3};
  spec.promptLength = 3;
  for (const bool hangs : {false, true}) {
    EngineConfig c = config(1);
    c.gpu.stepTimeoutMillis = hangs ? 50 : 60000;
    const std::unique_ptr<Engine> engine = on_gpu(desc, c);
    engine->open_slot(0, spec);
    engine->submit(1, {{0, 0, 3, true, false, 0, {0}}});
    CHECK(engine->await()->outputs[0].token >= 0);
    (hangs ? settings().hungAtLaunch : settings().lostAtLaunch) = gpu::emulator::launches() + 1;
    for (int32_t i = 0; i < 2; i++) engine->submit(2, {{0, 3 + i, 1, true, false, 1, {}}});
    for (int i = 0; i < 2; i++) {
      const Failure f = failure([&] { engine->await(); });
      CHECK(f.status == Status::LOST);
      CHECK(says(f, hangs ? "did not finish a step within 50 ms" : "the device is lost"));
    }
    engine->submit(3, {{0, 5, 1, true, false, 1, {}}});
    CHECK(failure([&] { engine->await(); }).status == Status::LOST);
    settings().lostAtLaunch = settings().hungAtLaunch = 0;
  }
  CHECK(gpu::emulator::allocated_bytes() == before);
  EngineConfig bad = config(1);
  bad.gpu.device = 1;
  CHECK(says(failure([&] { on_gpu(desc, bad); }), "device is 1, expected 0 to 0"));
  bad.gpu = {0, 1001, 1, 0};
  CHECK(says(failure([&] { on_gpu(desc, bad); }), "memoryShareThousandths is 1001"));
  settings().memoryBytes = 100000;
  const Failure full = failure([&] { on_gpu(desc, config(1)); });
  CHECK(full.status == Status::MEMORY && says(full, "0.900 of the free memory of emulator"));
  settings().memoryBytes = size_t{4} << 30;
  CHECK(gpu::emulator::allocated_bytes() == before);
}
#endif

// A sequence whose logits are infinite fails, in the steps already in flight too; its neighbour does
// not notice.
void not_finite() {
  const RandomFile file({WeightType::F32}, 64, false, 7);
  std::vector<int32_t> tokens[2];
  for (const bool gpu : {false, true}) {
    const std::unique_ptr<Engine> engine =
        gpu ? on_gpu(file.desc(), config(1)) : on_cpu(file.desc(), config(1));
    SlotSpec good, bad;
    good.tokens = {1, 2, 3};
    bad.tokens = {1, 2, 7};
    good.promptLength = bad.promptLength = 3;
    engine->open_slot(0, good);
    engine->open_slot(1, bad);
    engine->submit(1, {{0, 0, 3, true, false, 0, {0}}, {1, 0, 3, true, false, 0, {1}}});
    engine->submit(2, {{1, 3, 1, true, false, 1, {}}, {0, 3, 1, true, false, 1, {}}});
    const auto first = engine->await(), second = engine->await();
    engine->submit(3, {{1, 4, 1, true, false, 1, {}}, {0, 4, 1, true, false, 1, {}}});
    const auto third = engine->await();
    tokens[gpu] = {first->outputs[0].token, second->outputs[1].token, third->outputs[1].token};
    for (int32_t token : tokens[gpu]) CHECK(token >= 0);
    for (const ChunkOutput& o : {first->outputs[1], second->outputs[0], third->outputs[0]})
      CHECK(!o.finite && o.token == -1);
    engine->free_slot(1);
    engine->open_slot(1, good);
    engine->submit(4, {{1, 0, 3, true, false, 0, {2}}});
    CHECK(engine->await()->outputs[0].token == tokens[gpu][0]);
  }
  CHECK(tokens[0] == tokens[1]);
}

void drafts_as_on_the_cpu(const ModelDesc& desc) {
  for (const float temperature : {0.0f, 0.9f}) {
    Engine cpu(desc, config(1), kScalarKernels, [](int64_t, int64_t) { return true; });
    const std::vector<Drawn> expected = drafts_change_nothing(cpu, temperature, 1);
    const std::vector<Drawn> actual = drafts_change_nothing(*on_gpu(desc, config(1)), temperature, 2);
    for (size_t i = 0; i < expected.size(); i++) CHECK(expected[i].token == actual[i].token);
  }
}

void pooled_as_on_the_cpu(const ModelDesc& desc) {
  const auto expected = chunks_change_nothing_pooled(*on_cpu(desc, config(1)));
  const auto actual = chunks_change_nothing_pooled(*on_gpu(desc, config(1)));
  for (size_t i = 0; i < expected.size(); i++)
    CHECK(std::memcmp(actual[i].data(), expected[i].data(), 64 * sizeof(float)) == 0);
}

}  // namespace

int main(int argc, char** argv) {
  check::begin(argc, argv);
  set_float_mode();
  const SmallModel file;
#if defined(GPU_EMU)
  using gpu::emulator::MatrixUnit;
  const std::pair<int, MatrixUnit> kinds[] = {
      {32, MatrixUnit::MMA}, {64, MatrixUnit::MFMA}, {32, MatrixUnit::WMMA}, {64, MatrixUnit::NONE}};
#else
  const int kinds[] = {0};
#endif
  int kv = check::integer(0, 2);
  for (const auto& kind : kinds) {
#if defined(GPU_EMU)
    gpu::emulator::settings().wave = kind.first;
    gpu::emulator::settings().matrix = kind.second;
#else
    static_cast<void>(kind);
#endif
    as_on_the_cpu({WeightType::F32, WeightType::F16, WeightType::BF16, WeightType::Q8_0, WeightType::Q4_0,
                   WeightType::Q4_1, WeightType::Q5_0, WeightType::Q5_1},
                  64, true, static_cast<KvType>(kv++ % 3));
    as_on_the_cpu({WeightType::Q2_K, WeightType::Q3_K, WeightType::Q4_K, WeightType::Q5_K, WeightType::Q6_K},
                  256, false, static_cast<KvType>(kv++ % 3));
  }
  graphs_change_nothing(file.desc());
  drafts_as_on_the_cpu(file.desc());
  pooled_as_on_the_cpu(file.desc());
  arbitrary_steps(*on_gpu(file.desc(), config(1)), 1000);
#if defined(GPU_EMU)
  lost_devices(file.desc());
#endif
  not_finite();
  return check::end("gpu_engine_test");
}
