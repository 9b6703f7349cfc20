#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace hecate::ingest {

// What is counted of one input. At rest received = evaluated + rejected.
class InputProbe {
 public:
  InputProbe(prometheus::Registry& registry, std::string input);

  // A way in that rejects nothing shows no reason.
  [[nodiscard]] prometheus::Counter& rejected(std::string_view reason);

  prometheus::Counter& received;
  prometheus::Counter& evaluated;
  prometheus::Counter& malformed;
  prometheus::Gauge& queue_bytes;

 private:
  std::string input_;
  prometheus::Family<prometheus::Counter>& rejections_;
};

// What is counted of all inputs together.
struct Probe {
  explicit Probe(prometheus::Registry& registry);

  prometheus::Counter& rows_cut;
  prometheus::Family<prometheus::Counter>& aside;
  prometheus::Counter& late;
  prometheus::Counter& future;
  prometheus::Family<prometheus::Counter>& candidates;
  prometheus::Family<prometheus::Counter>& seconds;
  prometheus::Family<prometheus::Counter>& matches;
};

}  // namespace hecate::ingest
