#include "pipeline/catalogue/detection.h"

#include <algorithm>

namespace hecate::catalogue {

int Detection::risk_score() const {
  int greatest = 0;
  for (const RiskObject& object : risk_objects) greatest = std::max(greatest, object.score);
  return greatest;
}

}  // namespace hecate::catalogue
