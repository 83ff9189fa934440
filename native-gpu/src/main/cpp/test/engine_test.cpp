// The engine through its C++ face: a small random model, arbitrary steps, two threads.
#include "../cpu/engine.hpp"

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <fstream>
#include <thread>

#include "../cpu/half.hpp"
#include "../cpu/status.hpp"
#include "check.hpp"
#include "engine_steps.hpp"
#include "isa.hpp"

namespace {

using namespace cairn;

// Each type of keys and values gives bits of its own, near the others, however a prompt is cut.
void kv_types(const ModelDesc& desc) {
  std::vector<float> exact;
  for (const KvType type : {KvType::F32, KvType::F16, KvType::Q8_0}) {
    std::vector<float> expected;
    for (const Kernels* kernels : available_kernels()) {
      Engine engine(desc, config(2, type), *kernels, [](int64_t, int64_t) { return true; });
      for (int step : {64, 1, 33}) {
        const std::vector<float> values = prompt_logprobs(engine, step);
        if (expected.empty()) expected = values;
        CHECK(values.size() == 69 &&
              std::memcmp(values.data(), expected.data(), 4 * values.size()) == 0);
      }
    }
    if (exact.empty()) {
      exact = expected;
      continue;
    }
    float most = 0;
    for (size_t i = 0; i < exact.size(); i++) most = std::max(most, std::fabs(exact[i] - expected[i]));
    CHECK(most > 0 && most < (type == KvType::F16 ? 0.02f : 0.4f));
  }
}

// A mapped file yields the bits of packed weights, in less memory.
void mapped(const ModelDesc& desc) {
  for (const Kernels* kernels : available_kernels())
    for (int threads : {1, 2}) {
      std::vector<std::vector<float>> values;
      size_t bytes[2];
      for (const WeightStore store : {WeightStore::PACKED, WeightStore::MAPPED}) {
        EngineConfig c = config(threads);
        c.weights = store;
        Engine engine(desc, c, *kernels, [](int64_t, int64_t) { return true; });
        bytes[store == WeightStore::MAPPED] = engine.weight_bytes();
        CHECK((engine.mapped_bytes() > 0) == (store == WeightStore::MAPPED));
        for (int step : {64, 1, 33}) values.push_back(prompt_logprobs(engine, step));
      }
      for (const std::vector<float>& v : values)
        CHECK(v.size() == 69 && std::memcmp(v.data(), values[0].data(), 4 * v.size()) == 0);
      CHECK(bytes[1] < bytes[0]);
    }
}

// Pinned threads may each run on one processor, and no more of them than there are.
void pinning(const ModelDesc& desc) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  sched_getaffinity(0, sizeof allowed, &allowed);
  const int processors = CPU_COUNT(&allowed);
  for (const bool pinned : {false, true}) {
    Engine engine(desc, config(2, KvType::F16, pinned), kScalarKernels,
                  [](int64_t, int64_t) { return true; });
    CHECK(engine.pinned_threads() == (pinned ? std::min(2, processors) : 0));
    CHECK(prompt_logprobs(engine, 40).size() == 69);
  }
  ThreadPool pool(2, true);
  std::atomic<int> alone{0}, arrived{0};
  std::thread([&] {
    pool.enter();
    pool.run(2, [&](int, int) {
      arrived++;
      while (arrived < 2) std::this_thread::yield();
      cpu_set_t mine;
      CPU_ZERO(&mine);
      sched_getaffinity(0, sizeof mine, &mine);
      if (CPU_COUNT(&mine) == 1) alone++;
    });
  }).join();
  CHECK(alone == std::min(2, processors));
}

void drafts(const ModelDesc& desc) {
  for (const Kernels* kernels : available_kernels())
    for (const float temperature : {0.0f, 0.9f}) {
      Engine engine(desc, config(2), *kernels, [](int64_t, int64_t) { return true; });
      drafts_change_nothing(engine, temperature, 5);
    }
}

// What is pooled has the same bits with every instruction set and number of threads.
void pooled(const ModelDesc& desc) {
  std::vector<std::vector<float>> expected;
  for (const Kernels* kernels : available_kernels())
    for (const int threads : {1, 2}) {
      Engine engine(desc, config(threads), *kernels, [](int64_t, int64_t) { return true; });
      const auto actual = chunks_change_nothing_pooled(engine);
      if (expected.empty()) expected = actual;
      for (size_t i = 0; i < expected.size(); i++)
        CHECK(std::memcmp(actual[i].data(), expected[i].data(), 64 * sizeof(float)) == 0);
    }
}

void descriptions(const ModelDesc& good) {
  auto refused = [](const ModelDesc& d) {
    int count = 0;
    for (const WeightStore store : {WeightStore::PACKED, WeightStore::MAPPED}) try {
        Model model(d, store, 2);
        ThreadPool pool(2);
        model.load([](int64_t, int64_t) { return true; }, pool);
      } catch (const Failure& f) {
        CHECK(f.status == Status::MODEL);
        count++;
      }
    CHECK(count == 0 || count == 2);
    return count > 0;
  };
  CHECK(!refused(good));
  for (size_t i = 0; i < good.tensors.size(); i++) {
    if (good.tensors[i].bytes == 0) continue;
    for (int64_t TensorDesc::* field :
         {&TensorDesc::offset, &TensorDesc::bytes, &TensorDesc::in, &TensorDesc::out})
      for (int64_t value : {int64_t{-1}, int64_t{1} << 40, INT64_MAX, INT64_MIN}) {
        ModelDesc d = good;
        d.tensors[i].*field = value;
        // A vector's shape is its length in bytes.
        const bool shape = field == &TensorDesc::in || field == &TensorDesc::out;
        if (shape && good.tensors[i].out == 1) continue;
        CHECK(refused(d));
      }
    ModelDesc d = good;
    d.tensors[i].type = check::integer(3, 7);
    CHECK(refused(d));
  }
  for (int32_t ModelDesc::* field :
       {&ModelDesc::embedding, &ModelDesc::layers, &ModelDesc::heads, &ModelDesc::kvHeads,
        &ModelDesc::headLength, &ModelDesc::feedForward, &ModelDesc::vocabulary,
        &ModelDesc::ropeDimensions})
    for (int32_t value : {0, -1, 3, INT32_MAX, INT32_MIN}) {
      ModelDesc d = good;
      d.*field = value;
      CHECK(refused(d));
    }
}

}  // namespace

int main(int argc, char** argv) {
  check::begin(argc, argv);
  const SmallModel file;
  descriptions(file.desc());
  kv_types(file.desc());
  mapped(file.desc());
  pinning(file.desc());
  drafts(file.desc());
  pooled(file.desc());
  for (const Kernels* k : available_kernels()) {
    auto open = [&] {
      return std::make_unique<Engine>(file.desc(), config(2), *k,
                                      [](int64_t, int64_t) { return true; });
    };
    arbitrary_steps(*open(), 6000);
    submit_and_await(open);
  }
  return check::end("engine_test");
}
